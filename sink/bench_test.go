package sink

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// alertSchema is like that of a ZTF alert: a candidate, about 18 earlier ones,
// three gzipped cutouts, and the event time.
func alertSchema() *arrow.Schema {
	candidate := func(n int) []arrow.Field {
		types := []arrow.DataType{arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float32,
			arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64}
		var fields []arrow.Field
		for i := range n {
			fields = append(fields, nullable(fmt.Sprint("c", i), types[i%5]))
		}
		return fields
	}
	cutout := arrow.StructOf(nullable("fileName", arrow.BinaryTypes.String), nullable("stampData", arrow.BinaryTypes.BinaryView))
	return arrow.NewSchema([]arrow.Field{
		{Name: eventColumn, Type: utc}, nullable("objectId", arrow.BinaryTypes.String), nullable("candid", arrow.PrimitiveTypes.Int64),
		nullable("candidate", arrow.StructOf(candidate(110)...)), nullable("prv_candidates", arrow.ListOf(arrow.StructOf(candidate(50)...))),
		nullable("cutoutScience", cutout), nullable("cutoutTemplate", cutout), nullable("cutoutDifference", cutout),
	}, nil)
}

func alertRecord(schema *arrow.Schema, seed uint64, rows, hours int) arrow.Record {
	rng := rand.New(rand.NewPCG(seed, 9))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for range rows {
		b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(rng.Int64N(int64(hours)) * 3600e6))
		for _, f := range b.Fields()[1:] {
			alertValue(rng, f)
		}
	}
	return b.NewRecord()
}

func alertValue(rng *rand.Rand, b array.Builder) {
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			alertValue(rng, b.FieldBuilder(i))
		}
	case *array.ListBuilder:
		b.Append(true)
		for range rng.IntN(37) {
			alertValue(rng, b.ValueBuilder())
		}
	case *array.BinaryViewBuilder:
		stamp := make([]byte, 12000+rng.IntN(6000))
		for i := 0; i+8 <= len(stamp); i += 8 {
			binary.LittleEndian.PutUint64(stamp[i:], rng.Uint64())
		}
		stamp[0], stamp[1] = 0x1f, 0x8b
		b.Append(stamp)
	case *array.StringBuilder:
		b.Append(fmt.Sprintf("ZTF18%07x", rng.Uint32()))
	case *array.Float32Builder:
		b.Append(float32(18 + rng.NormFloat64()))
	case *array.Float64Builder:
		b.Append(math.Round(2458000e5+rng.Float64()*1e7) / 1e5)
	case *array.Int32Builder:
		b.Append(int32(rng.IntN(50)))
	case *array.Int64Builder:
		b.Append(1e18 + rng.Int64N(1e15))
	}
}

// discard is a store that keeps nothing.
type discard struct{ store.Store }

func (discard) Stage(context.Context, string, string) (store.Writer, error) { return nothing{}, nil }

type nothing struct{}

func (nothing) Write(b []byte) (int, error) { return len(b), nil }
func (nothing) Close() error                { return nil }
func (nothing) Abort() error                { return nil }

// BenchmarkStage stages 8,000 alerts in records of 64, about 400 MB.
func BenchmarkStage(b *testing.B) {
	schema := alertSchema()
	for _, hours := range []int{1, 6, 200} {
		b.Run(fmt.Sprint(hours, "h"), func(b *testing.B) {
			var records []arrow.Record
			for i := range 32 {
				records = append(records, alertRecord(schema, uint64(i), 64, hours))
			}
			p := &Parquet{Store: discard{}, Spill: b.TempDir(), Workers: 1, Compression: Snappy}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				var chunks [][]stream.Rows
				for range 4 {
					for _, r := range records {
						r := array.NewRecord(schema, r.Columns(), r.NumRows())
						chunks = append(chunks, []stream.Rows{{Table: "t", Record: r}})
					}
				}
				_, err := p.Stage(b.Context(), batchOf(chunks...))
				require.NoError(b, err)
				n += len(chunks) * 64
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "alerts/s")
		})
	}
}
