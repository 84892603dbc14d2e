package hats

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// star is a row of the catalogues here.
type star struct {
	id           int64
	ra, dec      float64
	pmRA, pmDec  float64
	name         string
	withoutPlace bool
}

var starSchema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "ra", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "dec", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "pmra", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	{Name: "pmdec", Type: arrow.PrimitiveTypes.Float64},
}, nil)

func starRecord(stars []star) arrow.Record {
	b := array.NewRecordBuilder(memory.NewGoAllocator(), starSchema)
	for _, s := range stars {
		b.Field(0).(*array.Int64Builder).Append(s.id)
		b.Field(1).(*array.StringBuilder).Append(s.name)
		if s.withoutPlace {
			b.Field(2).AppendNull()
			b.Field(3).AppendNull()
		} else {
			b.Field(2).(*array.Float64Builder).Append(s.ra)
			b.Field(3).(*array.Float64Builder).Append(s.dec)
		}
		if math.IsNaN(s.pmRA) {
			b.Field(4).AppendNull()
		} else {
			b.Field(4).(*array.Float32Builder).Append(float32(s.pmRA))
		}
		b.Field(5).(*array.Float64Builder).Append(s.pmDec)
	}
	return b.NewRecord()
}

func writeParquet(t testing.TB, name string, rec arrow.Record) {
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
	f, err := os.Create(name)
	require.NoError(t, err)
	w, err := pqarrow.NewFileWriter(rec.Schema(), f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	require.NoError(t, err)
	if rec.NumRows() > 0 {
		require.NoError(t, w.Write(rec))
	}
	require.NoError(t, w.Close())
}

func write(t testing.TB, text string, name ...string) {
	path := filepath.Join(name...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
}

const mainProperties = "#HATS catalog\ndataproduct_type=object\nhats_col_ra=ra\nhats_col_dec=dec\n"

// writeCatalog writes stars as a collection of these partitions, with a margin if
// its threshold, in degrees, is not 0. It returns the directory, and the stars
// in the order of the catalogue.
func writeCatalog(t testing.TB, parts []partition, stars []star, threshold float64) (dir string, sorted []star) {
	dir = t.TempDir()
	parts, err := inOrder(parts)
	require.NoError(t, err)
	collection := "hats_primary_table_url=stars\n"
	info, beside := "Norder,Npix,num_rows\n", "Norder,Npix\n"
	write(t, mainProperties, dir, "stars", "hats.properties")
	for i, part := range parts {
		var own, near []star
		for _, s := range stars {
			if find(parts, ang2pix(s.ra, s.dec)) == i {
				own = append(own, s)
			} else if threshold > 0 && len((&sky{partitions: []partition{part}}).touched(nil, s.ra, s.dec, threshold)) > 0 {
				near = append(near, s)
			}
		}
		name := fmt.Sprintf("Norder=%d/Dir=0/Npix=%d.parquet", part.order, part.nest)
		writeParquet(t, filepath.Join(dir, "stars", "dataset", name), starRecord(own))
		info += fmt.Sprintf("%d,%d,%d\n", part.order, part.nest, len(own))
		if near != nil {
			writeParquet(t, filepath.Join(dir, "margin", "dataset", name), starRecord(near))
			beside += fmt.Sprintf("%d,%d\n", part.order, part.nest)
		}
		sorted = append(sorted, own...)
	}
	write(t, info, dir, "stars", "partition_info.csv")
	if threshold > 0 {
		collection += "default_margin=margin\n"
		write(t, fmt.Sprintf("dataproduct_type=margin\nhats_margin_threshold=%v\n", threshold*3600), dir, "margin", "hats.properties")
		write(t, beside, dir, "margin", "partition_info.csv")
	}
	write(t, collection, dir, "collection.properties")
	return dir, sorted
}

// partitions returns pixels of an order with unknown numbers of rows.
func partitions(order int, nests ...uint64) (parts []partition) {
	for _, n := range nests {
		parts = append(parts, partition{pixel{order, n}, -1})
	}
	return parts
}

// somePartitions returns partitions of several orders that leave a part of the sky
// out.
func somePartitions() (parts []partition) {
	add := func(order int, nests ...uint64) { parts = append(parts, partitions(order, nests...)...) }
	add(0, 0, 2, 4, 6, 10)
	add(1, 4, 5, 6 /* not 7 */, 20, 22, 32, 33, 35)
	add(2, 4*21, 4*21+1, 4*21+3, 4*23, 4*34, 4*34+1, 4*34+2)
	add(3, 4*(4*34+3), 4*(4*34+3)+2, 4*(4*23+1)+1)
	return parts
}

// borderPlaces returns positions at and near the borders of partitions, and other
// special ones.
func borderPlaces(rng *rand.Rand, parts []partition, each int) (ra, dec []float64) {
	add := func(a, d float64) { ra, dec = append(ra, a), append(dec, math.Max(-90, math.Min(90, d))) }
	for _, part := range parts {
		for range each {
			// a small pixel at a side of the partition
			depth := 14 - part.order
			n := part.pixel
			side := rng.IntN(4)
			for range depth {
				k := rng.Uint64N(4)
				switch side {
				case 0:
					k &^= 1
				case 1:
					k |= 1
				case 2:
					k &^= 2
				case 3:
					k |= 2
				}
				n = n.child(k)
			}
			c := pix2vec(n)
			spread := math.Pow(10, -5+5*rng.Float64())
			add(math.Atan2(c.y, c.x)/perDegree+spread*rng.NormFloat64(), math.Asin(c.z)/perDegree+spread*rng.NormFloat64())
		}
	}
	for range each {
		small := math.Pow(10, -6+6*rng.Float64())
		add(360*rng.Float64(), 90-small)
		add(360*rng.Float64(), small-90)
		add(small*rng.NormFloat64(), 180*rng.Float64()-90)
		add(720*rng.Float64()-360, math.Asin(2./3)/perDegree+small*rng.NormFloat64())
		add(90*float64(rng.IntN(5))+small*rng.NormFloat64(), 50+30*rng.Float64())
	}
	add(0, 90)
	add(123, -90)
	add(90, 60)
	add(-90, 60)
	add(360, 0)
	return ra, dec
}

// flat returns one catalogue of all stars.
func flat(t testing.TB, stars []star, moving bool) *crossmatch.Catalog {
	r := crossmatch.Rows{}
	for _, s := range stars {
		if s.withoutPlace {
			s.ra = math.NaN()
		}
		r.RA, r.Dec = append(r.RA, s.ra), append(r.Dec, s.dec)
		if moving {
			r.PMRA, r.PMDec = append(r.PMRA, float64(float32(s.pmRA))), append(r.PMDec, s.pmDec)
			r.Epoch = 2016
		}
	}
	c, err := crossmatch.NewCatalog(r)
	require.NoError(t, err)
	return c
}

// same compares an answer with that of one catalogue of all stars.
func same(t testing.TB, all *crossmatch.Catalog, stars []star, p crossmatch.Positions, radius crossmatch.Angle, got crossmatch.Answer) (matched int) {
	want, err := all.AppendNearest(nil, p, radius)
	require.NoError(t, err)
	require.NoError(t, got.Cause)
	require.Len(t, got.Matches, len(want))
	ids := got.Rows.Column(got.Rows.Schema().FieldIndices("id")[0]).(*array.Int64)
	require.Equal(t, len(want), ids.Len())
	for i, w := range want {
		g := got.Matches[i]
		require.Equal(t, int32(-1), g.Row)
		require.Equal(t, w.Status, g.Status, "position %d: %v %v within %v", i, p.RA[i], p.Dec[i], radius)
		if w.Status != crossmatch.StatusMatch {
			require.True(t, ids.IsNull(i))
			require.True(t, math.IsNaN(g.Separation.Degrees()))
			continue
		}
		matched++
		require.Equal(t, w.Separation, g.Separation, "position %d: %v %v within %v", i, p.RA[i], p.Dec[i], radius)
		require.Equal(t, stars[w.Row].id, ids.Value(i), "position %d: %v %v within %v", i, p.RA[i], p.Dec[i], radius)
	}
	return matched
}

// openChecked opens a catalogue that checks for memory leaks.
func openChecked(t testing.TB, dir string, o Options) (*Catalog, context.Context) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	c, err := open(dir, o, mem)
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		assert.Empty(t, c.cache.loaded)
		assert.Zero(t, c.cache.used)
		mem.AssertSize(t, 0)
	})
	return c, compute.WithAllocator(context.Background(), mem)
}

// shared returns a path in the folder beside the project.
func shared(t testing.TB, name ...string) string {
	dir, err := os.Getwd()
	require.NoError(t, err)
	i := strings.Index(filepath.ToSlash(dir), "/crossmatch/hats")
	require.Positive(t, i)
	path := filepath.Join(slices.Concat([]string{dir[:i], "..", "shared"}, name)...)
	if _, err := os.Stat(path); err != nil {
		t.Skip("no catalogues beside the project")
	}
	return path
}

func degrees(v vector) (ra, dec float64) {
	return math.Atan2(v.y, v.x) / perDegree, math.Asin(v.z) / perDegree
}
