package table_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

func TestVOTableForms(t *testing.T) {
	for name, text := range map[string]string{
		"tabledata": voData("TABLEDATA", voText),
		"binary":    voStream("BINARY", voBinary+strings.Replace(voBinary, "\x00\x03\x00\x00\x00\x05", "\xff\xff\x00\x00\x00\x05", 1)),
		"binary2":   voStream("BINARY2", "\x00"+voBinary+"\xf8"+voBinary),
		"prefix":    strings.NewReplacer("<TD", "<v:TD", "</TD", "</v:TD", "<TR", "<v:TR", "</TR", "</v:TR").Replace(voData("TABLEDATA", voText)),
		"comments":  voData("TABLEDATA", "<!-- > -- -->\n"+strings.Replace(voText, "<TD>3", "<TD ID='a>b'><?x y?>3<!---->", 1)),
	} {
		t.Run(name, func(t *testing.T) {
			rec := readText(t, text, table.Options{})
			require.Equal(t, int64(2), rec.NumRows())
			assert.Equal(t, []string{"ra", "dec", "n", "s", "v"}, fieldNames(rec.Schema()))
			assert.Equal(t, "1.5", rec.Column(0).ValueStr(0))
			assert.Equal(t, "-2", rec.Column(1).ValueStr(0))
			assert.Equal(t, "a < b", rec.Column(3).ValueStr(0))
			assert.Equal(t, "[1,2]", rec.Column(4).ValueStr(0))
			assert.Equal(t, "(null)", rec.Column(2).ValueStr(1), "VALUES has a null")
			d, _ := rec.Schema().Field(1).Metadata.GetValue("description")
			assert.Equal(t, "Declination", d)
		})
	}
}

func TestVOTableNullsInArrays(t *testing.T) {
	const fields = `<FIELD name="ra" datatype="short"/><FIELD name="dec" datatype="short"/><FIELD name="n" datatype="short" arraysize="2"><VALUES null="-9"/></FIELD>`
	for _, data := range []string{"<TABLEDATA><TR><TD>1</TD><TD>2</TD><TD>7 -9</TD></TR></TABLEDATA>", "<BINARY><STREAM>AAEAAgAH//c=</STREAM></BINARY>"} {
		rec := readText(t, votable("<TABLE>"+fields+"<DATA>"+data+"</DATA></TABLE>"), table.Options{})
		assert.Equal(t, "[7,null]", rec.Column(2).ValueStr(0))
	}
}

func TestVOTableWithoutRows(t *testing.T) {
	for _, text := range voSeeds[5:] {
		rec := readText(t, text, table.Options{})
		assert.Zero(t, rec.NumRows())
	}
}

func TestVOTableLatin1(t *testing.T) {
	text := strings.Replace(voData("TABLEDATA", strings.Replace(voText, "a &lt; b", "\xc5ngstr\xf6m &eacute;&#233;&#xe9;", 1)), "UTF-8", "ISO-8859-1", 1)
	assert.Equal(t, "Ångström ééé", cells(readText(t, text, table.Options{}), "s")[0])
}

func TestStatus(t *testing.T) {
	_, err := read([]byte(voSeeds[3]), table.Options{})
	var status *table.StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, table.StatusError{Status: "ERROR", Message: "no such table"}, *status)

	tab, err := read([]byte(voSeeds[4]), table.Options{Memory: checked(t)})
	require.NoError(t, err)
	recs, err := rows(tab)
	require.ErrorAs(t, err, &status)
	assert.Equal(t, "OVERFLOW", status.Status)
	require.Len(t, recs, 1, "the rows that came are kept")
	assert.Equal(t, int64(2), recs[0].NumRows())
	recs[0].Release()
}

func TestVOTableErrors(t *testing.T) {
	deep := strings.Repeat("<GROUP>", 100)
	for _, c := range []struct{ text, want string }{
		{"<html><body>502</body></html>", "table: x: it is <html>, not a VOTable: is it an error page?"},
		{`<?xml version="` + strings.Repeat("9", 5000) + `"?>`, `table: x: line 1: not valid XML: xml: unsupported version "9999999999999999999999999999999999…`},
		{votable(""), "table: x: it has no table"},
		{votable(deep), "table: x: line 3: elements nested more than 64 deep"},
		{voData("TABLEDATA", "<TR><TD>1</TD></TR>"), "table: x: line 6, row 1: 1 cells, but there are 5 columns"},
		{voData("TABLEDATA", strings.Replace(voText, "-2", "south", 1)), `table: x: line 6, row 1: column "dec": "south": not a number`},
		{voData("TABLEDATA", strings.Replace(voText, "1 2", "1 2 3", 1)), `table: x: line 6, row 1: column "v": "1 2 3": 3 numbers instead of 2`},
		{voData("TABLEDATA", "<TR><TD>1<B/></TD></TR>"), "table: x: line 6, row 1: <B> inside a cell"},
		{voData("TABLEDATA", "<TR><TD>&nope;</TD></TR>"), "table: x: line 6, row 1: &nope; is not an entity"},
		{voStream("BINARY", voBinary[:30]), `table: x: row 1: column "v": unexpected EOF`},
		{voData("BINARY", `<STREAM encoding="base64">!!!!</STREAM>`), "table: x: row 1: not valid base64"},
		{voData("BINARY", `<STREAM href="http://x/y"/>`), `table: x: line 6: its rows are elsewhere, at "http://x/y": such rows are not read`},
		{voData("FITS", `<STREAM/>`), "table: x: line 6: its rows are in FITS, which is not supported in a VOTable"},
		{votable(`<TABLE><FIELD name="a" datatype="quaternion"/></TABLE>`), `table: x: line 3, column "a": unknown datatype "quaternion"`},
		{votable(`<TABLE><FIELD name="a" datatype="int" arraysize="9999999999"/></TABLE>`), `table: x: line 3, column "a": invalid arraysize "9999999999"`},
	} {
		tab, err := read([]byte(c.text), table.Options{Memory: checked(t)})
		if err == nil {
			_, err = rows(tab)
		}
		assert.EqualError(t, err, c.want)
	}
}

// endless is a text that repeats itself in a file of gigabytes.
type endless struct {
	head, again string
}

func (e endless) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) {
		at := off + int64(n)
		if at < int64(len(e.head)) {
			n += copy(b[n:], e.head[at:])
		} else {
			n += copy(b[n:], e.again[(at-int64(len(e.head)))%int64(len(e.again)):])
		}
	}
	return n, nil
}

// Empty cells of arrays take memory, for which there must be a file.
func TestVOTableEmptyArrays(t *testing.T) {
	file := func(size, rows int) string {
		field := fmt.Sprintf(`<FIELD name="x" datatype="float" arraysize="%d"/>`, size)
		return votable("<TABLE>" + voFields + field + "<DATA><TABLEDATA>" + strings.Repeat("<TR><TD>1</TD><TD>2</TD><TD/><TD/><TD/><TD/></TR>\n", rows) + "</TABLEDATA></DATA></TABLE>")
	}
	for _, x := range []struct{ size, rows int }{{16 << 20, 2}, {9_000_000, 300}, {100_000, 3000}} {
		text := file(x.size, x.rows)
		before := allocated()
		tab, err := read([]byte(text), table.Options{})
		require.NoError(t, err)
		_, err = rows(tab)
		assert.ErrorContains(t, err, fmt.Sprintf("its arrays of %d are empty, and would take more than 64 MiB", x.size))
		assert.Less(t, allocated()-before, uint64(1<<30))
	}
	tab, err := read([]byte(file(4000, 6000)), table.Options{}) // 96 MB
	require.NoError(t, err)
	recs, err := rows(tab)
	require.NoError(t, err)
	assert.Len(t, recs, 2, "a record ends where it is large")
	for _, r := range recs {
		r.Release()
	}
}

// Numbers in text are not held as texts, and an array has a limit as a row has.
func TestVOTableLongArrays(t *testing.T) {
	file := func(size int) []byte {
		field := fmt.Sprintf(`<FIELD name="x" datatype="double" arraysize="%d"/>`, size)
		return []byte(votable("<TABLE>" + voFields + field + "<DATA><TABLEDATA><TR><TD>1</TD><TD>2</TD><TD/><TD/><TD/><TD>" + strings.Repeat("0 ", 31<<20) + "</TD></TR></TABLEDATA></DATA></TABLE>"))
	}
	for size, want := range map[int]string{2: "32505856 numbers instead of 2", 31 << 20: "too large for a row"} {
		text := file(size)
		before := allocated()
		tab, err := read(text, table.Options{})
		if err == nil {
			_, err = rows(tab)
		}
		assert.ErrorContains(t, err, want)
		assert.Less(t, allocated()-before, uint64(600<<20))
	}
}

func TestEndless(t *testing.T) {
	_, inCell, _ := strings.Cut(voData("TABLEDATA", "<TR><TD>@"), "")
	inCell, _, _ = strings.Cut(inCell, "@")
	for name, e := range map[string]endless{
		"line":    {"ra,dec\n1,2\n", "1"},
		"quote":   {"ra,dec\n1,\"", "1\n"},
		"header":  {"ra,dec", ",x"},
		"cell":    {inCell, "1"},
		"tag":     {"<VOTABLE><RESOURCE a='", "x"},
		"attrs":   {"<VOTABLE", ` a=""`},
		"comment": {"<VOTABLE><!-- ", "x"},
		"deep":    {"<VOTABLE>", "<GROUP>"},
		"fits":    {string(primary[:240]), "COMMENT no end                                                                  "},
	} {
		t.Run(name, func(t *testing.T) {
			e.again = strings.Repeat(e.again, 10_000)
			before := allocated()
			tab, err := table.NewReader(e, 1<<33, "x", table.Options{Comma: ',', Memory: checked(t)})
			if err == nil {
				_, err = rows(tab)
			}
			require.Error(t, err)
			assert.NotErrorIs(t, err, io.EOF)
			assert.Less(t, allocated()-before, uint64(900<<20))
			t.Log(err)
		})
	}
}
