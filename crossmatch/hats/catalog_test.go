package hats

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// someStars returns stars at various distances from positions, and pairs of stars
// equally far from points on borders.
func someStars(rng *rand.Rand, ra, dec []float64) (stars []star) {
	add := func(a, d float64) {
		sin, cos := math.Sincos(2 * math.Pi * rng.Float64())
		speed := 10_990 * math.Sqrt(rng.Float64()) // mas a year; fastest is 11,000
		stars = append(stars, star{id: int64(1000 + len(stars)), ra: a, dec: d, name: fmt.Sprint("star ", len(stars)), pmRA: speed * sin, pmDec: speed * cos})
	}
	for i := range ra {
		for range 3 {
			a, d := about(rng, ra[i], dec[i], math.Pow(10, -6+6*rng.Float64()))
			add(a, d)
		}
	}
	// (90, 60) and (270, 60) are on a border of faces
	for _, x := range []float64{0.001, 0.01, 0.001} {
		for _, border := range []float64{90, -90} {
			add(border+x, 60)
			add(border-x, 60)
		}
	}
	for i := 0; i < len(stars); i += 50 {
		stars[i].pmRA = math.NaN()
	}
	rng.Shuffle(len(stars), func(i, k int) { stars[i], stars[k] = stars[k], stars[i] })
	return stars
}

// TestFlat: answers equal those of one catalogue of all rows.
func TestFlat(t *testing.T) {
	const threshold = 0.02
	for _, margin := range []float64{0, threshold} {
		for _, moving := range []bool{false, true} {
			t.Run(fmt.Sprintf("margin %v, moving %v", margin, moving), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(11, 12))
				parts := somePartitions()
				ra, dec := borderPlaces(rng, parts, 20)
				var inside []star
				sorted, err := inOrder(parts)
				require.NoError(t, err)
				for _, s := range someStars(rng, ra, dec) {
					if find(sorted, ang2pix(s.ra, s.dec)) >= 0 {
						inside = append(inside, s)
					}
				}
				dir, stars := writeCatalog(t, parts, inside, margin)
				require.Len(t, stars, len(inside))
				o := Options{Columns: []string{"name", "id"}}
				for _, s := range stars[:300] {
					ra, dec = append(ra, s.ra), append(dec, s.dec)
				}
				p := crossmatch.Positions{RA: ra, Dec: dec}
				if moving { // except some
					o.PMRA, o.PMDec, o.Epoch = "pmra", "pmdec", 2016
					for i := range ra {
						p.Epoch = append(p.Epoch, 2016+30*rng.NormFloat64())
						if i%10 == 0 {
							p.Epoch[i] = math.NaN()
						}
					}
				}
				c, ctx := openChecked(t, dir, o)
				require.Equal(t, margin, c.sky.margin)
				all := flat(t, stars, moving)
				for _, radius := range []crossmatch.Angle{0, crossmatch.Arcsecond, 10 * crossmatch.Arcsecond, threshold / 2, threshold, 2 * threshold, 1, 10, 120, 180} {
					p := p
					if radius >= 10 { // which takes long
						p = fewer(p, 10)
					}
					got, err := c.Nearest(ctx, p, radius)
					require.NoError(t, err)
					matched := same(t, all, stars, p, radius, got)
					assert.GreaterOrEqual(t, matched, 30, radius)
					got.Rows.Release()
				}
			})
		}
	}
}

// fewer returns one in every few positions.
func fewer(p crossmatch.Positions, of int) crossmatch.Positions {
	var numbers []int32
	for i := rand.IntN(of); i < len(p.RA); i += of {
		numbers = append(numbers, int32(i))
	}
	return p.Pick(numbers)
}

// TestMotion: a star is found in a partition that it moved away from.
func TestMotion(t *testing.T) {
	stars := []star{{id: 1, ra: 89.9999, dec: 60, pmRA: 10_990}, {id: 2, ra: 90.0001, dec: 61, pmRA: -10_990}}
	dir, sorted := writeCatalog(t, partitions(0, 0, 1), stars, 0)
	c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}, PMRA: "pmra", PMDec: "pmdec", Epoch: 2016})
	far := 100 * 10.99 / 3600 // degrees in a hundred years
	p := crossmatch.Positions{
		RA:    []float64{89.9999 + far/math.Cos(60*perDegree), 90.0001 - far/math.Cos(61*perDegree), 89.9999},
		Dec:   []float64{60, 61, 60},
		Epoch: []float64{2116, 2116, 1916},
	}
	got, err := c.Nearest(ctx, p, 10*crossmatch.Arcsecond) // the way is not along the parallel
	require.NoError(t, err)
	assert.Equal(t, 2, same(t, flat(t, sorted, true), sorted, p, 10*crossmatch.Arcsecond, got))
	got.Rows.Release()
}

// TestReal matches the small catalogue of LSDB's tests at and about its rows.
func TestReal(t *testing.T) {
	collection := shared(t, "catalogs", "hats", "small_sky_o1_collection")
	for _, dir := range []string{collection, filepath.Join(collection, "small_sky_order1")} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			c, ctx := openChecked(t, dir, Options{})
			var names []string
			for _, f := range c.Schema().Fields() {
				names = append(names, f.Name)
			}
			assert.Equal(t, []string{"_healpix_29", "id", "ra", "dec", "ra_error", "dec_error"}, names)

			var stars []star
			for _, part := range c.sky.partitions {
				files, err := c.main.files(part)
				require.NoError(t, err)
				tab, err := table.Open(files[0], table.Options{Columns: []string{"id"}})
				require.NoError(t, err)
				for rec, err := range tab.Records(context.Background()) {
					require.NoError(t, err)
					for i := range int(rec.NumRows()) {
						stars = append(stars, star{ra: rec.Column(0).(*array.Float64).Value(i), dec: rec.Column(1).(*array.Float64).Value(i), id: rec.Column(2).(*array.Int64).Value(i)})
					}
				}
				tab.Close()
			}
			require.Len(t, stars, 131)
			rng := rand.New(rand.NewPCG(13, 14))
			p := crossmatch.Positions{}
			p.RA, p.Dec = borderPlaces(rng, c.sky.partitions, 100)
			for _, s := range stars {
				p.RA, p.Dec = append(p.RA, s.ra), append(p.Dec, s.dec)
				for range 10 {
					a, d := about(rng, s.ra, s.dec, math.Pow(10, -6+7*rng.Float64()))
					p.RA, p.Dec = append(p.RA, a), append(p.Dec, d)
				}
				// halfway between rows, which lie on half degrees
				p.RA, p.Dec = append(p.RA, s.ra+0.5), append(p.Dec, s.dec)
			}
			all := flat(t, stars, false)
			for _, radius := range []crossmatch.Angle{0, crossmatch.Arcsecond, 0.5, 1.999, 2, 2.5, 20, 180} { // the margin is of 2 degrees
				got, err := c.Nearest(ctx, p, radius)
				require.NoError(t, err)
				assert.GreaterOrEqual(t, same(t, all, stars, p, radius, got), 131)
				got.Rows.Release()
			}
		})
	}
}

// TestMargin: up to the margin's threshold a position needs its own partition only.
func TestMargin(t *testing.T) {
	parts := partitions(1, 0, 1, 2, 3)
	middle := pix2vec(pixel{0, 0}) // where all four meet
	ra, dec := math.Atan2(middle.y, middle.x)/perDegree, math.Asin(middle.z)/perDegree
	var stars []star
	for i, x := range []float64{-0.003, 0.0029} {
		stars = append(stars, star{id: int64(i), ra: ra, dec: dec + x})
	}
	p := crossmatch.Positions{RA: []float64{ra}, Dec: []float64{dec - 0.001}}
	for _, x := range []struct {
		threshold float64
		radius    crossmatch.Angle
		loads     int
	}{{0.01, 0.005, 1}, {0.01, 0.00999, 4}, {0.01, 0.02, 4}, {0, 0.005, 4}, {0, crossmatch.Arcsecond, 1}} {
		dir, sorted := writeCatalog(t, parts, stars, x.threshold)
		c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}})
		got, err := c.Nearest(ctx, p, x.radius)
		require.NoError(t, err)
		same(t, flat(t, sorted, false), sorted, p, x.radius, got)
		got.Rows.Release()
		assert.Len(t, c.cache.loaded, x.loads, "%v within %v", x.threshold, x.radius)
	}
}

// TestColumns: answers have the requested columns, and nulls without a match.
func TestColumns(t *testing.T) {
	parts := partitions(0, 0, 4)
	stars := []star{{id: 7, ra: 45, dec: 30, name: "a"}, {id: 8, ra: 0, dec: 5, name: "b"}, {id: 9, ra: 0, dec: 5.0001, withoutPlace: true}}
	dir, _ := writeCatalog(t, parts, stars, 0)
	p := crossmatch.Positions{RA: []float64{45, 360, 200, math.NaN(), 1}, Dec: []float64{30, 5.0001, 0, 0, 91}}
	names := func(s *arrow.Schema) (out []string) {
		for _, f := range s.Fields() {
			assert.True(t, f.Nullable)
			out = append(out, f.Name)
		}
		return out
	}
	for _, x := range []struct {
		columns []string
		want    []string
	}{
		{nil, []string{"id", "name", "ra", "dec", "pmra", "pmdec"}},
		{[]string{"name"}, []string{"name"}},
		{[]string{"Dec", "id", "id"}, []string{"dec", "id"}},
	} {
		c, ctx := openChecked(t, dir, Options{Columns: x.columns, PMRA: "pmra", PMDec: "pmdec", Epoch: 2016})
		assert.Equal(t, x.want, names(c.Schema()))
		got, err := c.Nearest(ctx, p, crossmatch.Arcsecond)
		require.NoError(t, err)
		assert.True(t, c.Schema().Equal(got.Rows.Schema()))
		var status []crossmatch.Status
		for i, m := range got.Matches {
			status = append(status, m.Status)
			assert.Equal(t, m.Status != crossmatch.StatusMatch, got.Rows.Column(0).IsNull(i))
		}
		assert.Equal(t, []crossmatch.Status{crossmatch.StatusMatch, crossmatch.StatusMatch, crossmatch.StatusNone, crossmatch.StatusInvalid, crossmatch.StatusInvalid}, status)
		assert.InDelta(t, 0.36, got.Matches[1].Separation.Arcseconds(), 1e-9)
		got.Rows.Release()

		none, err := c.Nearest(ctx, crossmatch.Positions{}, 1)
		require.NoError(t, err)
		assert.Empty(t, none.Matches)
		assert.True(t, c.Schema().Equal(none.Rows.Schema()))
		none.Rows.Release()
	}

	c, ctx := openChecked(t, dir, Options{Columns: []string{}})
	assert.Nil(t, c.Schema())
	got, err := c.Nearest(ctx, p, crossmatch.Arcsecond)
	require.NoError(t, err)
	assert.Nil(t, got.Rows)
	assert.Equal(t, crossmatch.StatusMatch, got.Matches[1].Status)

	write(t, mainProperties+"hats_cols_default=name id\n", dir, "stars", "hats.properties")
	c, _ = openChecked(t, dir, Options{})
	assert.Equal(t, []string{"name", "id"}, names(c.Schema()))
}

// TestPartitionOfFiles: a partition may be a directory.
func TestPartitionOfFiles(t *testing.T) {
	dir, _ := writeCatalog(t, partitions(0, 4), []star{{id: 1, ra: 0, dec: 0}}, 0)
	stars := filepath.Join(dir, "stars")
	write(t, mainProperties+"hats_npix_suffix=/\n", stars, "hats.properties")
	write(t, "Norder,Npix\n0,4\n", stars, "partition_info.csv")
	part := filepath.Join(stars, "dataset", "Norder=0", "Dir=0", "Npix=4")
	require.NoError(t, os.Remove(part+".parquet"))
	writeParquet(t, filepath.Join(part, "b.parquet"), starRecord([]star{{id: 2, ra: 1, dec: 1}}))
	writeParquet(t, filepath.Join(part, "a.parquet"), starRecord([]star{{id: 3, ra: 1, dec: 1}, {id: 4, ra: 2, dec: 2}}))
	writeParquet(t, filepath.Join(part, "c.parquet"), starRecord(nil))
	write(t, "", part, "_SUCCESS")
	c, ctx := openChecked(t, stars, Options{Columns: []string{"id"}})
	got, err := c.Nearest(ctx, crossmatch.Positions{RA: []float64{1, 2}, Dec: []float64{1, 2}}, 0)
	require.NoError(t, err)
	require.NoError(t, got.Cause)
	assert.Equal(t, "[3 4]", got.Rows.Column(0).String())
	got.Rows.Release()
}

// TestArguments: invalid arguments are errors.
func TestArguments(t *testing.T) {
	dir, _ := writeCatalog(t, partitions(0, 4), []star{{id: 1}}, 0)
	c, ctx := openChecked(t, dir, Options{})
	_, err := c.Nearest(ctx, crossmatch.Positions{RA: []float64{1}}, 1)
	assert.ErrorContains(t, err, "1 right ascensions and 0 declinations")
	_, err = c.Nearest(ctx, crossmatch.Positions{}, -1)
	assert.ErrorContains(t, err, "radius")
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err = c.Nearest(done, crossmatch.Positions{RA: []float64{0}, Dec: []float64{0}}, 1)
	assert.ErrorIs(t, err, context.Canceled)
}

func BenchmarkNearest(b *testing.B) {
	rng := rand.New(rand.NewPCG(15, 16))
	n := pixelOf(10, 10, 4).nest
	parts := partitions(4, n, n^1, n^2, n^3)
	sorted, err := inOrder(parts)
	require.NoError(b, err)
	var stars []star
	for len(stars) < 400_000 {
		s := star{id: int64(len(stars)), ra: 10 + 8*rng.NormFloat64(), dec: 10 + 8*rng.NormFloat64()}
		if find(sorted, ang2pix(s.ra, s.dec)) >= 0 {
			stars = append(stars, s)
		}
	}
	dir, _ := writeCatalog(b, sorted, stars, 0)
	c, err := Open(dir, Options{Columns: []string{"id"}})
	require.NoError(b, err)
	p := crossmatch.Positions{}
	for i := range 40_000 {
		a, d := about(rng, stars[i].ra, stars[i].dec, 2./3600*rng.Float64())
		p.RA, p.Dec = append(p.RA, a), append(p.Dec, d)
	}
	ctx := context.Background()
	run := func(b *testing.B) {
		got, err := c.Nearest(ctx, p, 1.5*crossmatch.Arcsecond)
		require.NoError(b, err)
		require.NoError(b, got.Cause)
		got.Rows.Release()
	}
	b.Run("loaded", func(b *testing.B) {
		run(b)
		b.ReportAllocs()
		for b.Loop() {
			run(b)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(p.RA)), "ns/position")
	})
	b.Run("loading", func(b *testing.B) {
		for b.Loop() {
			c.Close()
			run(b)
		}
		b.ReportMetric(float64(b.N*len(stars))/b.Elapsed().Seconds(), "rows/s")
	})
}
