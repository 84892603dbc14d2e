package crossmatch

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

	sky "github.com/skyfinch/skyfinch/crossmatch"
)

// moving returns a catalogue of one star, which was at declination 0 in 2000 and moves
// 36" a year northward.
func moving(t *testing.T) (name, options string) {
	return file(t, "c.csv", "ra,dec,pmra,pmdec,name\n20,0,0,36000,fast\n"), "?pmra=pmra&pmdec=pmdec&epoch=2000&columns=name"
}

// event_time is read in every form, whatever -columns says, and written unchanged.
func TestTimes(t *testing.T) {
	catalog, options := moving(t)
	for name, c := range map[string]struct{ header, then, now string }{
		"text":          {"event_time", "2000-01-01T12:00:00Z", "2002-01-01T00:00:00.5Z"},
		"without zone":  {"event_time", "2000-01-01 12:00:00", "2002-01-01T00:00:00"},
		"in a zone":     {"event_time", "2000-01-01T12:00:00+01:00", "2002-01-01 00:00:00-08:00"},
		"a day":         {"event_time", "2000-01-01", "2002-01-01"},
		"Julian year":   {"event_time", "2000", "2002.0"},
		"MJD":           {"event_time", "51544", "52275"},
		"JD":            {"event_time", "2451545.25", "2452275.75"},
		"other letters": {"Event_Time", "2000", "2002"},
	} {
		positions := file(t, "p.csv", "id,x,ra,dec,"+c.header+"\n1,0,20,0,"+c.then+"\n2,0,20,0.02,"+c.now+"\n3,0,20,0,"+c.now+"\n4,0,20,0,\n")
		out, says, err := command(t, "-positions", positions, "-columns", "id", "-catalog", "c="+catalog+options)
		require.NoError(t, err, name)
		lines := strings.Split(out, "\n")
		assert.Equal(t, "ra,dec,id,"+c.header+",c_match,c_separation,c_cause,c_name", lines[0])
		for i, want := range []string{"match", "match", "none", "match"} {
			assert.Equal(t, want, strings.Split(lines[i+1], ",")[4], "%s: %s", name, lines[i+1])
		}
		when := strings.Split(lines[2], ",")[3]
		assert.Equal(t, strings.TrimSuffix(c.now, ".0"), when, name)
		assert.Contains(t, says, "1 positions have no time of observation: no row was moved for them\n", name)
	}
}

// crossmatch reads the times that it wrote, as CSV and as Parquet.
func TestTimesBack(t *testing.T) {
	catalog, options := moving(t)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "ra", Type: arrow.PrimitiveTypes.Float64}, {Name: "dec", Type: arrow.PrimitiveTypes.Float64},
		{Name: "event_time", Type: arrow.FixedWidthTypes.Timestamp_us},
		{Name: "day", Type: arrow.FixedWidthTypes.Date32},
		{Name: "year", Type: arrow.PrimitiveTypes.Int32},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(
		`[{"ra": 20, "dec": 0.02, "event_time": "2002-01-01 00:00:00.5", "day": "2002-01-01", "year": 2002},
		  {"ra": 20, "dec": 0, "event_time": "2002-01-01 00:00:00.5", "day": "2002-01-01", "year": 2002}]`))
	require.NoError(t, err)
	defer rec.Release()
	dir := t.TempDir()
	for _, name := range []string{"x.csv", "x.parquet"} {
		name := filepath.Join(dir, name)
		require.NoError(t, createFile(name, schema, func(o output) error { return o.write(rec) }))
		for _, more := range [][]string{nil, {"-epoch", "day"}, {"-epoch", "YEAR"}, {"-all"}, {"-columns", "day"}} {
			out := filepath.Join(t.TempDir(), "y.parquet")
			_, says, err := command(t, append([]string{"-positions", name, "-catalog", "c=" + catalog + options, "-o", out}, more...)...)
			require.NoError(t, err)
			got := readTable(t, out)
			assert.Equal(t, `["match" "none"]`, columnOf[*array.String](t, got, "c_match").String(), "%s %s", name, more)
			assert.False(t, got.Schema().HasField(timesName))
			assert.NotContains(t, says, "no time of observation")
		}
	}
}

// Retry moves the catalogue's rows to the time of each position.
func TestTimesRetry(t *testing.T) {
	catalog, options := moving(t)
	positions := file(t, "p.csv", "ra,dec,event_time,c_match,c_separation,c_cause,c_name\n"+
		"20,0.02,2002-01-01T00:00:00Z,failed,1.5,x,x\n20,0,2002-01-01T00:00:00Z,failed,1.5,x,x\n20,0,2002-01-01T00:00:00Z,match,1.5,x,x\n")
	out, _, err := command(t, "-retry", "-positions", positions, "-catalog", "c="+catalog+options)
	require.NoError(t, err)
	assert.Regexp(t, `^ra,dec,event_time,c_match,c_separation,c_cause,c_name
20,0.02,2002-01-01T00:00:00Z,match,[0-9.]+(e-06)?,,fast
20,0,2002-01-01T00:00:00Z,none,,,
20,0,2002-01-01T00:00:00Z,match,1.5,x,x
$`, out)
}

// If a catalogue's rows move, the time of observation must be known, unless -epoch
// is none.
func TestTimesMissing(t *testing.T) {
	catalog, options := moving(t)
	positions := file(t, "p.csv", "ra,dec,id,event_time\n20,0,1,2002\n")
	nothing := file(t, "p.csv", "ra,dec,id\n20,0,1\n")
	says := "-catalog c: its rows move, and no column says when the positions were observed: name it with -epoch NAME, or leave the rows where the catalogue has them with -epoch none"
	_, _, err := command(t, "-positions", nothing, "-catalog", "c="+catalog+options)
	assert.EqualError(t, err, says)

	out, note, err := command(t, "-positions", positions, "-catalog", "c="+catalog+options, "-epoch", "none")
	require.NoError(t, err)
	assert.Contains(t, out, "20,0,1,2002,match,0,")
	assert.NotContains(t, note, "no time of observation")
	out, _, err = command(t, "-positions", positions, "-catalog", "c="+catalog+options, "-epoch", "none", "-columns", "id")
	require.NoError(t, err)
	assert.Equal(t, "ra,dec,id,c_match,c_separation,c_cause,c_name\n20,0,1,match,0,,fast\n", out)

	_, _, err = command(t, "-positions", positions, "-catalog", "c="+catalog+options, "-epoch", "when")
	assert.ErrorContains(t, err, `-epoch when: table: no column "when": it has ra, dec, id, event_time: name another with -epoch`)
	_, note, err = command(t, "-positions", positions, "-catalog", "c="+catalog+options, "-epoch", "ID")
	require.NoError(t, err)
	assert.Contains(t, note, "1 positions have no time of observation")

	// Where nothing moves, it does not matter what an event_time is.
	odd := file(t, "p.csv", "ra,dec,event_time\n20,0,yesterday\n")
	out, _, err = command(t, "-positions", odd, "-catalog", "c="+catalog)
	require.NoError(t, err)
	assert.Contains(t, out, "20,0,yesterday,match,0,")
	_, _, err = command(t, "-positions", odd, "-catalog", "c="+catalog+options)
	assert.ErrorContains(t, err, `p.csv: column "event_time": row 1: "yesterday" is not a time of observation`)
}

// An index records that its rows move.
func TestTimesOfIndex(t *testing.T) {
	catalog, options := moving(t)
	dir := t.TempDir()
	positions := file(t, "p.csv", "ra,dec\n20,0\n")
	_, _, err := command(t, "-positions", positions, "-catalog", "c="+catalog+options, "-index", dir, "-epoch", "none")
	require.NoError(t, err)
	index, err := filepath.Glob(filepath.Join(dir, "*.skyidx"))
	require.NoError(t, err)
	require.Len(t, index, 1)
	_, _, err = command(t, "-positions", positions, "-catalog", "c="+index[0])
	assert.ErrorContains(t, err, "-catalog c: its rows move")
	out, _, err := command(t, "-positions", positions, "-catalog", "c="+index[0], "-epoch", "none")
	require.NoError(t, err)
	assert.Contains(t, out, "20,0,match,0,,fast")
}

// Errors give the row's number in the file, not in the batch.
func TestTimesRow(t *testing.T) {
	catalog, options := moving(t)
	positions := file(t, "p.csv", "ra,dec,event_time\n"+strings.Repeat("20,0,2002-01-01\n", batchRows+1)+"20,0,x\n")
	_, _, err := command(t, "-positions", positions, "-catalog", "c="+catalog+options)
	assert.ErrorContains(t, err, `row 10002: "x" is not a time`)
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]float64{
		"2000-01-01T12:00:00Z":          2000,
		"2000-01-01T12:00:00.000":       2000,
		" 2000-01-01 14:00:00.0+02:00 ": 2000,
		"2016-01-01T18:00:00Z":          2016 + 0.25/365.25,
	} {
		got, ok := parseTime(text)
		assert.True(t, ok, text)
		assert.InDelta(t, want, sky.JulianYear(got), 1e-2, text)
	}
	for _, text := range []string{"", "x", "2000", "2000-13-01", "2000-01-01T25:00:00Z", "NULL"} {
		_, ok := parseTime(text)
		assert.False(t, ok, text)
	}
}

// A column that some of many files lack is empty there; one that all lack is an error.
func TestColumnsOfSome(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"p1.csv": "id,ra,dec,y\n1,20,0,a\n",
		"p2.csv": "ra,dec,x,id,event_time\n30,0,7,2,2026\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	catalog := file(t, "c.csv", "ra,dec\n20,0\n")
	all := filepath.Join(dir, "p*.csv")
	out, _, err := command(t, "-positions", all, "-columns", "ID,x", "-catalog", "c="+catalog+"?columns=ra")
	require.NoError(t, err)
	assert.Equal(t, "ra,dec,id,x,event_time,c_match,c_separation,c_cause,c_ra\n20,0,1,,,match,0,,20\n30,0,2,7,2026,none,,,\n", out)
	_, _, err = command(t, "-positions", all, "-columns", "id,z", "-catalog", "c="+catalog)
	assert.ErrorContains(t, err, `p1.csv: no column "z": it has id, ra, dec, y`)
	_, _, err = command(t, "-positions", filepath.Join(dir, "p1.csv"), "-columns", "id,x", "-catalog", "c="+catalog)
	assert.ErrorContains(t, err, `p1.csv: no column "x": it has id, ra, dec, y`)

	// The output must not replace any of them.
	_, _, err = command(t, "-positions", all, "-catalog", "c="+catalog, "-o", filepath.Join(dir, "p2.csv"))
	assert.ErrorContains(t, err, "p2.csv is also an input")
}
