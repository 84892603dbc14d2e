package parquetfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/require"
)

// ztfSchema returns a schema like that of a ZTF alert: a candidate, about 18
// earlier ones, three gzipped cutouts.
func ztfSchema(bytesType arrow.DataType) *arrow.Schema {
	candidate := func(n int) []arrow.Field {
		var fields []arrow.Field
		for i := range n {
			typ := []arrow.DataType{arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float32,
				arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64}[i%5]
			if i%25 == 24 {
				typ = arrow.BinaryTypes.String
			}
			fields = append(fields, arrow.Field{Name: fmt.Sprint("c", i), Type: typ, Nullable: true})
		}
		return fields
	}
	cutout := arrow.StructOf(
		arrow.Field{Name: "fileName", Type: arrow.BinaryTypes.String, Nullable: true},
		arrow.Field{Name: "stampData", Type: bytesType, Nullable: true})
	prv := arrow.ListOf(arrow.StructOf(candidate(50)...))
	return arrow.NewSchema([]arrow.Field{
		{Name: "schemavsn", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "publisher", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "objectId", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "candid", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "candidate", Type: arrow.StructOf(candidate(110)...), Nullable: true},
		{Name: "prv_candidates", Type: prv, Nullable: true},
		{Name: "cutoutScience", Type: cutout, Nullable: true},
		{Name: "cutoutTemplate", Type: cutout, Nullable: true},
		{Name: "cutoutDifference", Type: cutout, Nullable: true},
	}, nil)
}

// ztfRecord returns n different alerts.
func ztfRecord(schema *arrow.Schema, n int) arrow.Record {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for range n {
		for i, f := range schema.Fields() {
			ztfValue(rng, b.Field(i), f.Name)
		}
	}
	return b.NewRecord()
}

func ztfValue(rng *rand.Rand, b array.Builder, name string) {
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		for i, f := range b.Type().(*arrow.StructType).Fields() {
			ztfValue(rng, b.FieldBuilder(i), f.Name)
		}
		return
	case *array.ListBuilder:
		b.Append(true)
		for range rng.IntN(37) {
			ztfValue(rng, b.ValueBuilder(), "")
		}
		return
	case *array.BinaryBuilder:
		b.Append(stamp(rng))
		return
	case *array.BinaryViewBuilder:
		b.Append(stamp(rng))
		return
	case *array.StringBuilder:
		switch name {
		case "schemavsn", "publisher":
			b.Append("ZTF (www.ztf.caltech.edu)")
		case "objectId", "fileName":
			b.Append(fmt.Sprintf("ZTF18%07x_targ_sci.fits.gz", rng.Uint32()))
		default:
			b.Append([]string{"Kulkarni", "t17_f5_c7_q2", "d6_m7"}[rng.IntN(3)])
		}
		return
	}
	if len(name) > 1 && name[1]%3 == 0 && rng.IntN(4) == 0 {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
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

// stamp returns random bytes that begin like a gzipped cutout.
func stamp(rng *rand.Rand) []byte {
	b := make([]byte, 12000+rng.IntN(6000))
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], rng.Uint64())
	}
	b[0], b[1] = 0x1f, 0x8b
	return b
}

const (
	benchRows    = 500
	benchRecords = 4
)

func benchRecs(schema *arrow.Schema) (recs []arrow.Record, size int64) {
	for i := range benchRecords {
		recs = append(recs, ztfRecord(schema, benchRows+i))
	}
	return recs, int64(benchRecords * benchRows * 52000)
}

func report(b *testing.B, rows int, size int64) {
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "alerts/s")
	b.ReportMetric(float64(size)*float64(b.N)/1e6/b.Elapsed().Seconds(), "MB/s")
}

func BenchmarkWriteRowGroup(b *testing.B) {
	schema := ztfSchema(arrow.BinaryTypes.BinaryView)
	recs, _ := benchRecs(schema)
	for _, c := range []struct {
		name  string
		codec Codec
	}{{"zstd", Zstd}, {"snappy", Snappy}, {"none", None}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			w, err := NewWriter(io.Discard, schema, Options{Codec: c.codec, Workers: 1})
			require.NoError(b, err)
			for b.Loop() {
				var rows []Rows
				for _, r := range recs {
					rows = append(rows, Rows{Record: r})
				}
				require.NoError(b, w.WriteRowGroup(rows))
			}
			report(b, int(w.NumRows())/b.N, w.Size()/int64(b.N))
		})
	}
}

// BenchmarkPqarrow writes the same rows with Arrow's own writer, with the fastest
// settings.
func BenchmarkPqarrow(b *testing.B) {
	schema := ztfSchema(arrow.BinaryTypes.Binary)
	recs, _ := benchRecs(schema)
	for _, c := range []struct {
		name  string
		codec compress.Compression
	}{{"zstd", compress.Codecs.Zstd}, {"snappy", compress.Codecs.Snappy}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			options := []parquet.WriterProperty{parquet.WithBatchSize(64), parquet.WithDataPageSize(256 << 10),
				parquet.WithDictionaryDefault(false), parquet.WithCompression(c.codec), parquet.WithCompressionLevel(1)}
			for _, cut := range []string{"Science", "Template", "Difference"} {
				options = append(options, parquet.WithCompressionFor("cutout"+cut+".stampData", compress.Codecs.Uncompressed),
					parquet.WithStatsFor("cutout"+cut+".stampData", false))
			}
			var out counter
			w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(options...), pqarrow.DefaultWriterProps())
			require.NoError(b, err)
			rows := 0
			for b.Loop() {
				for _, r := range recs {
					require.NoError(b, w.Write(r))
					rows += int(r.NumRows())
				}
			}
			report(b, rows/b.N, out.n/int64(b.N))
		})
	}
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// BenchmarkReadRowGroup reads rows of whole packets, and five of their columns.
func BenchmarkReadRowGroup(b *testing.B) {
	schema := ztfSchema(arrow.BinaryTypes.BinaryView)
	recs, size := benchRecs(schema)
	var rows []Rows
	for _, r := range recs {
		rows = append(rows, Rows{Record: r})
	}
	data := write(b, schema, [][]Rows{rows}, Options{})
	r, err := open(data)
	require.NoError(b, err)
	for name, columns := range map[string][]string{"whole": nil, "columns": {"objectId", "candidate.c0", "candidate.c1", "candidate.c2", "candidate.c3"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rec, err := r.ReadRowGroup(0, columns)
				require.NoError(b, err)
				rec.Release()
			}
			report(b, int(r.NumRows()), size)
		})
	}
}

// BenchmarkPqarrowRead reads the same with Arrow's reader.
func BenchmarkPqarrowRead(b *testing.B) {
	schema := ztfSchema(arrow.BinaryTypes.BinaryView)
	recs, size := benchRecs(schema)
	var rows []Rows
	for _, r := range recs {
		rows = append(rows, Rows{Record: r})
	}
	data := write(b, schema, [][]Rows{rows}, Options{})
	f, err := file.NewParquetReader(bytes.NewReader(data))
	require.NoError(b, err)
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	require.NoError(b, err)
	all := make([]int, f.MetaData().Schema.NumColumns())
	for i := range all {
		all[i] = i
	}
	for name, columns := range map[string][]int{"whole": all, "columns": {2, 4, 5, 6, 7}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t, err := r.ReadRowGroups(b.Context(), columns, []int{0})
				require.NoError(b, err)
				t.Release()
			}
			report(b, int(f.NumRows()), size)
		})
	}
}
