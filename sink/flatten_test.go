package sink

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/gather"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
)

// checkGather compares the result of flatten with each row.
func checkGather(t *testing.T, mem memory.Allocator, picks []parquetfile.Rows) {
	var want []string
	for _, p := range picks {
		rows := recordRows(p.Record)
		for _, i := range p.Index {
			want = append(want, rows[i])
		}
	}
	got, err := flatten(mem, flatSchema(picks[0].Record.Schema()), picks)
	require.NoError(t, err)
	defer got.Release()
	assert.Equal(t, want, nonNil(recordRows(got), want))
	for i, c := range got.Columns() {
		require.NoError(t, validate(c), got.ColumnName(i))
	}
}

func nonNil(got, want []string) []string {
	if len(got) == 0 {
		return want[:0]
	}
	return got
}

// validate checks the number of nulls, which recordRows does not show.
func validate(a arrow.Array) error {
	if a.DataType().ID() != arrow.NULL {
		nulls := 0
		for i := range a.Len() {
			if a.IsNull(i) {
				nulls++
			}
		}
		if nulls != a.NullN() {
			return assert.AnError
		}
	}
	return nil
}

func TestGather(t *testing.T) {
	mem := checked(t)
	for seed := range uint64(300) {
		d := newDice(seed, mem)
		schema := arrow.NewSchema(d.fields(1+d.IntN(4), d.IntN(4)), nil)
		var picks []parquetfile.Rows
		for range 1 + d.IntN(3) {
			rec := d.record(schema, d.IntN(30), 1)
			defer rec.Release()
			var index []int32
			for i := range int32(rec.NumRows()) {
				for range d.IntN(3) {
					index = append(index, i)
				}
			}
			picks = append(picks, parquetfile.Rows{Record: rec, Index: index})
		}
		checkGather(t, mem, picks)
	}
}

// An empty array may lack buffers, and an array of nulls a bitmap.
func TestGatherBareArrays(t *testing.T) {
	mem := checked(t)
	rec := fromJSON(t, mem, `[{"n": null, "l": [], "m": [], "s": null}, {"n": null, "l": null, "m": null, "s": {"d": null}}]`,
		nullable("n", arrow.Null), nullable("l", arrow.ListOf(arrow.PrimitiveTypes.Float32)),
		nullable("m", arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.BinaryView)),
		nullable("s", arrow.StructOf(nullable("d", arrow.FixedWidthTypes.Boolean))))
	defer rec.Release()
	checkGather(t, mem, []parquetfile.Rows{{Record: rec, Index: []int32{1, 0}}, {Record: rec, Index: []int32{0}}})

	bare := array.NewData(arrow.ListOf(arrow.PrimitiveTypes.Int64), 1, []*memory.Buffer{nil, memory.NewBufferBytes(make([]byte, 8))},
		[]arrow.ArrayData{array.NewData(arrow.PrimitiveTypes.Int64, 0, []*memory.Buffer{nil, nil}, nil, 0, 0)}, 0, 0)
	col := array.MakeFromData(bare)
	one := array.NewRecord(arrow.NewSchema([]arrow.Field{nullable("l", bare.DataType())}, nil), []arrow.Array{col}, 1)
	checkGather(t, mem, []parquetfile.Rows{{Record: one, Index: []int32{0}}})
}

// Views of one buffer can be longer together than 32-bit offsets count. Offsets
// that wrap around would give rows the bytes of others.
func TestGatherRefusesMoreThanOffsetsCount(t *testing.T) {
	big := memory.NewBufferBytes(make([]byte, 1<<24))
	views := make([]arrow.ViewHeader, 130)
	for i := range views {
		views[i].SetBytes(big.Bytes())
		views[i].SetIndexOffset(0, 0)
	}
	data := array.NewData(arrow.BinaryTypes.BinaryView, len(views),
		[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.ViewHeaderTraits.CastToBytes(views)), big}, nil, 0, 0)
	col := array.MakeFromData(data)
	rec := array.NewRecord(arrow.NewSchema([]arrow.Field{nullable("v", data.DataType())}, nil), []arrow.Array{col}, int64(len(views)))
	index := make([]int32, len(views))
	mem := checked(t)
	_, err := flatten(mem, flatSchema(rec.Schema()), []parquetfile.Rows{{Record: rec, Index: index}})
	assert.ErrorIs(t, err, gather.ErrOffsets)
}
