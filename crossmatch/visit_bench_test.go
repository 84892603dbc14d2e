//go:build unix

package crossmatch

import (
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"
)

// BenchmarkVisit matches the alerts of a visit with ten catalogues of a million rows, and
// adds three columns of each. Half of the alerts have a match in each. Alerts are all over
// the sky, or in a field of ten square degrees, where rows are then eighty times as dense.
func BenchmarkVisit(b *testing.B) {
	const alerts, rows, catalogs = 40_000, 1_000_000, 10
	for _, where := range []string{"sky", "field"} {
		b.Run(where, func(b *testing.B) {
			ra, dec := randomSky(alerts, 99)
			if where == "field" {
				for i := range ra {
					ra[i], dec[i] = 150+ra[i]/100, 2+dec[i]/60
				}
			}
			t := &Transform{}
			for i := range catalogs {
				cra, cdec := randomSky(rows, uint64(i))
				for k := 0; k < alerts; k += 2 {
					at := (k*rows/alerts + 7919*k) % rows // in random order
					cra[at], cdec[at] = ra[k], dec[k]+0.5/3600
				}
				c, err := NewCatalog(Rows{RA: cra, Dec: cdec, Columns: benchColumns(rows)})
				require.NoError(b, err)
				t.Joins = append(t.Joins, Join{Name: fmt.Sprint("c", i), Matcher: c, Radius: 1.5 * Arcsecond})
			}
			benchVisit(b, t, ra, dec)
		})
	}
}

func benchVisit(b *testing.B, t *Transform, ra, dec []float64) {
	builder := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{raField, decField}, nil))
	defer builder.Release()
	builder.Field(0).(*array.Float64Builder).AppendValues(ra, nil)
	builder.Field(1).(*array.Float64Builder).AppendValues(dec, nil)
	rec := builder.NewRecord()
	defer rec.Release()
	b.ReportAllocs()
	found := 0
	for b.Loop() {
		got, err := t.Match(b.Context(), rec)
		if err != nil {
			b.Fatal(err)
		}
		found = 0
		for _, j := range t.Joins {
			column := got.Column(got.Schema().FieldIndices(j.Name + "_separation")[0])
			found += column.Len() - column.NullN()
		}
		got.Release()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/visit")
	b.ReportMetric(float64(found)/float64(len(ra)*len(t.Joins)), "found")
}

func benchColumns(rows int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "type", Type: arrow.BinaryTypes.String}, {Name: "mag", Type: arrow.PrimitiveTypes.Float32},
	}, nil))
	defer b.Release()
	b.Reserve(rows)
	types := []string{"RRLYR", "EA", "", "Mira", "SNIa"}
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(types[i%len(types)])
		b.Field(2).(*array.Float32Builder).Append(float32(i))
	}
	return b.NewRecord()
}
