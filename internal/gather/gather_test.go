package gather

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// viewed is a record of texts as views of two buffers, and of numbers. Texts
// of up to twelve bytes are inline, the empty ones null.
func viewed(mem memory.Allocator, texts []string) arrow.Record {
	data := [2]*memory.Buffer{memory.NewResizableBuffer(mem), memory.NewResizableBuffer(mem)}
	headers, valid := memory.NewResizableBuffer(mem), memory.NewResizableBuffer(mem)
	headers.Resize(arrow.ViewHeaderTraits.BytesRequired(len(texts)))
	valid.Resize((len(texts) + 7) / 8)
	clear(valid.Bytes())
	views := arrow.ViewHeaderTraits.CastFromBytes(headers.Bytes())
	numbers := array.NewInt64Builder(mem)
	defer numbers.Release()
	for i, s := range texts {
		numbers.Append(int64(len(s)))
		views[i] = arrow.ViewHeader{}
		if s == "" {
			views[i].SetIndexOffset(1<<20, 1<<20) // views of nulls may be invalid
			continue
		}
		valid.Bytes()[i/8] |= 1 << (i % 8)
		b := data[i%2]
		at := b.Len()
		b.Resize(at + len(s))
		copy(b.Bytes()[at:], s)
		if views[i].SetBytes([]byte(s)); !views[i].IsInline() {
			views[i].SetIndexOffset(int32(i%2), int32(at))
		}
	}
	buffers := []*memory.Buffer{valid, headers, data[0], data[1]}
	d := array.NewData(arrow.BinaryTypes.BinaryView, len(texts), buffers, nil, array.UnknownNullCount, 0)
	defer d.Release()
	for _, b := range buffers {
		b.Release()
	}
	cols := []arrow.Array{array.MakeFromData(d), numbers.NewArray()}
	defer cols[0].Release()
	defer cols[1].Release()
	return array.NewRecord(viewSchema, cols, int64(len(texts)))
}

var (
	viewSchema = schemaOf(arrow.BinaryTypes.BinaryView)
	flatSchema = schemaOf(arrow.BinaryTypes.Binary)
)

func schemaOf(text arrow.DataType) *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{{Name: "text", Type: text, Nullable: true}, {Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
}

// Views of several records are gathered as views, and as bytes.
func TestViews(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	for seed := range uint64(200) {
		d := rand.New(rand.NewPCG(seed, 1))
		var picks []Rows
		var want []string
		for r := range 1 + d.IntN(3) {
			texts := make([]string, d.IntN(20))
			for i := range texts {
				texts[i] = strings.Repeat(fmt.Sprint(r, i), d.IntN(6))
			}
			whole := viewed(mem, texts)
			from := int64(d.IntN(len(texts) + 1))
			rec := whole.NewSlice(from, int64(len(texts)))
			whole.Release()
			p := Rows{Record: rec}
			for i := range rec.NumRows() {
				if d.IntN(2) == 0 {
					p.Index = append(p.Index, int32(i))
					want = append(want, texts[from+i])
				}
			}
			picks = append(picks, p)
		}
		for i, schema := range []*arrow.Schema{viewSchema, flatSchema, viewSchema} {
			got, err := Records(mem, schema, picks...)
			if i == 2 {
				got.Release()
				got, err = Compact(mem, schema, picks...)
				require.LessOrEqual(t, len(got.Column(0).Data().Buffers()), 3, "no buffers of the records")
			}
			require.NoError(t, err)
			require.EqualValues(t, len(want), got.NumRows())
			value := bytesOf(got.Column(0))
			for i, s := range want {
				require.Equal(t, s != "", got.Column(0).IsValid(i))
				require.EqualValues(t, len(s), got.Column(1).(*array.Int64).Value(i))
				if s != "" {
					require.Equal(t, s, string(value(i)), "seed %d", seed)
				}
			}
			got.Release()
		}
		for _, p := range picks {
			p.Record.Release()
		}
	}
}

func TestSupported(t *testing.T) {
	dict := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	for typ, want := range map[arrow.DataType]bool{
		arrow.Null: true, arrow.FixedWidthTypes.Boolean: true, arrow.PrimitiveTypes.Float32: true,
		arrow.BinaryTypes.BinaryView: true, arrow.FixedWidthTypes.Timestamp_us: true,
		&arrow.Decimal128Type{Precision: 5}: true, &arrow.FixedSizeBinaryType{ByteWidth: 3}: true,
		arrow.MapOf(arrow.BinaryTypes.String, arrow.ListOf(arrow.PrimitiveTypes.Int8)): true,
		dict: false, arrow.ListOf(dict): false, arrow.MapOf(arrow.BinaryTypes.String, dict): false,
		arrow.StructOf(arrow.Field{Name: "d", Type: dict}): false, arrow.BinaryTypes.LargeString: false,
		arrow.LargeListOf(arrow.PrimitiveTypes.Int8): false, arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int8): false,
		arrow.ListViewOf(arrow.PrimitiveTypes.Int8): false,
	} {
		assert.Equal(t, want, Supported(typ), typ)
	}
}
