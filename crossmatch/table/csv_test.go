package table_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

func TestCSVTypes(t *testing.T) {
	rec := readText(t, `ra,dec,int,float,late,id,mixed,none,blank,text
1,2,1,1,1,99999999999999999999,1,NULL,,NULL
1,2,-5,2.5,2,1,99999999999999999999,,,x
1,2,,N/A,x,2,1.5,--,,
`, table.Options{})
	for name, typ := range map[string]string{
		"int": "int64", "float": "float64", "late": "utf8", "id": "utf8", "mixed": "float64", "none": "utf8", "blank": "utf8", "text": "utf8",
	} {
		assert.Equal(t, typ, rec.Column(rec.Schema().FieldIndices(name)[0]).DataType().Name(), name)
	}
	assert.Equal(t, []string{"1", "-5", "(null)"}, cells(rec, "int"))
	assert.Equal(t, []string{"1", "2.5", "(null)"}, cells(rec, "float"))
	assert.Equal(t, []string{"99999999999999999999", "1", "2"}, cells(rec, "id"), "no digit is lost")
	assert.Equal(t, []string{"NULL", "x", "(null)"}, cells(rec, "text"), "a word is a word among words")
	assert.Equal(t, []float64{1, 1, 1}, floats(rec, "ra"))
}

func TestCSVTypesOverTheWholeFile(t *testing.T) {
	text := "ra,dec,n\n" + strings.Repeat("1,2,3\n", 200_000) + "1,2,x\n"
	rec := readText(t, text, table.Options{Rows: 1000})
	assert.Equal(t, "utf8", rec.Column(2).DataType().Name())
	assert.Equal(t, int64(200_001), rec.NumRows())
}

func TestCSVForms(t *testing.T) {
	for name, text := range map[string]string{
		"comma":              "ra,dec,s\n10,-0.5,a b\n",
		"semicolon":          "ra;dec;s\n10;-0.5;a b\n",
		"tab":                "ra\tdec\ts\n10\t-0.5\ta b\n",
		"bar":                "ra|dec|s\n10|-0.5|a b\n",
		"windows":            "\xef\xbb\xbfra,dec,s\r\n10,-0.5,a b\r\n",
		"no last newline":    "ra,dec,s\n10,-0.5,a b",
		"comments":           "# hi, there\n\nra,dec,s\n# 1,2,3\n10,-0.5,a b\n",
		"header in comment":  "# hello\n# ra,dec,s\n10,-0.5,a b\n",
		"quotes":             "\"ra\" , \"dec\",s\n \"10\" ,-0.5, \"a b\" \n",
		"trailing delimiter": "ra,dec,s,\n10,-0.5,a b,\n",
		"in rows only":       "ra,dec,s\n10,-0.5,a b,\n",
		"vizier":             "#\n#Title\n\nra\tdec\ts\nh\tdeg\t\n---\t---\t---\n0.6666666666666666666\t-0.5\ta b\n",
		"dashes":             "ra,dec,s\n---,----,--\n10,-0.5,a b\n",
		"other delimiters":   "ra;dec;s\n10;-0.5;a b\n",
		"sexagesimal":        "RA,Dec,s\n00:40:00,-00:30:00,a b\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, b := range []string{text, string(packed([]byte(text)))} {
				rec := readText(t, b, table.Options{})
				require.Equal(t, int64(1), rec.NumRows())
				require.Len(t, rec.Schema().Fields(), 3)
				assert.InDelta(t, 10, rec.Column(0).(interface{ Value(int) float64 }).Value(0), 1e-12)
				assert.InDelta(t, -0.5, rec.Column(1).(interface{ Value(int) float64 }).Value(0), 1e-12)
				assert.Equal(t, "a b", rec.Column(2).ValueStr(0))
			}
		})
	}
}

func TestCSVQuoted(t *testing.T) {
	rec := readText(t, "ra,dec,s\n1,2,\"a, \"\"b\"\"\nc\"\n3,4,5\"\n", table.Options{})
	assert.Equal(t, []string{"a, \"b\"\nc", `5"`}, cells(rec, "s"))
}

func TestCSVLatin1(t *testing.T) {
	rec := readText(t, "ra,dec,nom\xe9\n1,2,\xc5ngstr\xf6m\n", table.Options{})
	assert.Equal(t, []string{"Ångström"}, cells(rec, "nomé"))
}

func TestCSVPositions(t *testing.T) {
	rec := readText(t, "ra,dec\n12:00:00,-00:30:00\n,\n90.5,NULL\nNaN,1\n", table.Options{})
	assert.Equal(t, []string{"180", "(null)", "90.5", "NaN"}, cells(rec, "ra"))
	assert.Equal(t, []string{"-0.5", "(null)", "(null)", "1"}, cells(rec, "dec"))
	unit, _ := rec.Schema().Field(0).Metadata.GetValue("unit")
	assert.Equal(t, "deg", unit)
}

func TestCSVErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "table: x: it is empty"},
		{"# only\n", "table: x: it has no rows"},
		{"1,2\n3,4\n", `table: x: line 1: has numbers where the names of the columns should be: put a header above it`},
		{"a,b\n1,2\n", `table: x: no right ascension and declination found among its columns, a, b: name them`},
		{"ra,dec\n1,2\n\n1,2,3,4\n", `table: x: line 4: 4 fields, but the header has 2, delimited by ','`},
		{"ra,dec\n1,2\n1,\"2\n", `table: x: line 3: a quote is left open`},
		{"ra,dec\n1,\"2\"x\n", `table: x: line 2: text after a quoted field: double the quotes within it, or is the delimiter not ','?`},
		{"ra,dec\n1,2\n1,north\n", `table: x: row 2, column "dec": "north" is not an angle: write degrees, or sexagesimal as 12:34:56.7 or 12h34m56.7s`},
	} {
		tab, err := read([]byte(c.text), table.Options{Memory: checked(t)})
		if err == nil {
			_, err = rows(tab)
		}
		assert.EqualError(t, err, c.want)
	}
}

func TestColumns(t *testing.T) {
	const text = "id,RA_ICRS,DE_ICRS,mag,mag,\n1,2,3,4,5,\n"
	rec := readText(t, text, table.Options{})
	assert.Equal(t, []string{"id", "RA_ICRS", "DE_ICRS", "mag", "mag_2"}, fieldNames(rec.Schema()))
	rec = readText(t, text, table.Options{Columns: []string{"mag_2", "id", "ra_icrs"}})
	assert.Equal(t, []string{"RA_ICRS", "DE_ICRS", "mag_2", "id"}, fieldNames(rec.Schema()))
	rec = readText(t, text, table.Options{Columns: []string{}, RA: "id", Dec: "mag"})
	assert.Equal(t, []string{"id", "mag"}, fieldNames(rec.Schema()))

	for want, o := range map[string]table.Options{
		`table: x: no column "nope": it has id, RA_ICRS, DE_ICRS, mag, mag_2`:  {Columns: []string{"nope"}},
		`table: x: Options has RA "id" and Dec "": name both or neither`:       {RA: "id"},
		`table: x: column "id" cannot be both right ascension and declination`: {RA: "id", Dec: "ID"},
	} {
		_, err := read([]byte(text), o)
		assert.EqualError(t, err, want)
	}
}

func fieldNames(s *arrow.Schema) []string {
	var out []string
	for _, f := range s.Fields() {
		out = append(out, f.Name)
	}
	return out
}

func TestPositionNames(t *testing.T) {
	for _, pair := range [][2]string{
		{"ra", "dec"}, {"RA", "DEC"}, {"R.A.", "Dec."}, {"RAJ2000", "DEJ2000"}, {"_RAJ2000", "_DEJ2000"}, {"RA_ICRS", "DE_ICRS"}, {"raj2000", "dej2000"},
		{"ra_deg", "dec_deg"}, {"RAdeg", "DEdeg"}, {"_RA.icrs", "_DE.icrs"}, {"ALPHA_J2000", "DELTA_J2000"}, {"s_ra", "s_dec"}, {"raMean", "decMean"},
		{"Right Ascension", "Declination"},
	} {
		tab, err := read(fmt.Appendf(nil, "n,%s,x,%s\n1,2,3,4\n", pair[1], pair[0]), table.Options{})
		require.NoError(t, err)
		ra, dec := tab.Position()
		assert.Equal(t, pair, [2]string{ra, dec})
	}
}

func TestLoopEnds(t *testing.T) {
	tab, err := read([]byte("ra,dec\n1,2\n3,4\n5,6\n"), table.Options{Rows: 1, Memory: checked(t)})
	require.NoError(t, err)
	for range 2 { // from the first row again
		for rec, err := range tab.Records(context.Background()) {
			require.NoError(t, err)
			assert.Equal(t, "1", rec.Column(0).ValueStr(0))
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for _, err := range tab.Records(ctx) {
		if n++; n == 3 {
			assert.ErrorIs(t, err, context.Canceled)
			break
		}
		require.NoError(t, err)
		if n == 2 {
			cancel()
		}
	}
	assert.Equal(t, 3, n)
}
