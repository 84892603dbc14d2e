package sink

import (
	"context"
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// matched returns a row with a column that a transform added.
func matched(t *testing.T, mem memory.Allocator, typ arrow.DataType) stream.Rows {
	event := arrow.Field{Name: eventColumn, Type: utc}
	rec := fromJSON(t, mem, `[{"event_time": "1970-01-01 00:00:00"}]`, event, nullable("cdsxmatch", typ))
	return stream.Rows{Table: "alerts/ztf", Record: rec}
}

// A batch must not conflict with the files of earlier batches, even after a
// restart.
func TestChain(t *testing.T) {
	mem := checked(t)
	st := store.NewMemory()
	begin := func() *Parquet {
		ledger, err := ledger.Open(t.Context(), st, "ledger", nil)
		require.NoError(t, err)
		return &Parquet{Store: st, Schemas: ledger}
	}
	p := begin()
	stage(t, p, batchOf([]stream.Rows{matched(t, mem, arrow.BinaryTypes.StringView)}))
	stage(t, p, batchOf([]stream.Rows{matched(t, mem, arrow.BinaryTypes.String)}))
	assert.Equal(t, []string{"ledger/schema/files.alerts.ztf.000001"}, names(st, "ledger/schema/"))

	for _, p := range []*Parquet{p, begin()} {
		_, err := p.Stage(t.Context(), batchOf([]stream.Rows{matched(t, mem, arrow.PrimitiveTypes.Int64)}))
		assert.ErrorContains(t, err, `sink: table "alerts/ztf": `)
		assert.ErrorContains(t, err, "cdsxmatch: int64 does not fit into utf8")
		assert.Empty(t, names(st, "staging"))
	}
	assert.Len(t, names(st, "ledger/schema/"), 1)

	alone := &Parquet{Store: st}
	_, err := alone.Stage(t.Context(), batchOf([]stream.Rows{matched(t, mem, arrow.PrimitiveTypes.Int64)}))
	assert.NoError(t, err, "without Schemas only the rows of a batch must agree")
}

// schemasFunc makes stream.Schemas of a function.
type schemasFunc func(table string, want *arrow.Schema) error

func (f schemasFunc) Widen(_ context.Context, table string, merge func(*arrow.Schema) (*arrow.Schema, error)) (*arrow.Schema, error) {
	s, err := merge(nil)
	if err != nil {
		return nil, err
	}
	return s, f(table, s)
}

// The chain is widened once for each schema, before a file is staged. If that
// fails, the error is not permanent.
func TestChainComesFirst(t *testing.T) {
	mem := checked(t)
	st := store.NewMemory()
	calls, end := 0, errors.New("no answer")
	p := &Parquet{Store: st, Memory: 1, Spill: t.TempDir(), Schemas: schemasFunc(func(table string, want *arrow.Schema) error {
		calls++
		assert.Equal(t, "files/t", table)
		assert.Equal(t, smallSchema.Fields(), want.Fields())
		assert.Empty(t, names(st, ""))
		return end
	})}
	_, err := p.Stage(t.Context(), batchOf(mixed(mem, 3, 3)...))
	assert.ErrorIs(t, err, end)
	end = nil
	_, err = p.Stage(t.Context(), batchOf(mixed(mem, 3, 3)...))
	assert.NoError(t, err)
	assert.Equal(t, 2, calls)
}
