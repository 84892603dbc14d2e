package store

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func noise(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// newDiskFile returns a file with a pool of blocks that holds first, if not nil.
func newDiskFile(t *testing.T, first []byte) *diskFile {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	p := &sync.Pool{}
	if first != nil {
		p.New = func() any { return &first }
	}
	return &diskFile{File: f, blocks: p}
}

func TestDiskFile(t *testing.T) {
	for _, size := range []int{0, 1, 511, block - 1, block, block + 1, 2 * block, 3*block + 4097} {
		want := noise(uint64(size), size)
		for _, step := range []int{1000, 4096, block, 3 * block} {
			f := newDiskFile(t, nil)
			for rest := want; len(rest) > 0; {
				n, err := f.Write(rest[:min(step, len(rest))])
				require.NoError(t, err)
				rest = rest[n:]
			}
			require.NoError(t, f.Close())
			got, err := os.ReadFile(f.Name())
			require.NoError(t, err)
			assert.True(t, bytes.Equal(want, got), "%d bytes, by %d", size, step)
		}
	}
}

// A block that is not aligned is written through the cache.
func TestDiskFileWithoutDirect(t *testing.T) {
	f := newDiskFile(t, make([]byte, block+1)[1:])
	want := noise(1, 2*block+5)
	for rest := want; len(rest) > 0; rest = rest[min(len(rest), block):] {
		_, err := f.Write(rest[:min(len(rest), block)])
		require.NoError(t, err)
		f.wait() // there is only one block
	}
	require.NoError(t, f.Close())
	got, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	assert.True(t, bytes.Equal(want, got))
}

// An error of a concurrent write is reported.
func TestDiskFileError(t *testing.T) {
	for _, more := range []int{0, 10, block} {
		f := newDiskFile(t, nil)
		name := f.Name()
		f.File.Close()
		ro, err := os.Open(name) // cannot be written to
		require.NoError(t, err)
		f.File = ro
		f.Write(noise(1, block))
		f.Write(noise(2, more))
		assert.Error(t, f.Close())
		n, err := f.Write([]byte("x"))
		assert.Zero(t, n)
		assert.Error(t, err)
	}
}
