package alert

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/inflight"
	"github.com/skyfinch/skyfinch/internal/recordsize"
	"github.com/skyfinch/skyfinch/stream"
)

// peakAllocator measures the most memory that is allocated at a time.
type peakAllocator struct {
	memory.Allocator
	mu        sync.Mutex
	now, peak int
}

func (a *peakAllocator) count(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now += n
	a.peak = max(a.peak, a.now)
}

func (a *peakAllocator) Allocate(n int) []byte { a.count(n); return a.Allocator.Allocate(n) }
func (a *peakAllocator) Free(b []byte)         { a.count(-len(b)); a.Allocator.Free(b) }
func (a *peakAllocator) Reallocate(n int, b []byte) []byte {
	a.count(n) // both exist while one is copied
	defer a.count(-len(b))
	return a.Allocator.Reallocate(n, b)
}

// elements is a list of n elements of one byte.
func elements(n int, b byte) []byte { return cat(vint(int64(n)), bytes.Repeat([]byte{b}, n), vint(0)) }

// Each packet takes far more memory than its bytes. Good ones beside it are
// archived.
func TestPacketsThatExhaustMemory(t *testing.T) {
	array := func(items string) string { return `{"type":"array","items":` + items + `}` }
	symbols := func(size int) string {
		return array(`{"type":"enum","name":"e","symbols":["` + string(bytes.Repeat([]byte("x"), size)) + `"]}`)
	}
	const mb = 1 << 20
	for name, c := range map[string]struct {
		typ      string
		datum    []byte
		rejected bool
	}{
		"long enum symbols": {symbols(100_000), elements(5000, 0), true},
		"many enum symbols": {symbols(250), elements(mb, 0), true},
		"short symbols":     {symbols(20), elements(100_000, 0), false},
		"null records":      {array(`["null",{"type":"record","name":"n","fields":[{"name":"a","type":"double"},{"name":"b","type":"double"},{"name":"c","type":"double"},{"name":"d","type":"double"}]}]`), elements(mb, 0), true},
		"null doubles":      {array(`["null","double"]`), elements(8*mb, 0), true},
		"empty bytes":       {array(`"bytes"`), elements(4*mb, 0), true},
		"longs":             {array(`"long"`), elements(8*mb, 2), true},
		"a light curve":     {array(`["null","double"]`), elements(mb, 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			mem := &peakAllocator{Allocator: memory.NewGoAllocator()}
			d := &Decoder{Alloc: mem}
			defer d.Close()
			in := chunk(t, memory.NewGoAllocator(), values(file(plain, ztfDatum(1, goodJD)),
				file(ztfSchema("s", fmt.Sprintf(`,{"name":"x","type":%s}`, c.typ), ""), ztfDatum(2, goodJD, c.datum)),
				file(plain, ztfDatum(3, goodJD)))...)
			defer in.Release()
			r, err := d.Apply(t.Context(), stream.Rows{Record: in})
			require.NoError(t, err)
			defer r.Release()
			if c.rejected {
				require.Contains(t, causes(r)[1], "avroarrow: x[]"[:12])
				require.Contains(t, causes(r)[1], "list elements and enum symbols take more than 33554432 bytes, or 32 for each byte of the datum")
				require.Len(t, r.Rejects, 1)
			} else {
				require.Empty(t, r.Rejects)
			}
			assert.Less(t, mem.peak, 100*mb)
		})
	}
}

// A call asks for memory beyond a few MiB before it takes it.
func TestApplyAsksForMemory(t *testing.T) {
	msg := file(ztfSchema("s", `,{"name":"x","type":{"type":"array","items":["null","double"]}}`, ""), ztfDatum(1, goodJD, elements(1<<20, 0)))
	var asked int64
	ctx := inflight.With(t.Context(), func(n int64) { asked += n })
	apply := func(msgs ...message) (size int64) {
		asked = 0
		in := chunk(t, memory.NewGoAllocator(), msgs...)
		defer in.Release()
		r, err := (&Decoder{}).Apply(ctx, stream.Rows{Record: in})
		require.NoError(t, err)
		defer r.Release()
		require.Empty(t, r.Rejects)
		return recordsize.Of(r.Rows[0].Record)
	}
	size := apply(values(msg, msg, msg)...)
	assert.GreaterOrEqual(t, asked+freeMemory, size)
	assert.Less(t, asked, 2*size)
	apply(values(file(plain, ztfDatum(1, goodJD)))...)
	assert.Zero(t, asked)
	_, err := (&Decoder{}).Apply(context.Background(), stream.Rows{Record: chunk(t, memory.NewGoAllocator(), values(msg, msg)...)})
	assert.NoError(t, err, "without an engine")
}
