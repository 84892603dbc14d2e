package parquetfile

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWritersInTurn writes row groups to two files of one Format alternately.
// Each file is the same as if it was written alone.
func TestWritersInTurn(t *testing.T) {
	for seed := range uint64(20) {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		g := newGenerator(seed, mem)
		schema := g.schema()
		a, b := g.groups(schema, 200), g.groups(schema, 200)
		format, err := NewFormat(schema, Options{Workers: 2})
		require.NoError(t, err)
		var out [2]bytes.Buffer
		first, second := format.NewWriter(&out[0]), format.NewWriter(&out[1])
		for i := range max(len(a), len(b)) {
			if i < len(a) {
				require.NoError(t, first.WriteRowGroup(a[i]))
			}
			if i < len(b) {
				require.NoError(t, second.WriteRowGroup(b[i]))
			}
		}
		require.NoError(t, second.Close())
		require.NoError(t, first.Close())
		assert.Equal(t, write(t, schema, a, Options{}), out[0].Bytes(), "seed %d", seed)
		assert.Equal(t, write(t, schema, b, Options{}), out[1].Bytes(), "seed %d", seed)
		release(a)
		release(b)
		mem.AssertSize(t, 0)
	}
}
