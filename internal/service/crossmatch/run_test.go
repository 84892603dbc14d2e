package crossmatch

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds/cdstest"
	"github.com/skyfinch/skyfinch/crossmatch/table"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
)

// real returns the path of a real catalogue. It skips the test if there is none.
func real(t *testing.T, name string) string {
	name = filepath.Join("../../../../shared/catalogs", name)
	if _, err := os.Stat(name); err != nil {
		t.Skip("no catalogues beside the project: ", err)
	}
	return name
}

// readTable reads a whole table.
func readTable(t *testing.T, name string) arrow.Record {
	tab, err := table.Open(name, table.Options{})
	require.NoError(t, err)
	defer tab.Close()
	rec, err := tab.ReadAll(t.Context())
	require.NoError(t, err)
	t.Cleanup(rec.Release)
	return rec
}

func columnOf[T arrow.Array](t *testing.T, rec arrow.Record, name string) T {
	at := rec.Schema().FieldIndices(name)
	require.NotEmpty(t, at, "%s in %v", name, rec.Schema())
	c, ok := rec.Column(at[0]).(T)
	require.True(t, ok, "%s is %v", name, rec.Column(at[0]).DataType())
	return c
}

// The nearest variable star of each galaxy and cluster is the one that a loop over all
// of them finds.
func TestRealCatalogues(t *testing.T) {
	ngc, gcvs := real(t, "ngc.csv"), real(t, "gcvs.parquet")
	galaxies, stars := readTable(t, ngc), readTable(t, gcvs)
	ra, dec := columnOf[*array.Float64](t, galaxies, "RA"), columnOf[*array.Float64](t, galaxies, "Dec")
	starRA, starDec := columnOf[*array.Float64](t, stars, "ra").Float64Values(), columnOf[*array.Float64](t, stars, "dec").Float64Values()
	for _, out := range []string{"x.csv", "x.tsv", "x.parquet"} {
		t.Run(out, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), out)
			_, says, err := command(t, "-positions", ngc, "-catalog", gcvs, "-radius", "10arcmin", "-o", out)
			require.NoError(t, err)
			assert.Contains(t, says, "13,969 positions, 13,969 rows written")
			got := readTable(t, out)
			require.Equal(t, galaxies.NumRows(), got.NumRows())
			assert.Equal(t, galaxies.NumCols()+2+3+stars.NumCols(), got.NumCols(), "with RA_deg and Dec_deg")
			status := columnOf[*array.String](t, got, "gcvs_match")
			separation := columnOf[*array.Float64](t, got, "gcvs_separation")
			foundRA := columnOf[*array.Float64](t, got, "gcvs_ra")
			name, wantName := columnOf[*array.String](t, got, "Name"), columnOf[*array.String](t, galaxies, "Name")
			matched := 0
			for i := 0; i < ra.Len(); i++ {
				require.Equal(t, wantName.Value(i), name.Value(i))
				if ra.IsNull(i) {
					assert.Equal(t, "invalid", status.Value(i))
				}
				if i%40 != 0 || ra.IsNull(i) {
					continue
				}
				nearest, at := crossmatch.Angle(math.Inf(1)), 0
				for k := range starRA {
					if math.Abs(starDec[k]-dec.Value(i)) > 0.2 {
						continue
					}
					if s := crossmatch.Separation(ra.Value(i), dec.Value(i), starRA[k], starDec[k]); s < nearest {
						nearest, at = s, k
					}
				}
				if nearest > 10*crossmatch.Arcminute {
					assert.Equal(t, "none", status.Value(i), name.Value(i))
					assert.True(t, separation.IsNull(i) && foundRA.IsNull(i))
					continue
				}
				matched++
				assert.Equal(t, "match", status.Value(i), name.Value(i))
				assert.InEpsilon(t, nearest.Arcseconds(), separation.Value(i), 1e-9)
				assert.Equal(t, starRA[at], foundRA.Value(i))
			}
			assert.Greater(t, matched, 10)
		})
	}
}

// -all returns all stars near galaxies, the nearest first.
func TestAllOfRealCatalogues(t *testing.T) {
	ngc, gcvs := real(t, "ngc.csv"), real(t, "gcvs.parquet")
	counts := func(more ...string) (rows int64, of map[string]int) {
		out := filepath.Join(t.TempDir(), "x.parquet")
		_, _, err := command(t, append([]string{"-positions", ngc, "-columns", "Name", "-catalog", gcvs, "-radius", "0.25deg", "-all", "-o", out}, more...)...)
		require.NoError(t, err)
		got := readTable(t, out)
		name, separation := columnOf[*array.String](t, got, "Name"), columnOf[*array.Float64](t, got, "gcvs_separation")
		of = map[string]int{}
		for i := range name.Len() {
			of[name.Value(i)]++
			if i > 0 && name.Value(i) == name.Value(i-1) {
				assert.LessOrEqual(t, separation.Value(i-1), separation.Value(i))
			}
		}
		return got.NumRows(), of
	}
	_, all := counts()
	stars := readTable(t, gcvs)
	starRA, starDec := columnOf[*array.Float64](t, stars, "ra").Float64Values(), columnOf[*array.Float64](t, stars, "dec").Float64Values()
	galaxies := readTable(t, ngc)
	ra, dec := columnOf[*array.Float64](t, galaxies, "RA"), columnOf[*array.Float64](t, galaxies, "Dec")
	names, orion, want := columnOf[*array.String](t, galaxies, "Name"), 0, 0
	for names.Value(orion) != "NGC1976" { // the Orion nebula
		orion++
	}
	for k := range starRA {
		if crossmatch.Separation(ra.Value(orion), dec.Value(orion), starRA[k], starDec[k]) <= 0.25*crossmatch.Degree {
			want++
		}
	}
	assert.Greater(t, want, 100)
	assert.Equal(t, want, all["NGC1976"])
	_, few := counts("-limit", "2")
	assert.Equal(t, 2, few["NGC1976"])
	assert.Len(t, few, 13_969)
	assert.Len(t, all, 13_969)
}

// Rows have sizes and motions, the position has other names, and the case of names
// does not count.
func TestOptions(t *testing.T) {
	catalog := file(t, "c.csv", "name,lon,lat,PMRA,PMDE,size\nbig,10,0,,,30\nfast,20,0,0,36000,\nsmall,30,0,,,0.1\n")
	positions := file(t, "p.csv", "alpha,delta,mjd,id\n10.1,0,51544.5,1\n20,0.02,52275,2\n20,0,52275,3\n20,0,,4\n30.1,0,51544.5,5\n")
	out, _, err := command(t, "-positions", positions, "-epoch", "mjd", "-columns", "id", "-catalog", "c="+catalog+"?ra=lon&dec=lat&pmra=pmra&pmdec=pmde&epoch=2000&size=size*1arcmin&columns=NAME")
	require.NoError(t, err)
	assert.Equal(t, `alpha,delta,id,mjd,c_match,c_separation,c_cause,c_name
10.1,0,1,51544.5,match,360,,big
20,0.02,2,52275,match,0,,fast
20,0,3,52275,none,,,
20,0,4,,match,0,,fast
30.1,0,5,51544.5,none,,,
`, rounded(out))
}

// rounded returns CSV with its separations rounded to whole numbers.
func rounded(csv string) string {
	lines := strings.Split(csv, "\n")
	for i, line := range lines {
		cells := strings.Split(line, ",")
		for k, c := range cells {
			var x float64
			if n, err := fmt.Sscan(c, &x); n == 1 && err == nil && strings.HasPrefix(lines[0], "alpha") && k == 5 {
				cells[k] = fmt.Sprint(math.Round(x))
			}
		}
		lines[i] = strings.Join(cells, ",")
	}
	return strings.Join(lines, "\n")
}

// simbad starts a stand-in for the service. It refuses requests while fails is true.
func simbad(t *testing.T) (url string, fails *atomic.Bool) {
	fails = new(atomic.Bool)
	server := &cdstest.Server{
		Table:   "simbad",
		Columns: []cdstest.Column{{Name: "main_id", Datatype: "char"}, {Name: "z", Datatype: "double"}},
		Rows:    []cdstest.Row{{RA: 10, Dec: 0, Values: []string{"A", "0.5"}}},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fails.Load() {
			cdstest.Plain(403, "go away")(w, r, nil)
			return
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, fails
}

// If a service fails, all rows are written and the command returns an error; -retry
// then matches the failed rows.
func TestRetry(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.parquet"), filepath.Join(dir, "two.parquet")
	positions := file(t, "p.csv", "id,ra,dec\n1,10,0\n2,20,0\n3,,0\n")
	catalog := "simbad=cds:simbad?columns=main_id,z:double"
	url, fails := simbad(t)
	fails.Store(true)
	_, says, err := command(t, "-positions", positions, "-catalog", catalog, "-cds-url", url, "-o", one)
	assert.ErrorContains(t, err, "simbad failed for 2: ")
	assert.ErrorContains(t, err, "403")
	assert.ErrorContains(t, err, "-retry -positions "+one)
	assert.Contains(t, says, "3 positions, 3 rows written")
	rec := readTable(t, one)
	assert.Equal(t, "[\"failed\" \"failed\" \"invalid\"]", columnOf[*array.String](t, rec, "simbad_match").String())

	url, _ = simbad(t) // another host, whose circuit breaker is closed
	_, says, err = command(t, "-retry", "-positions", one, "-catalog", catalog, "-cds-url", url, "-o", two)
	require.NoError(t, err)
	assert.Regexp(t, `simbad +1 +1 +1 +0`, says)
	rec = readTable(t, two)
	assert.Equal(t, "[\"match\" \"none\" \"invalid\"]", columnOf[*array.String](t, rec, "simbad_match").String())
	assert.Equal(t, "[\"A\" (null) (null)]", columnOf[*array.String](t, rec, "simbad_main_id").String())
	assert.Equal(t, 0.5, columnOf[*array.Float64](t, rec, "simbad_z").Value(0))
	assert.Equal(t, 3, columnOf[*array.String](t, rec, "simbad_cause").NullN())
}

// Retry keeps the columns of the position as they are, and a bad cell stays invalid.
func TestRetryKeepsPositions(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.parquet"), filepath.Join(dir, "two.csv")
	positions := file(t, "p.csv", "id,ra,dec\n1,00 40 00,+00 00 00\n2,abc,1\n")
	url, fails := simbad(t)
	fails.Store(true)
	_, _, err := command(t, "-positions", positions, "-catalog", "cds:simbad?columns=main_id", "-cds-url", url, "-o", one)
	require.ErrorContains(t, err, "simbad failed for 1: ")
	url, _ = simbad(t)
	_, _, err = command(t, "-retry", "-positions", one, "-catalog", "cds:simbad?columns=main_id", "-cds-url", url, "-o", two)
	require.NoError(t, err)
	out, err := os.ReadFile(two)
	require.NoError(t, err)
	assert.Equal(t, "id,ra,dec,ra_deg,dec_deg,simbad_match,simbad_separation,simbad_cause,simbad_main_id\n"+
		"1,00 40 00,+00 00 00,10,0,match,0,,A\n2,abc,1,NaN,1,invalid,,,\n", string(out))
}

// writeParquet writes a file of rows with a position.
func writeParquet(t *testing.T, name, json string, fields ...arrow.Field) {
	t.Helper()
	double := arrow.PrimitiveTypes.Float64
	fields = append(fields, arrow.Field{Name: "ra", Type: double, Nullable: true}, arrow.Field{Name: "dec", Type: double, Nullable: true})
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(json))
	require.NoError(t, err)
	defer rec.Release()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	w, err := parquetfile.NewWriter(f, rec.Schema(), parquetfile.Options{})
	require.NoError(t, err)
	require.NoError(t, w.WriteRowGroup([]parquetfile.Rows{{Record: rec}}))
	require.NoError(t, w.Close())
}

// Fields of nested columns are read from an archive by dotted names; the error for a
// wrong name lists them, and suggests the nearest.
func TestNestedColumns(t *testing.T) {
	dir := t.TempDir()
	candidate := arrow.Field{Name: "candidate", Nullable: true, Type: arrow.StructOf(
		arrow.Field{Name: "magpsf", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		arrow.Field{Name: "fid", Type: arrow.PrimitiveTypes.Int32, Nullable: true})}
	writeParquet(t, filepath.Join(dir, "05/a.parquet"), `[{"candidate": {"magpsf": 18.5, "fid": 1}, "ra": 10, "dec": 0}, {"candidate": null, "ra": 20, "dec": 0}]`, candidate)
	writeParquet(t, filepath.Join(dir, "06/b.parquet"), `[{"ra": 20, "dec": 0}]`)
	catalog := file(t, "c.csv", "ra,dec,n\n20,0,7\n")
	out, _, err := command(t, "-positions", dir, "-columns", "candidate.magpsf", "-catalog", catalog+"?columns=n")
	require.NoError(t, err)
	assert.Equal(t, "ra,dec,candidate.magpsf,c_match,c_separation,c_cause,c_n\n10,0,18.5,none,,,\n20,0,,match,0,,7\n20,0,,match,0,,7\n", out)
	_, _, err = command(t, "-positions", dir, "-columns", "candidate.magpfs", "-catalog", catalog)
	assert.ErrorContains(t, err, `no column "candidate.magpfs", did you mean "candidate.magpsf"?: it has candidate.magpsf, candidate.fid, ra, dec`)
}

// The files of an archive, whose columns differ, are read as one table.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	write := func(name, json string, fields ...arrow.Field) {
		writeParquet(t, filepath.Join(dir, name), json, fields...)
	}
	write("05/a.parquet", `[{"id": 1, "ra": 10, "dec": 0}]`, arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	write("06/b.parquet", `[{"id": 3000000000, "x": "y,z", "ra": 20, "dec": 0}]`, arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		arrow.Field{Name: "x", Type: arrow.BinaryTypes.String, Nullable: true})
	catalog := file(t, "c.csv", "ra,dec,n\n20,0,7\n")
	want := "id,ra,dec,x,c_match,c_separation,c_cause,c_n\n1,10,0,,none,,,\n3000000000,20,0,\"y,z\",match,0,,7\n"
	for _, path := range []string{dir, filepath.Join(dir, "*"), filepath.Join(dir, "*", "*.parquet")} {
		out, _, err := command(t, "-positions", path, "-catalog", catalog+"?columns=n")
		require.NoError(t, err)
		assert.Equal(t, want, out)
	}
	write("07/c.parquet", `[{"id": "x", "ra": 20, "dec": 0}]`, arrow.Field{Name: "id", Type: arrow.BinaryTypes.String, Nullable: true})
	_, _, err := command(t, "-positions", dir, "-catalog", catalog)
	assert.ErrorContains(t, err, `c.parquet: column "id" is utf8, and int64 in a file before: leave it out with -columns`)
}

func TestErrors(t *testing.T) {
	catalog := file(t, "c.csv", "ra,dec,n\n20,0,7\n")
	positions := file(t, "p.csv", "ra,dec,c_n,when\n20,0,7,x\n")
	directory := filepath.Join(t.TempDir(), "x.csv")
	require.NoError(t, os.Mkdir(directory, 0o755))
	for says, args := range map[string][]string{
		"no such file":                           {"-positions", "/nowhere.csv", "-catalog", catalog},
		"no file matches":                        {"-positions", "/nowhere*.csv", "-catalog", catalog},
		"no .parquet files":                      {"-positions", t.TempDir(), "-catalog", catalog},
		"catalog x: stat":                        {"-positions", positions, "-catalog", "x=/nowhere.csv"},
		`give join "c" another name`:             {"-positions", positions, "-catalog", catalog},
		"name another with -epoch":               {"-positions", positions, "-catalog", "d=" + catalog, "-epoch", "mjd"},
		`column "when": row 1: "x" is no`:        {"-positions", positions, "-catalog", "d=" + catalog, "-epoch", "when"},
		`no column "m"`:                          {"-positions", positions, "-catalog", "d=" + catalog + "?columns=m"},
		"only a record with the columns of join": {"-positions", positions, "-catalog", "d=" + catalog, "-retry"},
		"is also an input":                       {"-positions", positions, "-catalog", "d=" + catalog, "-o", positions},
		"c.csv is also an input":                 {"-positions", positions, "-catalog", "d=" + catalog, "-o", filepath.Join(filepath.Dir(catalog), "..", filepath.Base(filepath.Dir(catalog)), "c.csv")},
		"exists and is not a file":               {"-positions", positions, "-catalog", "d=" + catalog, "-o", directory},
		"no such file or directory":              {"-positions", positions, "-catalog", "d=" + catalog, "-o", "/nowhere/x.csv"},
		"name them with -ra and -dec":            {"-positions", file(t, "q.csv", "a,b\n1,2\n"), "-catalog", catalog},
		"name them, with ra=NAME&dec=NAME":       {"-positions", positions, "-catalog", file(t, "q.csv", "a,b\n1,2\n")},
		"numbers are needed":                     {"-positions", catalog, "-catalog", "d=" + positions + "?size=when"},
	} {
		_, _, err := command(t, args...)
		assert.ErrorContains(t, err, says)
	}
}

// After an error or a panic no file is left, not even a temporary one.
func TestNoHalfFile(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("ra,dec\n")
	for range 30_000 {
		text.WriteString("10,0\n")
	}
	text.WriteString("\"10")
	positions := file(t, "p.csv", text.String())
	catalog := file(t, "c.csv", "ra,dec\n20,0\n")
	_, _, err := command(t, "-positions", positions, "-catalog", catalog, "-o", filepath.Join(dir, "x.parquet"))
	assert.Error(t, err)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)

	double := arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Float64}
	assert.Panics(t, func() {
		_ = createFile(filepath.Join(dir, "x.csv"), arrow.NewSchema([]arrow.Field{double}, nil), func(output) error { panic("x") })
	})
	left, err = os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Values that need quotes, or many digits, are read back unchanged.
func TestCSVBack(t *testing.T) {
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "#name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "ra", Type: arrow.PrimitiveTypes.Float64}, {Name: "dec", Type: arrow.PrimitiveTypes.Float64},
		{Name: "f", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
		{Name: "t", Type: arrow.FixedWidthTypes.Timestamp_us},
	}, nil), strings.NewReader(`[
		{"#name": "#1", "ra": 0.1, "dec": 1e-300, "f": 0.1, "t": "2026-05-05 01:02:03.000004"},
		{"#name": "a,\"b\";\n|\t ", "ra": 123.45678901234567, "dec": -0.0, "f": null, "t": "2026-05-05 01:02:03"},
		{"#name": " x", "ra": 1, "dec": 2, "f": 1, "t": "2026-05-05 01:02:03"},
		{"#name": null, "ra": 1, "dec": 2, "f": 1e30, "t": "2026-05-05 01:02:03"}]`))
	require.NoError(t, err)
	defer rec.Release()
	name := filepath.Join(t.TempDir(), "x.csv")
	require.NoError(t, createFile(name, rec.Schema(), func(o output) error { return o.write(rec) }))
	back := readTable(t, name)
	assert.Equal(t, rec.Column(0).String(), columnOf[*array.String](t, back, "#name").String())
	assert.Equal(t, rec.Column(1).(*array.Float64).Float64Values(), columnOf[*array.Float64](t, back, "ra").Float64Values())
	assert.Equal(t, rec.Column(2).(*array.Float64).Float64Values(), columnOf[*array.Float64](t, back, "dec").Float64Values())
	assert.Equal(t, float32(0.1), float32(columnOf[*array.Float64](t, back, "f").Value(0)))
	assert.Equal(t, "2026-05-05T01:02:03.000004Z", columnOf[*array.String](t, back, "t").Value(0))
}

// Types of FITS and VOTable that Parquet lacks are written as wider ones.
func TestParquetTypes(t *testing.T) {
	fixed := arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int16)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "u8", Type: arrow.PrimitiveTypes.Uint8}, {Name: "i16", Type: arrow.PrimitiveTypes.Int16},
		{Name: "u32", Type: arrow.PrimitiveTypes.Uint32}, {Name: "u64", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "list", Type: fixed, Nullable: true}, {Name: "b", Type: arrow.FixedWidthTypes.Boolean},
	}, nil), strings.NewReader(`[{"u8": 1, "i16": 1, "u32": 1, "u64": 1, "list": [1, 2], "b": true},
		{"u8": 255, "i16": -3, "u32": 4294967295, "u64": 7, "list": null, "b": false},
		{"u8": 255, "i16": -3, "u32": 4294967295, "u64": 5, "list": [3, null], "b": false}]`))
	require.NoError(t, err)
	defer rec.Release()
	part := rec.NewSlice(1, 3)
	defer part.Release()
	for i, want := range []string{"[255 255]", "[-3 -3]", "[4294967295 4294967295]", "[7 5]", "[(null) [3 (null)]]", "[false false]"} {
		got, err := store(part.Column(i), storable(part.Column(i).DataType()))
		require.NoError(t, err)
		assert.Equal(t, want, got.String())
		got.Release()
	}
	name := filepath.Join(t.TempDir(), "x.parquet")
	require.NoError(t, createFile(name, rec.Schema(), func(o output) error { return o.write(part) }))
	info, err := os.Stat(name)
	require.NoError(t, err)
	assert.Positive(t, info.Size())

	huge := array.NewUint64Builder(memory.DefaultAllocator)
	defer huge.Release()
	huge.Append(math.MaxUint64)
	a := huge.NewArray()
	defer a.Release()
	_, err = store(a, arrow.PrimitiveTypes.Int64)
	assert.Error(t, err)
}

// createFile writes a table as -o does.
func createFile(name string, schema *arrow.Schema, f func(output) error) error {
	o := &options{out: name, format: formatOf(name)}
	return o.create(schema, f)
}

// Standard input and output are read and written by name, and -all counts
// positions, not rows.
func TestPipe(t *testing.T) {
	positions := file(t, "p.csv", "id,ra,dec\na,20,0\nb,00 40 00,x\n")
	catalog := file(t, "c.csv", "ra,dec,n\n20,0,1\n20,0,2\n20,0,3\n")
	in, err := os.Open(positions)
	require.NoError(t, err)
	defer in.Close()
	stdin := os.Stdin
	defer func() { os.Stdin = stdin }()
	os.Stdin = in
	out, says, err := command(t, "-positions", "-", "-catalog", catalog+"?columns=n", "-all", "-o", "-", "-format", "tsv")
	require.NoError(t, err)
	assert.Equal(t, "id\tra\tdec\tra_deg\tdec_deg\tc_match\tc_separation\tc_cause\tc_n\n"+
		"a\t20\t0\t20\t0\tmatch\t0\t\t1\na\t20\t0\t20\t0\tmatch\t0\t\t2\na\t20\t0\t20\t0\tmatch\t0\t\t3\n"+
		"b\t00 40 00\tx\t10\tNaN\tinvalid\t\t\t\n", out)
	assert.Contains(t, says, "2 positions, 4 rows written")
	_, err = in.Seek(0, io.SeekStart)
	require.NoError(t, err)
	_, _, err = command(t, "-positions", "-", "-catalog", catalog, "-columns", "x")
	assert.EqualError(t, err, `table: standard input: no column "x": it has id, ra, dec`)
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "crossmatch-stdin-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
