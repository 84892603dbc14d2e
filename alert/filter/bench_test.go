package filter

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"
)

// science returns rows like those of a science table of ZTF.
func science(n int) arrow.Record {
	rng := rand.New(rand.NewPCG(1, 2))
	numbers := func(names ...string) (out []arrow.Field) {
		for _, name := range names {
			out = append(out, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Float32, Nullable: true})
		}
		return out
	}
	candidate := arrow.StructOf(append(numbers("magpsf", "drb", "classtar", "distnr", "fwhm", "elong", "rb", "sgscore1"),
		arrow.Field{Name: "jd", Type: arrow.PrimitiveTypes.Float64, Nullable: true}, arrow.Field{Name: "jdstarthist", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		arrow.Field{Name: "fid", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, arrow.Field{Name: "ndethist", Type: arrow.PrimitiveTypes.Int32, Nullable: true})...)
	history := arrow.StructOf(append(numbers("magpsf"), arrow.Field{Name: "jd", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		arrow.Field{Name: "fid", Type: arrow.PrimitiveTypes.Int32, Nullable: true})...)
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "candidate", Type: candidate, Nullable: true},
		{Name: "prv_candidates", Type: arrow.ListOf(history), Nullable: true},
		{Name: "cdsxmatch", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "roid", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	}, nil))
	defer b.Release()
	var fill func(b array.Builder)
	fill = func(b array.Builder) {
		if rng.IntN(20) == 0 {
			b.AppendNull()
			return
		}
		switch b := b.(type) {
		case *array.Float32Builder:
			b.Append(rng.Float32() * 20)
		case *array.Float64Builder:
			b.Append(2459600 + rng.Float64()*100)
		case *array.Int32Builder:
			b.Append(rng.Int32N(30))
		case *array.StringBuilder:
			b.Append([]string{"Unknown", "QSO", "Galaxy", "EB*", "Star"}[rng.IntN(5)])
		case *array.StructBuilder:
			b.Append(true)
			for i := range b.NumField() {
				fill(b.FieldBuilder(i))
			}
		case *array.ListBuilder:
			b.Append(true)
			for range rng.IntN(20) {
				fill(b.ValueBuilder())
			}
		}
	}
	for range n {
		for i := range 4 {
			fill(b.Field(i))
		}
	}
	return b.NewRecord()
}

// BenchmarkEval reports the time per row and filter of 100 filters over 100,000 rows,
// on one core.
func BenchmarkEval(b *testing.B) {
	rec := science(100_000)
	defer rec.Release()
	for name, where := range map[string]string{
		"columns": "candidate.drb > %[1]v AND candidate.magpsf < %[2]v AND (cdsxmatch IN ('Unknown', 'Galaxy') OR roid = %[3]d) AND candidate.jd - candidate.jdstarthist < %[2]v",
		"history": "candidate.drb > %[1]v AND any(prv_candidates, magpsf < %[2]v AND fid = candidate.fid AND candidate.jd - jd < %[1]v)",
	} {
		b.Run(name, func(b *testing.B) {
			var filters []*Filter
			for i := range 100 {
				filters = append(filters, &Filter{Name: fmt.Sprint(i), Where: fmt.Sprintf(where, float64(i)/10, 20-float64(i)/10, i%5)})
			}
			s, err := Compile(filters, rec.Schema())
			require.NoError(b, err)
			require.Empty(b, s.Rejected())
			for b.Loop() {
				_, err := s.Eval(b.Context(), rec)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rec.NumRows())/100, "ns/row/filter")
		})
	}
}
