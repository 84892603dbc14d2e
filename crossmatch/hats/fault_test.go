package hats

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// TestFailed: an invalid partition fails its positions, and those whose nearest
// row it may have; others are answered.
func TestFailed(t *testing.T) {
	parts := partitions(0, 4, 5) // they touch at (45, 0)
	stars := []star{{id: 1, ra: 0, dec: 0}, {id: 2, ra: 44.99, dec: 0}, {id: 3, ra: 45.02, dec: 0}, {id: 4, ra: 90, dec: 0}}
	const five, margin = "stars/dataset/Norder=0/Dir=0/Npix=5.parquet", "margin/dataset/Norder=0/Dir=0/Npix=5.parquet"
	cut := func(t *testing.T, name string) {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(name, b[:len(b)/2], 0o666))
	}
	for _, x := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		cause  []string
	}{
		{"missing", func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, five))) }, []string{five, "no such file"}},
		{"cut", func(t *testing.T, dir string) { cut(t, filepath.Join(dir, five)) }, []string{five}},
		{"empty", func(t *testing.T, dir string) { write(t, "", dir, five) }, []string{five}},
		{"margin missing", func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, margin))) }, []string{margin, "without it"}},
		{"margin cut", func(t *testing.T, dir string) { cut(t, filepath.Join(dir, margin)) }, []string{margin}},
		{"margin rows", func(t *testing.T, dir string) {
			write(t, "Norder,Npix,num_rows\n0,4,1\n0,5,1\n", dir, "margin/partition_info.csv")
			writeParquet(t, filepath.Join(dir, margin), starRecord(nil))
		}, []string{"margin: partition Norder=0 Npix=5 has 0 rows, but partition_info.csv says 1", "without it"}},
		{"rows", func(t *testing.T, dir string) {
			write(t, "Norder,Npix,num_rows\n0,4,2\n0,5,3\n", dir, "stars/partition_info.csv")
		}, []string{"Norder=0 Npix=5 has 2 rows, but partition_info.csv says 3"}},
		{"outside", func(t *testing.T, dir string) {
			writeParquet(t, filepath.Join(dir, five), starRecord([]star{{ra: 90}, {ra: 44.9}}))
		}, []string{"row 1 of partition Norder=0 Npix=5 lies outside of it, at 44.9, 0"}},
		{"type", func(t *testing.T, dir string) {
			schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.BinaryTypes.String}, {Name: "ra", Type: arrow.PrimitiveTypes.Float64}, {Name: "dec", Type: arrow.PrimitiveTypes.Float64}}, nil)
			b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
			b.Field(0).(*array.StringBuilder).Append("x")
			b.Field(1).(*array.Float64Builder).Append(90)
			b.Field(2).(*array.Float64Builder).Append(0)
			writeParquet(t, filepath.Join(dir, five), b.NewRecord())
		}, []string{five, `column "id" is utf8`, "int64"}},
		{"columns", func(t *testing.T, dir string) {
			rec := starRecord([]star{{ra: 90}})
			writeParquet(t, filepath.Join(dir, five), array.NewRecord(arrow.NewSchema(rec.Schema().Fields()[1:], nil), rec.Columns()[1:], 1))
		}, []string{five, `no column "id"`}},
		{"misplaced", func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(filepath.Join(dir, "stars/dataset/Norder=0/Dir=0/Npix=4.parquet"), filepath.Join(dir, five)))
			writeParquet(t, filepath.Join(dir, "stars/dataset/Norder=0/Dir=0/Npix=4.parquet"), starRecord(stars[:2]))
		}, []string{"row 0 of partition Norder=0 Npix=5 lies outside"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir, _ := writeCatalog(t, parts, stars, 0.1)
			x.damage(t, dir)
			c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}})
			// in 4, near the border in 4 within the margin and beyond, and in 5
			p := crossmatch.Positions{RA: []float64{0, 44.995, 44.99, 90, 200}, Dec: []float64{0, 0, 0, 0, 0}}
			got, err := c.Nearest(ctx, p, 0.05)
			require.NoError(t, err)
			assert.Equal(t, "match match match failed none", statuses(got))
			require.Error(t, got.Cause)
			for _, words := range x.cause {
				assert.Contains(t, filepath.ToSlash(got.Cause.Error()), words)
			}
			assert.True(t, strings.HasPrefix(got.Cause.Error(), "hats: "), got.Cause)
			assert.True(t, got.Rows.Column(0).IsNull(3))
			got.Rows.Release()
			got, err = c.Nearest(ctx, p, 0.5)
			require.NoError(t, err)
			assert.Equal(t, "match failed failed failed none", statuses(got))
			got.Rows.Release()
		})
	}
}

func statuses(a crossmatch.Answer) string {
	var out []string
	for _, m := range a.Matches {
		out = append(out, m.Status.String())
	}
	return strings.Join(out, " ")
}

// TestOpen: an invalid catalogue is an error that says what to do.
func TestOpen(t *testing.T) {
	for _, x := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		o      Options
		want   string
	}{
		{"no catalogue", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "collection.properties")))
		}, Options{}, "not a HATS catalogue"},
		{"elsewhere", func(t *testing.T, dir string) {
			write(t, "hats_primary_table_url=https://data.example/stars\n", dir, "collection.properties")
		}, Options{}, "stars"},
		{"above", func(t *testing.T, dir string) {
			write(t, "hats_primary_table_url=../stars\n", dir, "collection.properties")
		}, Options{}, "not a directory in the collection"},
		{"nowhere", func(t *testing.T, dir string) { write(t, "", dir, "collection.properties") }, Options{}, `hats_primary_table_url is ""`},
		{"no margin", func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(filepath.Join(dir, "margin"))) }, Options{}, "stars is the catalogue without it"},
		{"margin of what", func(t *testing.T, dir string) {
			write(t, "dataproduct_type=margin\nhats_margin_threshold=NaN\n", dir, "margin/hats.properties")
		}, Options{}, "hats_margin_threshold"},
		{"margin of everything", func(t *testing.T, dir string) {
			write(t, "dataproduct_type=margin\nhats_margin_threshold=Inf\n", dir, "margin/hats.properties")
		}, Options{}, "hats_margin_threshold"},
		{"margin of finer partitions", func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "margin/dataset")))
			write(t, "Norder,Npix\n0,7\n1,16\n", dir, "margin/partition_info.csv")
		}, Options{}, "Norder=1 Npix=16, which overlaps Norder=0 Npix=4"},
		{"margin of larger partitions", func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "stars/dataset")))
			write(t, "Norder,Npix,num_rows\n1,16,1\n", dir, "stars/partition_info.csv")
			write(t, "Norder,Npix\n0,4\n", dir, "margin/partition_info.csv")
		}, Options{}, "Norder=0 Npix=4, which overlaps Norder=1 Npix=16"},
		{"margin where no rows are", func(t *testing.T, dir string) {
			write(t, "Norder,Npix\n0,3\n0,4\n1,20\n", dir, "margin/partition_info.csv")
		}, Options{}, ""},
		{"a margin", func(t *testing.T, dir string) {
			write(t, "hats_primary_table_url=margin\n", dir, "collection.properties")
		}, Options{}, "of the type margin"},
		{"no partitions", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "stars/partition_info.csv")))
		}, Options{}, "partition_info.csv"},
		{"overlap", func(t *testing.T, dir string) {
			write(t, "Norder,Npix\n0,4\n2,79\n", dir, "stars/partition_info.csv")
		}, Options{}, "Norder=0 Npix=4 and Norder=2 Npix=79 overlap"},
		{"twice", func(t *testing.T, dir string) {
			write(t, "Norder,Npix\n0,4\n0,4\n", dir, "stars/partition_info.csv")
		}, Options{}, "overlap"},
		{"order", func(t *testing.T, dir string) {
			write(t, "Norder,Npix\n0,4\n30,4\n", dir, "stars/partition_info.csv")
		}, Options{}, `line 3: column Norder is "30"`},
		{"pixel", func(t *testing.T, dir string) {
			write(t, "Npix,Norder\n12,0\n", dir, "stars/partition_info.csv")
		}, Options{}, `line 2: column Npix is "12"`},
		{"rows", func(t *testing.T, dir string) {
			write(t, "Norder,Npix,num_rows\n0,4,-1\n", dir, "stars/partition_info.csv")
		}, Options{}, `line 2: column num_rows is "-1"`},
		{"too few rows", func(t *testing.T, dir string) {
			write(t, mainProperties+"hats_nrows=2\n", dir, "stars/hats.properties")
		}, Options{}, "partition_info.csv: it has 1 rows in 1 partitions, but hats_nrows is 2"},
		{"too few rows in the margin", func(t *testing.T, dir string) {
			write(t, "dataproduct_type=margin\nhats_margin_threshold=360\nhats_nrows=2\n", dir, "margin/hats.properties")
			write(t, "Norder,Npix,num_rows\n0,4,1\n", dir, "margin/partition_info.csv")
		}, Options{}, "hats_nrows is 2"},
		{"number of rows", func(t *testing.T, dir string) {
			write(t, mainProperties+"hats_nrows=many\n", dir, "stars/hats.properties")
		}, Options{}, `hats_nrows is "many"`},
		{"too few partitions", func(t *testing.T, dir string) {
			write(t, "Norder,Npix\n", dir, "stars/partition_info.csv")
		}, Options{}, "partition_info.csv: it has 0 partitions, but not that of dataset/Norder=0/Dir=0/Npix=4.parquet"},
		{"too few partitions of files", func(t *testing.T, dir string) {
			write(t, mainProperties+"hats_npix_suffix=/\n", dir, "stars/hats.properties")
			write(t, "", dir, "stars/dataset/Norder=1/Dir=10000/Npix=16/a.parquet")
		}, Options{}, "Norder=1/Dir=10000/Npix=16, which exists"},
		{"too few partitions in the margin", func(t *testing.T, dir string) {
			write(t, "", dir, "margin/dataset/Norder=1/Dir=0/Npix=16.parquet")
		}, Options{}, "margin/partition_info.csv: it has 0 partitions, but not that of dataset/Norder=1/Dir=0/Npix=16.parquet"},
		{"other files", func(t *testing.T, dir string) {
			for _, name := range []string{"Npix=5.parquet.crc", "Npix=5", "Npix=5_1.parquet", "Npix=.parquet", "a.parquet"} {
				write(t, "", dir, "stars/dataset/Norder=0/Dir=0", name)
			}
		}, Options{}, ""},
		{"all rows", func(t *testing.T, dir string) {
			write(t, mainProperties+"hats_nrows=1\n", dir, "stars/hats.properties")
		}, Options{}, ""},
		{"rows not said", func(t *testing.T, dir string) {
			write(t, mainProperties+"hats_nrows=7\n", dir, "stars/hats.properties")
			write(t, "Norder,Npix\n0,4\n", dir, "stars/partition_info.csv")
		}, Options{}, ""},
		{"head", func(t *testing.T, dir string) { write(t, "a,b\n0,4\n", dir, "stars/partition_info.csv") }, Options{}, "Norder and Npix"},
		{"suffix", func(t *testing.T, dir string) {
			write(t, "hats_npix_suffix=/../x\n", dir, "stars/hats.properties")
		}, Options{}, "hats_npix_suffix"},
		{"properties", func(t *testing.T, dir string) {
			write(t, strings.Repeat("#", maxProperties), dir, "stars/hats.properties")
		}, Options{}, "properties"},
		{"column", nil, Options{Columns: []string{"colour"}}, `no column "colour"`},
		{"position", nil, Options{RA: "alpha", Dec: "delta"}, `no column "alpha"`},
		{"half a position", nil, Options{RA: "ra"}, "name both or neither"},
		{"half a motion", nil, Options{PMRA: "pmra", Epoch: 2016}, "name both or neither"},
		{"epoch", nil, Options{PMRA: "pmra", PMDec: "pmdec"}, "Options.Epoch"},
		{"motion", nil, Options{PMRA: "pmra", PMDec: "pmde", Epoch: 2016}, "pmde"},
		{"memory", nil, Options{CacheBytes: -1}, "Options.CacheBytes"},
		{"text", func(t *testing.T, dir string) { write(t, mainProperties[:20], dir, "stars/hats.properties") }, Options{RA: "name", Dec: "dec"}, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir, _ := writeCatalog(t, partitions(0, 4), []star{{id: 1}}, 0.1)
			if x.damage != nil {
				x.damage(t, dir)
			}
			c, err := Open(dir, x.o)
			if x.want == "" {
				require.NoError(t, err)
				c.Close()
				return
			}
			require.ErrorContains(t, err, x.want)
			assert.True(t, strings.HasPrefix(err.Error(), "hats: "), err)
		})
	}
}

func TestProperties(t *testing.T) {
	p, err := readProperties(strings.NewReader("#x=1\n!y=2\n\n a = b=c \nwhen=2025-10-29T21\\:43UTC\r\nnothing\n"))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "b=c", "when": "2025-10-29T21:43UTC", "nothing": ""}, p)
}

func FuzzPartitions(f *testing.F) {
	f.Add("Norder,Npix\n0,4\n1,0\n")
	f.Add("Norder,Dir,Npix,num_rows\n29,0,3458764513820540927,-5\n")
	f.Add("\"Norder\",Npix\n\"0\n\",4")
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := readPartitions(strings.NewReader(text))
		if err != nil {
			return
		}
		for i, part := range parts {
			if find(parts, part.first()) != i || find(parts, part.end()-1) != i {
				t.Fatalf("%v is not found", part)
			}
		}
		if n := len((&sky{partitions: parts}).search(nil, 1, 2, 180)); n != len(parts) {
			t.Fatalf("%d of %d", n, len(parts))
		}
	})
}

func FuzzProperties(f *testing.F) {
	f.Add("a=b\n#c\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := readProperties(strings.NewReader(text))
		if err != nil {
			return
		}
		for k, v := range p {
			if len(k)+len(v) > 3*len(text) { // a byte that is not UTF-8 becomes U+FFFD
				t.Fatal(k, v)
			}
		}
	})
}
