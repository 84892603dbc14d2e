package catalog

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds"
	"github.com/skyfinch/skyfinch/crossmatch/cds/cdstest"
)

// match returns the status and the columns of a join's row nearest to a position.
func match(t *testing.T, j crossmatch.Join, ra, dec float64) []string {
	t.Helper()
	tr := &crossmatch.Transform{Joins: []crossmatch.Join{j}}
	rec := positionRecord(ra, dec)
	defer rec.Release()
	got, err := tr.Match(t.Context(), rec)
	require.NoError(t, err)
	defer got.Release()
	out := []string{got.Column(2).ValueStr(0)}
	for i := 5; i < int(got.NumCols()); i++ {
		out = append(out, got.ColumnName(i)+"="+got.Column(i).ValueStr(0))
	}
	return out
}

func positionRecord(ra, dec float64) arrow.Record {
	field := func(name string) arrow.Field { return arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Float64} }
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{field("ra"), field("dec")}, nil))
	defer b.Release()
	b.Field(0).(*array.Float64Builder).Append(ra)
	b.Field(1).(*array.Float64Builder).Append(dec)
	return b.NewRecord()
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
}

func TestOpenTable(t *testing.T) {
	name := filepath.Join(t.TempDir(), "stars.csv")
	writeFile(t, name, "lon,lat,kind,size,pmra,pmdec\n10,0,E,,0,36000\n20,0,S,1,0,0\n")
	for text, want := range map[string][]string{
		"":                        {"match", "stars_lon=10", "stars_lat=0", "stars_kind=E", "stars_size=(null)", "stars_pmra=0", "stars_pmdec=36000"},
		"&columns=Kind":           {"match", "stars_kind=E"},
		"&columns=kind&radius=0":  {"none", "stars_kind=(null)"},
		"&columns=kind&size=size": {"match", "stars_kind=E"},
		"&columns=kind&pmra=pmra&pmdec=pmdec&epoch=2000": {"match", "stars_kind=E"},
	} {
		var read int64
		j, err := Open(t.Context(), name+"?ra=lon&dec=lat"+text, Options{Progress: func(name string, rows int64) {
			assert.Equal(t, "stars", name)
			read = rows
		}})
		require.NoError(t, err, text)
		assert.Equal(t, want, match(t, j, 10, 0.0001), text)
		assert.EqualValues(t, 2, read)
		require.NoError(t, j.Close())
	}
	j, err := Spec{Where: name, RA: "lon", Dec: "lat", Columns: []string{"size"}, Size: "size"}.Open(t.Context(), Options{})
	require.NoError(t, err)
	assert.Equal(t, DefaultRadius, j.Radius)
	assert.Equal(t, []string{"match", "stars_size=1"}, match(t, j, 20, 0.0002), "within its own radius")
	require.NoError(t, j.Close())
}

// The index of a table is written once, and again if the table or the options change.
func TestOpenIndexed(t *testing.T) {
	dir := t.TempDir()
	name, indices := filepath.Join(dir, "stars.csv"), filepath.Join(dir, "a", "b")
	writeFile(t, name, "ra,dec,kind\n10,0,E\n")
	loads := 0
	var notes []string
	o := Options{IndexDir: indices, Progress: func(string, int64) { loads++ }, Note: func(text string) { notes = append(notes, text) }}
	open := func(options string, want ...string) {
		t.Helper()
		j, err := Open(t.Context(), name+options, o)
		require.NoError(t, err)
		assert.Equal(t, want, match(t, j, 10, 0))
		require.NoError(t, j.Close())
	}
	open("?columns=kind", "match", "stars_kind=E")
	assert.Equal(t, 1, loads)
	open("?columns=kind&radius=3", "match", "stars_kind=E")
	assert.Equal(t, 1, loads, "the radius is not part of the index")
	open("", "match", "stars_ra=10", "stars_dec=0", "stars_kind=E")
	assert.Equal(t, 2, loads)
	writeFile(t, name, "ra,dec,kind\n10,0,Sa\n")
	open("?columns=kind", "match", "stars_kind=Sa")
	assert.Equal(t, 3, loads)
	files, err := filepath.Glob(filepath.Join(indices, "*.skyidx"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, f := range files {
		require.NoError(t, os.Truncate(f, 100))
	}
	open("?columns=kind", "match", "stars_kind=Sa")
	assert.Equal(t, 4, loads, "a damaged index")
	info, err := os.Stat(name)
	require.NoError(t, err)
	assert.Contains(t, notes[len(notes)-1], fmt.Sprintf(", made of %s as of %s with columns=kind", name, info.ModTime().UTC().Format(time.DateTime)))
}

func TestOpenCDS(t *testing.T) {
	server := httptest.NewServer(&cdstest.Server{
		Table:   "simbad",
		Columns: []cdstest.Column{{Name: "main_id", Datatype: "char"}, {Name: "z", Datatype: "double"}},
		Rows:    []cdstest.Row{{RA: 10, Dec: 0, Values: []string{"A", "0.5"}}},
	})
	defer server.Close()
	j, err := Open(t.Context(), "s=cds:simbad?columns=main_id,z:double", Options{Service: cds.Service{URL: server.URL}})
	require.NoError(t, err)
	defer j.Close()
	assert.Equal(t, []string{"match", "s_main_id=A", "s_z=0.5"}, match(t, j, 10, 0))
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "c.csv")
	writeFile(t, name, "ra,dec,r\n10,0,-1\n")
	j, err := Open(t.Context(), name, Options{IndexDir: dir})
	require.NoError(t, err)
	require.NoError(t, j.Close())
	files, err := filepath.Glob(filepath.Join(dir, "*.skyidx"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	index := files[0]
	for text, want := range map[string]string{
		"":                          "catalog: not a catalogue: write NAME=FILE, or cds:simbad",
		"x=/nowhere/c.csv":          "catalog x: stat /nowhere/c.csv: no such file or directory",
		name + "?columns=s":         "no column \"s\"",
		name + "?size=r":            "row 1 has -1 in column \"r\"",
		name + "?epoch=2016":        "pmra, pmdec and epoch go together",
		index + "?size=r":           "is an index, which was made with its options",
		index + "?columns=s":        "no column \"s\"",
		dir + "?size=r":             "option size is for catalogues that are files",
		"cds:simbad?radius=4arcmin": "the CDS accepts radii up to 180 arcseconds, not 240",
	} {
		_, err := Open(t.Context(), text, Options{})
		assert.ErrorContains(t, err, want, text)
	}
	_, err = Spec{Where: "cds:simbad", Radius: crossmatch.Degree}.Open(t.Context(), Options{})
	assert.ErrorContains(t, err, "catalog simbad: the CDS accepts radii up to 180 arcseconds")
}
