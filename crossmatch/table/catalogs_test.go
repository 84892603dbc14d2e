package table_test

import (
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

func TestRealCatalogues(t *testing.T) {
	for _, c := range []struct {
		name    string
		rows    int64
		ra, dec string
		nulls   int // positions that the catalogue does not have
	}{
		{"gcvs.parquet", 59_099, "ra", "dec", 0},
		{"spicy.parquet", 117_446, "RAdeg", "DEdeg", 0},
		{"3hsp.csv", 2_013, "R.A.", "Dec", 0},
		{"ngc.csv", 13_969, "RA", "Dec", 7},
		{"hats/small_sky_o1_collection/small_sky_order1/dataset/Norder=1/Dir=0/Npix=44.parquet", 42, "ra", "dec", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab, err := table.Open(catalogPath(t, c.name), table.Options{Memory: checked(t), Rows: 1000})
			require.NoError(t, err)
			defer tab.Close()
			ra, dec := tab.Position()
			assert.Equal(t, c.ra, ra)
			assert.Equal(t, c.dec, dec)
			rec := whole(t, tab)
			assert.Equal(t, c.rows, rec.NumRows())
			ras, decs := rec.Column(rec.Schema().FieldIndices(ra)[0]).(*array.Float64), rec.Column(rec.Schema().FieldIndices(dec)[0]).(*array.Float64)
			assert.Equal(t, c.nulls, ras.NullN())
			for i := range ras.Len() {
				if ras.IsNull(i) {
					assert.True(t, decs.IsNull(i))
					continue
				}
				if !(ras.Value(i) >= 0 && ras.Value(i) < 360) || !(math.Abs(decs.Value(i)) <= 90) {
					t.Fatalf("row %d: %g %g", i, ras.Value(i), decs.Value(i))
				}
			}
			t.Log(rec.Schema())
		})
	}
}

func TestNGC(t *testing.T) {
	tab, err := table.Open(catalogPath(t, "ngc.csv"), table.Options{Columns: []string{"Name", "MajAx", "M", "RadVel"}})
	require.NoError(t, err)
	defer tab.Close()
	rec := whole(t, tab)
	names := cells(rec, "Name")
	assert.Equal(t, "IC0001", names[0])
	assert.InDelta(t, (0*3600+8*60+27.05)/240, rec.Column(0).(*array.Float64).Value(0), 1e-12)
	assert.InDelta(t, -(12 + 49./60 + 22.3/3600), rec.Column(1).(*array.Float64).Value(1), 1e-12)
	assert.Equal(t, "float64", rec.Column(3).DataType().Name())
	assert.Equal(t, "int64", rec.Column(4).DataType().Name())
}
