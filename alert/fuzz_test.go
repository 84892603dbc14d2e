package alert

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// seeds are valid and invalid messages of all framings.
func seeds() []message {
	good := ztfDatum(7, goodJD)
	wide := ztfSchema("w", `,{"name":"l","type":{"type":"array","items":["null","string"]}},{"name":"b","type":"bytes"}`,
		`,{"name":"m","type":["null","float"]}`)
	rich := cat(str("ZTF7"), vint(7), f64(goodJD), f64(1), f64(2), vint(0), vint(1), vint(1), str("x"), vint(0), str("0123456789abcdef"))
	return []message{
		{value: file(plain, good)},
		{value: container(plain, "-", block{}, block{1, good})},
		{value: container(plain, "deflate", block{0, deflated(nil)}, block{1, deflated(good)})},
		{value: container(plain, "snappy", block{1, good})},
		{value: container(plain, "null", block{2, cat(good, good)})},
		{[]byte(plain), good},
		{[]byte(wide), rich},
		{[]byte(lsstSchema()), lsstDatum(1, 2, -1)},
		{[]byte(`{"type":"record","fields":[]}`), good},
		{[]byte(`{"id":1}`), confluent(1, good)},
		{value: confluent(2, rich)},
		{value: confluent(9, good)},
		{value: file(wide, rich)},
		{value: file(wide, rich[:20])},
		{value: []byte{0, 0, 0}},
		{value: []byte("Obj\x01")},
	}
}

// FuzzDecoder checks that any message becomes a row or a reject, that its
// neighbours are decoded, and that no memory leaks.
func FuzzDecoder(f *testing.F) {
	for _, m := range seeds() {
		f.Add(m.key, m.value, false)
		f.Add(m.key, m.value, true)
	}
	texts := map[uint32]string{1: plain, 2: string(seeds()[6].key)}
	registry := RegistryFunc(func(_ context.Context, id uint32) ([]byte, error) {
		if text, ok := texts[id]; ok {
			return []byte(text), nil
		}
		return nil, ErrUnknownSchema
	})
	good := file(plain, ztfDatum(1, goodJD))
	f.Fuzz(func(t *testing.T, key, value []byte, bare bool) {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		defer mem.AssertSize(t, 0)
		d := &Decoder{Alloc: mem, Registry: registry, SchemaWait: -1}
		defer d.Close()
		msgs := []message{{value: good}, {key, value}, {nil, value}, {value: good}}
		if bare {
			d.Bare = []byte(plain)
			msgs[0], msgs[3] = message{value: ztfDatum(1, goodJD)}, message{[]byte(plain), ztfDatum(1, goodJD)}
		}
		in := chunk(t, mem, msgs...)
		defer in.Release()
		var first map[int]string
		for i := range 2 {
			r, err := d.Apply(t.Context(), stream.Rows{Record: in})
			require.NoError(t, err)
			requireComplete(t, r, len(msgs))
			for _, x := range r.Rejects {
				require.NotContains(t, []int{0, 3}, x.Row, x.Cause)
			}
			// A row may claim nulls that its bytes do not hold, but not many.
			require.Less(t, mem.CurrentAlloc(), 64<<20+1000*(len(key)+len(value)))
			if got := lines(r); i == 0 {
				first = got
			} else {
				require.Equal(t, first, got, "the second time schemas are remembered")
			}
			r.Release()
		}
		requireBounded(t, d)
	})
}
