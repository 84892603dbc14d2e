package archive

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

func sized(bytes int64, compactedIn int64) index.File {
	return index.File{File: ledger.File{Path: fmt.Sprint(rand.Uint64()), Bytes: bytes}, Batch: compactedIn, Compacted: compactedIn > 0}
}

// compactSizes does to sizes what a compaction does: the files shrink, as merger.next
// expects after the first.
func compactSizes(files []index.File, batch, size int64, sorted bool, shrink float64) []index.File {
	in := chooseSmall(files, size, sorted)
	if in == nil {
		return nil
	}
	chosen := map[string]bool{}
	var out []index.File
	for _, f := range in {
		chosen[f.Path] = true
	}
	for _, f := range files {
		if !chosen[f.Path] {
			out = append(out, f)
		}
	}
	m := &merger{compactor: &compactor{Compaction: &Compaction{Size: size}}, rows: 1 << 30, stored: totalBytes(in)}
	for left := m.rows; left > 0; {
		n := m.next(left)
		bytes := int64(float64(m.stored) * float64(n) / float64(m.rows) * shrink)
		m.files = append(m.files, ledger.File{Bytes: bytes})
		out = append(out, sized(bytes, batch))
		left -= n
	}
	return out
}

// However a directory came about, a second run changes nothing, a directory that fits
// into one file has at most two, and large files are left alone.
func TestChoose(t *testing.T) {
	for seed := range uint64(20_000) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		const size = 1000
		sorted, shrink := rnd.IntN(2) == 0, 0.5+rnd.Float64()*0.52
		var files []index.File
		for round := range int64(1 + rnd.IntN(6)) {
			most := 1 + rnd.Int64N(600)
			for range rnd.IntN(8) {
				files = append(files, sized(1+rnd.Int64N(most), 0))
			}
			was := append([]index.File(nil), files...)
			if after := compactSizes(files, round+1, size, sorted, shrink); after != nil {
				files = after
			}
			require.Nil(t, compactSizes(files, 99, size, sorted, shrink), "seed %d: %v became %v", seed, was, files)
			if totalBytes(files) <= size {
				require.LessOrEqual(t, len(files), 2, "seed %d: %v became %v", seed, was, files)
			}
			for _, f := range was {
				if f.Bytes >= size/2 {
					require.Contains(t, files, f)
				}
			}
		}
	}
}

// Late rows do not rewrite a directory each time; a larger Size does, once.
func TestChooseFew(t *testing.T) {
	large, small, late := sized(450, 1), sized(50, 2), sized(30, 0)
	assert.Equal(t, []index.File{small, late}, chooseSmall([]index.File{large, small, late}, 1000, false))
	assert.Nil(t, chooseSmall([]index.File{large, small}, 1000, false))
	assert.Nil(t, chooseSmall([]index.File{large, late}, 1000, false))
	assert.Equal(t, []index.File{late}, chooseSmall([]index.File{large, late}, 1000, true), "it is not sorted yet")
	medium := sized(120, 0)
	assert.Len(t, chooseSmall([]index.File{large, medium}, 1000, false), 2, "it is not much smaller")
	parts := []index.File{sized(60, 1), sized(60, 1), sized(60, 1), sized(60, 1)}
	assert.Nil(t, chooseSmall(parts, 100, false))
	assert.Len(t, chooseSmall(parts, 1000, false), 4)
}
