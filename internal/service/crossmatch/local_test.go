package crossmatch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sky "github.com/skyfinch/skyfinch/crossmatch"
)

// With -index the second run opens the index that the first has written, if the table
// and the options are the same.
func TestIndex(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	catalog := file(t, "c.csv", "ra,dec,name,r\n20,0,x,60\n10,0,y,1\n")
	positions := file(t, "p.csv", "ra,dec\n20.01,0\n10,0\n")
	says := ""
	match := func(catalog string) (out string) {
		var err error
		out, says, err = command(t, "-positions", positions, "-catalog", catalog, "-index", dir)
		require.NoError(t, err)
		return out
	}
	files := func() []string {
		f, err := filepath.Glob(filepath.Join(dir, "*.skyidx"))
		require.NoError(t, err)
		return f
	}
	first := match(catalog + "?size=r&columns=NAME")
	assert.Equal(t, "ra,dec,c_match,c_separation,c_cause,c_name\n20.01,0,match,36.00000000000562,,x\n10,0,match,0,,y\n", first)
	require.Len(t, files(), 1)
	index := files()[0]
	old := filepath.Join(t.TempDir(), "old.skyidx") // a copy that stays
	require.NoError(t, os.Link(index, old))
	made := ", made of " + catalog + " as of " + modified(t, catalog) + " with columns=NAME&size=r*1arcsec\n"
	assert.Contains(t, says, "c: index "+index+made)
	info, err := os.Stat(index)
	require.NoError(t, err)
	assert.Equal(t, first, match(catalog+"?size=r&columns=NAME"))
	same, err := os.Stat(index)
	require.NoError(t, err)
	assert.True(t, os.SameFile(info, same), "it was written again")
	assert.Contains(t, says, "c: index "+index+made)

	assert.Equal(t, first, match("c="+index), "an index is a catalogue too")
	assert.Equal(t, first, match("c="+index+"?columns=Name"))
	_, _, err = command(t, "-positions", positions, "-catalog", index+"?size=r")
	assert.ErrorContains(t, err, "is an index, which was made with its options")

	assert.Contains(t, match(catalog+"?columns=name"), "20.01,0,none")
	assert.Len(t, files(), 2)
	// If the table has changed, its index is written again.
	second := strings.ReplaceAll(first, "x", "z")
	require.NoError(t, os.WriteFile(catalog, []byte("ra,dec,name,r\n20,0,z,60\n10,0,y,1\n"), 0o600))
	require.NoError(t, os.Chtimes(catalog, time.Time{}, time.Now().Add(-time.Hour)))
	_, _, err = command(t, "-positions", positions, "-catalog", "c="+old)
	assert.ErrorContains(t, err, "old.skyidx is an index of "+catalog+" as it was on ")
	assert.ErrorContains(t, err, "that has changed since: name the table itself, with the directory")
	assert.Equal(t, second, match(catalog+"?size=r&columns=NAME"))
	assert.Contains(t, says, " as of "+modified(t, catalog))
	assert.Len(t, files(), 2)
	assert.Equal(t, second, match("c="+index))

	for _, name := range files() { // damaged ones are written again
		require.NoError(t, os.Truncate(name, 100))
	}
	assert.Equal(t, second, match(catalog+"?size=r&columns=NAME"))

	require.NoError(t, os.Remove(catalog)) // an index does not need its table
	assert.Equal(t, first, match("c="+old))
	assert.Equal(t, second, match("c="+index))
}

// modified returns the modification time of a file.
func modified(t *testing.T, name string) string {
	info, err := os.Stat(name)
	require.NoError(t, err)
	return info.ModTime().UTC().Format(time.DateTime)
}

// The note of an index that another program wrote is shown, without control
// characters.
func TestIndexOfOthers(t *testing.T) {
	c, err := sky.NewCatalog(sky.Rows{RA: []float64{20}, Dec: []float64{0}})
	require.NoError(t, err)
	positions := file(t, "p.csv", "ra,dec\n20,0\n")
	name := filepath.Join(t.TempDir(), "s.skyidx")
	for note, want := range map[string]string{
		"":                           "s: index " + name + ", whose origin is unknown\n",
		"GCVS 5.1,\nof \x1b[31m2026": "s: index " + name + ": GCVS 5.1, of  [31m2026\n",
		`{"table": 7}`:               "s: index " + name + `: {"table": 7}` + "\n",
		strings.Repeat("ä", 1000):    "...\n",
		`{"table":"/nowhere/gcvs.fits","bytes":3,"modified":"2026-11-21T20:00:00.5Z"}`: "made of /nowhere/gcvs.fits as of 2026-11-21 20:00:00\n",
	} {
		require.NoError(t, c.WriteIndex(name, note))
		_, says, err := command(t, "-positions", positions, "-catalog", name)
		require.NoError(t, err)
		assert.Contains(t, says, want)
	}
}

// An index may have no columns.
func TestIndexWithoutColumns(t *testing.T) {
	c, err := sky.NewCatalog(sky.Rows{RA: []float64{20}, Dec: []float64{0}})
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "s.skyidx")
	require.NoError(t, c.WriteIndex(name, ""))
	positions := file(t, "p.csv", "ra,dec\n20,0\n")
	out, _, err := command(t, "-positions", positions, "-catalog", name)
	require.NoError(t, err)
	assert.Equal(t, "ra,dec,s_match,s_separation,s_cause\n20,0,match,0,\n", out)
	_, _, err = command(t, "-positions", positions, "-catalog", name+"?columns=name")
	assert.ErrorContains(t, err, "catalog s: it has no columns")
}

// The error for a size that is not a radius names its row.
func TestSizes(t *testing.T) {
	positions := file(t, "p.csv", "ra,dec\n20,0.01\n")
	for size, says := range map[string]string{
		"":     "",
		"0":    "",
		"180":  "",
		"-1":   `c.csv: row 2 has -1 in column "r", which times 3600arcsec is not a radius from 0 to 180 degrees: name another column or unit in size, or leave the cell empty`,
		"-999": "row 2 has -999",
		"999":  "row 2 has 999",
		"inf":  "row 2 has +Inf",
	} {
		catalog := file(t, "c.csv", "ra,dec,r\n20,0,1\n30,0,"+size+"\n")
		_, _, err := command(t, "-positions", positions, "-catalog", catalog+"?size=r*1deg")
		if says == "" {
			assert.NoError(t, err, size)
		} else {
			assert.ErrorContains(t, err, says, size)
		}
	}
}

// A HATS directory returns the same matches as a loop over all its rows.
func TestHATS(t *testing.T) {
	dir := real(t, "hats/small_sky_o1_collection")
	files, err := filepath.Glob(filepath.Join(dir, "small_sky_order1/dataset/Norder=1/Dir=0/*.parquet"))
	require.NoError(t, err)
	type star struct {
		ra, dec float64
		id      string
	}
	var stars []star
	for _, name := range files {
		rec := readTable(t, name)
		ra, dec := columnOf[*array.Float64](t, rec, "ra"), columnOf[*array.Float64](t, rec, "dec")
		id := rec.Column(rec.Schema().FieldIndices("id")[0])
		for i := range ra.Len() {
			stars = append(stars, star{ra.Value(i), dec.Value(i), id.ValueStr(i)})
		}
	}
	require.Greater(t, len(stars), 100)
	grid := &strings.Builder{}
	grid.WriteString("ra,dec\n")
	var places []star
	for ra := 280.; ra < 355; ra += 2.5 {
		for dec := -75.; dec < -20; dec += 2.5 {
			places = append(places, star{ra: ra, dec: dec})
			grid.WriteString(fmt.Sprint(ra) + "," + fmt.Sprint(dec) + "\n")
		}
	}
	out := filepath.Join(t.TempDir(), "x.parquet")
	_, _, err = command(t, "-positions", file(t, "p.csv", grid.String()), "-catalog", "s="+dir+"?radius=1deg&columns=id", "-o", out)
	require.NoError(t, err)
	got := readTable(t, out)
	status := columnOf[*array.String](t, got, "s_match")
	separation := columnOf[*array.Float64](t, got, "s_separation")
	id := got.Column(got.Schema().FieldIndices("s_id")[0])
	matched := 0
	for i, p := range places {
		nearest, want := 2*sky.Degree, ""
		for _, s := range stars {
			if d := sky.Separation(p.ra, p.dec, s.ra, s.dec); d < nearest {
				nearest, want = d, s.id
			}
		}
		if nearest > sky.Degree {
			assert.Equal(t, "none", status.Value(i))
			continue
		}
		matched++
		assert.Equal(t, "match", status.Value(i))
		assert.InDelta(t, nearest.Arcseconds(), separation.Value(i), 1e-9*nearest.Arcseconds())
		assert.Equal(t, want, id.ValueStr(i))
	}
	assert.Greater(t, matched, 5)
	_, _, err = command(t, "-positions", file(t, "p.csv", "ra,dec\n1,1\n"), "-catalog", dir, "-all")
	assert.ErrorContains(t, err, "finds only the nearest row")
	_, _, err = command(t, "-positions", file(t, "p.csv", "ra,dec\n1,1\n"), "-catalog", dir, "-o", filepath.Join(dir, "partition_info.csv"))
	assert.ErrorContains(t, err, "whose files are read")
}
