package votable_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// document is a VOTable of fields and what DATA has, with an OK before it.
func document(fields, data string) string {
	return `<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="OK"/><TABLE>` + fields + "<DATA>" + data + "</DATA></TABLE></RESOURCE></VOTABLE>"
}

// stream is the rows of a binary encoding.
func stream(kind, raw string) string {
	return "<" + kind + `><STREAM encoding="base64">` + base64.StdEncoding.EncodeToString([]byte(raw)) + "</STREAM></" + kind + ">"
}

func field(datatype, arraysize, null string) string {
	return fmt.Sprintf(`<FIELD name="x" datatype="%s" arraysize="%s"><VALUES null="%s"/></FIELD>`, datatype, arraysize, null)
}

// read reads all rows as text; null is "null".
func read(text string) (all [][]string, err error) {
	r, err := votable.NewReader(strings.NewReader(text))
	for err == nil {
		var row []votable.Cell
		if row, err = r.Next(); err == nil {
			all = append(all, texts(r, row))
		}
	}
	return all, err
}

func texts(r *votable.Reader, row []votable.Cell) []string {
	out := make([]string, len(row))
	for i, c := range row {
		out[i] = "null"
		if !c.Null {
			out[i] = string(r.Fields()[i].AppendText(nil, c))
		}
	}
	return out
}

// A value is the same text in every encoding.
func TestDatatypes(t *testing.T) {
	for _, c := range []struct{ datatype, arraysize, null, raw, want string }{
		{"char", "4", "", "ab\x00c", "ab"},
		{"char", "2", "", "a\xff", "a\xff"},
		{"char", "*", "", "\x00\x00\x00\x03 a ", "a"},
		{"char", "3", "N/A", "N/A", "null"},
		{"char", "0", "", "", "null"},
		{"unicodeChar", "2", "", "\x00a\x03\xb1", "aα"},
		{"unicodeChar", "5", "", "\xd8\x3d\xde\x00\xd8\x00\x00a\x00\x00", "😀\uFFFDa"},
		{"unicodeChar", "1", "", "\xd8\x3d", "\uFFFD"},
		{"boolean", "", "", "T", "T"},
		{"boolean", "2", "", "F\x00", "F ?"},
		{"boolean", "", "", "\x00", "null"},
		{"boolean", "", "", "?", "null"},
		{"bit", "", "", "\x01", "1"},
		{"bit", "10", "", "\xa0\x40", "1 0 1 0 0 0 0 0 0 1"},
		{"bit", "*", "", "\x00\x00\x00\x02\x40", "0 1"},
		{"unsignedByte", "2", "", "\xff\x01", "255 1"},
		{"short", "", "", "\xff\xfe", "-2"},
		{"short", "", "-2", "\xff\xfe", "null"},
		{"short", "", "0xFFFE", "\xff\xfe", "-2"}, // 65534, which no short is
		{"int", "", "", "\x80\x00\x00\x00", "-2147483648"},
		{"int", "", "0x1F", "\x00\x00\x00\x1f", "null"},
		{"long", "", "", "\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807"},
		{"float", "", "", "\x3d\xcc\xcc\xcd", "0.1"},
		{"double", "", "", "\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1"},
		{"double", "0", "", "", "null"},
		{"floatComplex", "", "", "\x3f\x80\x00\x00\xbf\x80\x00\x00", "1 -1"},
		{"doubleComplex", "1x1", "", "\x3f\xf0\x00\x00\x00\x00\x00\x00\xbf\xf0\x00\x00\x00\x00\x00\x00", "1 -1"},
	} {
		f := field(c.datatype, c.arraysize, c.null)
		got, err := read(document(f, stream("BINARY2", "\x00"+c.raw+"\x80"+c.raw)))
		assert.Equal(t, io.EOF, err, "%v", c)
		assert.Equal(t, [][]string{{c.want}, {"null"}}, got, "%v", c)
		if c.raw != "" {
			got, err = read(document(f, stream("BINARY", c.raw+c.raw)))
			assert.Equal(t, io.EOF, err, "%v", c)
			assert.Equal(t, [][]string{{c.want}, {c.want}}, got, "%v", c)
		}
		if c.want != "null" {
			got, err = read(document(f, "<TABLEDATA><TR><TD> "+c.want+"\n</TD></TR></TABLEDATA>"))
			assert.Equal(t, io.EOF, err)
			assert.Equal(t, [][]string{{c.want}}, got)
		}
	}
}

func TestSelect(t *testing.T) {
	fields := strings.ReplaceAll("123", "1", `<FIELD ID="a" datatype="char" arraysize="*"/>`)
	fields = strings.NewReplacer("2", field("int", "", ""), "3", field("double", "", "")).Replace(fields)
	const raw = "\x00\x00\x00\x03abc\x00\x00\x00\x07\x3f\xf0\x00\x00\x00\x00\x00\x00"
	for _, data := range []string{stream("BINARY", raw), stream("BINARY2", "\x00"+raw), "<TABLEDATA><TR><TD>abc</TD><TD>7</TD><TD>1</TD></TR></TABLEDATA>"} {
		r, err := votable.NewReader(strings.NewReader(document(fields, data)))
		require.NoError(t, err)
		assert.Equal(t, "a", r.Fields()[0].Name, "its ID")
		r.Select([]int{2})
		row, err := r.Next()
		require.NoError(t, err)
		assert.Equal(t, []votable.Cell{{}, {}}, row[:2])
		assert.Equal(t, "1", texts(r, row)[2])
		for range 2 {
			_, err = r.Next()
			assert.Equal(t, io.EOF, err)
		}
	}
}

func TestForgiven(t *testing.T) {
	x := field("char", "*", "")
	rows := func(text string) string { return document(x, "<TABLEDATA><TR><TD>"+text+"</TD></TR></TABLEDATA>") }
	binary := func(text string) string { return document(field("int", "", ""), "<BINARY>"+text+"</BINARY>") }
	for name, c := range map[string]struct{ text, want string }{
		"byte order mark":     {"\xef\xbb\xbf" + rows("é"), "é"},
		"Windows-1252":        {"<?xml version='1.0' encoding='Windows-1252'?>" + rows("\xe9"), "é"},
		"entities":            {rows("&eacute;&#xe9;&#233;&lt;"), "ééé<"},
		"CDATA":               {rows("a<![CDATA[<b>]]]>c"), "a<b>]c"},
		"comment":             {rows("a<!-- </TD> -->b<?x?>"), "ab"},
		"no datatype":         {strings.Replace(rows("a"), `datatype="char"`, "", 1), "a"},
		"no encoding":         {binary("<STREAM>\n AAA\tABw==\n</STREAM>"), "7"},
		"comment in a stream": {binary("<STREAM encoding='Base64'>AAA<!-- < -->AB<?x <?>w==</STREAM>"), "7"},
		"CDATA in a stream":   {binary("<STREAM><![CDATA[AAA\n]]>ABw==</STREAM>"), "7"},
		"a second table":      {strings.Replace(rows("a"), "</RESOURCE>", "<TABLE>"+x+"<DATA><FITS/></DATA></TABLE></RESOURCE>", 1), "a"},
		"a table before":      {strings.Replace(rows("a"), "<TABLE>", "<TABLE>"+x+x+"</TABLE><TABLE>", 1), "a"},
		"empty DATA before":   {strings.Replace(rows("a"), "<TABLE>", "<TABLE>"+x+"<DATA/></TABLE><TABLE>", 1), "a"},
		"a deeper table":      {strings.NewReplacer("<RESOURCE>", "<RESOURCE><TABLE>"+x+"<DATA/></TABLE></RESOURCE><RESOURCE><RESOURCE>", "</RESOURCE>", "</RESOURCE></RESOURCE>").Replace(rows("a")), "a"},
		"INFO in DATA":        {strings.Replace(rows("a"), "<DATA>", "<DATA><INFO/>", 1), "a"},
	} {
		got, err := read(c.text)
		assert.Equal(t, io.EOF, err, name)
		assert.Equal(t, [][]string{{c.want}}, got, name)
	}
}

// A row that cannot be read is never left out silently.
func TestNoRowIsLost(t *testing.T) {
	x := field("int", "", "")
	for name, c := range map[string]struct{ text, want string }{
		"none":                     {"", "it is not a VOTable"},
		"text":                     {"504 Gateway Time-out", "it is not a VOTable"},
		"rows in TABLE":            {"<VOTABLE><TABLE>" + x + "<TR><TD>1</TD></TR></TABLE></VOTABLE>", "line 1: <TR> outside of the data"},
		"TABLEDATA in TABLE":       {"<VOTABLE><TABLE>" + x + "<TABLEDATA/></TABLE></VOTABLE>", "line 1: <TABLEDATA> outside of the data"},
		"another encoding":         {document(x, "<PARQUET/>"), "line 1: its rows are in PARQUET, which is not supported in a VOTable"},
		"no fields":                {document("", "<TABLEDATA/>"), "line 1: rows of a table that has no FIELD"},
		"late field":               {document(x, x+"<TABLEDATA/>"), "line 1: a FIELD after the data began"},
		"markup in a stream":       {document(x, "<BINARY><STREAM>AAAABw==<b/>AAAABw==</STREAM></BINARY>"), "line 1: unexpected markup among the rows"},
		"a second stream":          {document(x, "<BINARY><STREAM>AAAABw==</STREAM><STREAM>AAAABw==</STREAM></BINARY>"), "line 1: <STREAM> after the rows of its table"},
		"a second TABLEDATA":       {document(x, "<TABLEDATA/><TABLEDATA/>"), "line 1: <TABLEDATA> after the rows of its table"},
		"a second DATA":            {document(x, "<TABLEDATA/></DATA><DATA>"), "line 1: <DATA> after the rows of its table"},
		"text among rows":          {document(x, "<TABLEDATA>1</TABLEDATA>"), "line 1, row 1: text between cells"},
		"part of a row":            {document(x, stream("BINARY", "\x00\x00\x00\x01\x00")), `row 2: column "x": unexpected EOF`},
		"a cell of two":            {document(x+x, stream("BINARY", "\x00\x00\x00\x01")), `row 1: column "x": unexpected EOF`},
		"part of a letter":         {document(x, "<BINARY><STREAM>AAAAAAA</STREAM></BINARY>"), `row 1: column "x": unexpected EOF`},
		"rows without bytes":       {document(field("char", "0", ""), stream("BINARY", "a")), "row 1: rows without bytes"},
		"unknown datatype":         {document(field("quaternion", "", ""), stream("BINARY", "a")), `line 1, column "x": unknown datatype "quaternion"`},
		"ERROR after rows":         {strings.Replace(document(x, "<TABLEDATA/>"), "</TABLE>", "</TABLE><INFO name='query_status' value='error'>lost</INFO>", 1), "the service reports ERROR: lost"},
		"ERROR that is cut":        {`<VOTABLE><INFO ID="QUERY_STATUS" value="ERROR">no such`, "the service reports ERROR: no such"},
		"ERROR of old":             {`<VOTABLE><INFO name="Error" value="no such"/></VOTABLE>`, "the service reports ERROR: no such"},
		"OVERFLOW, no rows":        {`<VOTABLE><INFO name="QUERY_STATUS" value="OVERFLOW"/></VOTABLE>`, "the service left out rows beyond its limit (OVERFLOW)"},
		"OVERFLOW before OK":       {strings.Replace(document(x, "<TABLEDATA/>"), "<RESOURCE>", "<RESOURCE><INFO name='QUERY_STATUS' value='OVERFLOW'>at 9</INFO>", 1), "the service reports OVERFLOW: at 9"},
		"truncated after OVERFLOW": {`<VOTABLE><INFO name="QUERY_STATUS" value="OVERFLOW"/>`, "line 1: it is truncated: unexpected EOF"},
	} {
		rows, err := read(c.text)
		assert.EqualError(t, err, c.want, name)
		assert.LessOrEqual(t, len(rows), 1, name)
	}
}

// A document that is cut is an error wherever it is, and says so.
func TestCut(t *testing.T) {
	x := field("char", "*", "") + field("int", "", "")
	for _, data := range []string{
		"<TABLEDATA>\n<TR><TD>a&amp;</TD><TD>1</TD></TR>\n<TR><TD/><TD><![CDATA[2]]></TD></TR><!-- - --></TABLEDATA>",
		stream("BINARY", "\x00\x00\x00\x00\x00\x00\x00\x01"), stream("BINARY2", "\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
		"<TABLEDATA/>", "",
	} {
		whole := document(x, data)
		for n := range len(whole) {
			_, err := read(whole[:n])
			require.Error(t, err)
			require.NotEqual(t, io.EOF, err, whole[:n])
			if strings.HasPrefix(whole[:n], "<VOTABLE>") {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, whole[:n])
			}
		}
		_, err := read(whole)
		require.Equal(t, io.EOF, err)
	}
}

func TestNoTable(t *testing.T) {
	for text, want := range map[string]bool{"<VOTABLE/>": false, "<VOTABLE><TABLE/></VOTABLE>": true} {
		r, err := votable.NewReader(strings.NewReader(text))
		require.NoError(t, err)
		assert.Empty(t, r.Fields())
		assert.Equal(t, want, r.Fields() != nil, "there is a table, though without columns")
		_, err = r.Next()
		assert.Equal(t, io.EOF, err)
	}
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]int64{"12": 12, "-7": -7, "+7": 7, "0x1F": 31, "0XFFFF": 65535} {
		v, err := votable.ParseInt([]byte(text), 16)
		require.NoError(t, err)
		assert.Equal(t, want, v)
	}
	for _, text := range []string{"", "0x", "0xg", "1.0", "0x10000", "40000"} {
		_, err := votable.ParseInt([]byte(text), 16)
		assert.Error(t, err, text)
	}
}
