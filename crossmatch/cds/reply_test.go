package cds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds/cdstest"
)

// typed are the fields of the tests with their types.
var typed = (&Client{Fields: fields}).Schema().Fields()

func asked(n int) *request {
	return &request{n: n, radius: 2 * crossmatch.Arcsecond, fields: typed}
}

// replies are whole replies to three positions, one of each encoding.
func replies(t testing.TB) [][]byte {
	var all [][]byte
	for _, encoding := range []string{"TABLEDATA", "BINARY", "BINARY2"} {
		s := serve()
		s.Encoding = encoding
		s.Fault = cdstest.Always(func(w http.ResponseWriter, _ *http.Request, reply []byte) {
			all = append(all, bytes.Clone(reply))
			_, _ = w.Write(reply)
		})
		c := &Client{Table: "simbad", Fields: fields}
		c.Service = Service{URL: fmt.Sprintf("http://host%d.test/", hosts.Add(1)), HTTP: &http.Client{Transport: inProcess{s}}}
		a, err := c.Nearest(t.Context(), places(10, 20, 0, 0, 50, 50), 2*crossmatch.Arcsecond)
		require.NoError(t, err)
		require.NoError(t, a.Cause)
		release(a.Rows)
	}
	require.Len(t, all, 3)
	return all
}

// A truncated reply is an error wherever it ends.
func TestCutAnywhere(t *testing.T) {
	for _, reply := range replies(t) {
		for n := range len(bytes.TrimSpace(reply)) {
			_, err := asked(3).read(bytes.NewReader(reply[:n]))
			require.Error(t, err, "%s", reply[:n])
			require.False(t, errors.Is(err, errFields), "%s: %v", reply[:n], err)
		}
		_, err := asked(3).read(bytes.NewReader(reply))
		require.NoError(t, err)
	}
}

func TestTruncatedBinaryRows(t *testing.T) {
	const head = `<VOTABLE><RESOURCE><TABLE><FIELD name="angDist" datatype="double"/><FIELD name="skyfinch_row" datatype="int"/><FIELD name="x" datatype="%s" arraysize="%s"/><DATA><BINARY><STREAM encoding="base64">%s</STREAM></BINARY></DATA></TABLE></RESOURCE></VOTABLE>`
	for _, c := range []struct{ datatype, arraysize, data, want string }{
		{"char", "*", "P/AAAAAAAAAAAAAAAAAAAw==", "the reply is truncated"},
		{"char", "*", "P/AAAAAAAAAAAAAA/////w==", "too many for a row"},
		{"char", "9", "P/AAAAAAAAAAAAAAeHg=", "the reply is truncated"},
		{"double", "", "P/AAAAAAAAAAAAAAeHg=", "the reply is truncated"},
		{"char", "2x9999999999", "P/AAAAAAAAAAAAAAeHg=", "arraysize"},
		{"char", "65536x65536", "P/AAAAAAAAAAAAAAeHg=", "arraysize"},
		{"quaternion", "", "P/AAAAAAAAAAAAAA", "unknown datatype \"quaternion\""},
		{"char", "*", "!!!!", "not valid base64"},
	} {
		r := asked(1)
		r.fields = nil
		_, err := r.read(strings.NewReader(fmt.Sprintf(head, c.datatype, c.arraysize, c.data)))
		assert.ErrorContains(t, err, c.want, "%v", c)
	}
	text := strings.ReplaceAll(fmt.Sprintf(head, "char", "0", "eHg="), `<FIELD name="angDist" datatype="double"/><FIELD name="skyfinch_row" datatype="int"/>`, "")
	assert.Equal(t, "", message(strings.NewReader(text)), "rows of no bytes end")
}

func TestValues(t *testing.T) {
	of := func(kind arrow.DataType, text string) any {
		v, err := parsers[kind.ID()](text)
		require.NoError(t, err, text)
		return v
	}
	assert.Equal(t, int64(math.MaxInt64), of(arrow.PrimitiveTypes.Int64, "9223372036854775807"))
	assert.Equal(t, int16(-5), of(arrow.PrimitiveTypes.Int16, "-5"))
	assert.Equal(t, 33.867275, of(arrow.PrimitiveTypes.Float64, "+33.867275"))
	assert.Equal(t, math.Inf(-1), of(arrow.PrimitiveTypes.Float64, "-Inf"))
	assert.Nil(t, of(arrow.PrimitiveTypes.Float32, "NaN"))
	assert.Equal(t, true, of(arrow.FixedWidthTypes.Boolean, "T"))
	assert.Nil(t, of(arrow.FixedWidthTypes.Boolean, "?"))
	for text, kind := range map[string]arrow.DataType{
		"40000": arrow.PrimitiveTypes.Int16, "1.0": arrow.PrimitiveTypes.Int32, "12h": arrow.PrimitiveTypes.Float64,
		"1e99": arrow.PrimitiveTypes.Float32, "maybe": arrow.FixedWidthTypes.Boolean,
	} {
		_, err := parsers[kind.ID()](text)
		assert.Error(t, err, text)
	}
}

// Variants of VOTable from other writers are accepted from the service too.
func TestForgiven(t *testing.T) {
	row := "<TR><TD>1</TD><TD>0</TD><TD>caf&eacute;</TD><TD>0x1F</TD><TD></TD></TR>"
	for name, reply := range map[string]string{
		"hexadecimal and entities": table(row),
		"windows-1252":             `<?xml version="1.0" encoding="windows-1252"?>` + strings.Replace(table(row), "&eacute;", "\xe9", 1),
		"no encoding of a stream": strings.NewReplacer("<TABLEDATA>", "<BINARY><STREAM>", "</TABLEDATA>", "</STREAM></BINARY>").
			Replace(table("P/AAAAAAAAAAAAAAAAAABWNhZsOpAAAAH3/4AAAAAAAA")),
	} {
		got, err := asked(1).read(strings.NewReader(reply))
		require.NoError(t, err, name)
		assert.Equal(t, []any{"café", int64(31), nil}, got[0].row, name)
	}
}

// Our own columns are never null: a 0 marked as null is not row 0.
func TestNullOfOurs(t *testing.T) {
	const reply = `<VOTABLE><TABLE><FIELD name="angDist" datatype="float"/><FIELD name="skyfinch_row" datatype="short"/><DATA><BINARY2><STREAM>%s</STREAM></BINARY2></DATA></TABLE></VOTABLE>`
	for nulls, want := range map[string]string{"gD+AAAAAAA==": `angDist ""`, "QD+AAAAAAA==": `row ""`, "AD+AAAAAAA==": ""} {
		r := asked(1)
		r.fields = nil
		got, err := r.read(strings.NewReader(fmt.Sprintf(reply, nulls)))
		if want != "" {
			assert.ErrorContains(t, err, want)
		} else if assert.NoError(t, err) {
			assert.True(t, got[0].match)
		}
	}
}

func TestNullValues(t *testing.T) {
	got, err := asked(1).read(strings.NewReader(table("<TR><TD>1</TD><TD>0</TD><TD> QSO\n</TD><TD>-9</TD><TD></TD></TR>")))
	require.NoError(t, err)
	assert.Equal(t, []any{"QSO", nil, nil}, got[0].row)
}

func TestShapesOfReplies(t *testing.T) {
	ok := `<INFO name="QUERY_STATUS" value="OK"/>`
	for name, c := range map[string]struct{ text, want string }{
		"no table":           {"<VOTABLE><RESOURCE/></VOTABLE>", "no table"},
		"no table, but well": {"<VOTABLE><RESOURCE>" + ok + "</RESOURCE></VOTABLE>", "no table"},
		"no data":            {strings.ReplaceAll(strings.ReplaceAll(table(""), "<DATA><TABLEDATA>", ""), "</TABLEDATA></DATA>", ""), ""},
		"other columns":      {"<VOTABLE><TABLE><FIELD name='x'/></TABLE></VOTABLE>", "lacks angDist"},
		"other units":        {strings.Replace(table(""), `"angDist"`, `"angDist" unit="deg"`, 1), `angDist in "deg"`},
		"other case":         {strings.Replace(table(""), `"otype"`, `"OTYPE"`, 1), ""},
		"rows before data":   {"<VOTABLE><TABLE><TR/></TABLE></VOTABLE>", "outside of the data"},
		"stream before data": {"<VOTABLE><TABLE><FIELD name='x' datatype='int'/><BINARY><STREAM encoding='base64'>AAAAAA==</STREAM></BINARY></TABLE></VOTABLE>", "outside of the data"},
		"late field":         {strings.Replace(table(""), "<TABLEDATA>", "<FIELD name='z'/><TABLEDATA>", 1), "FIELD after the data"},
		"FITS":               {strings.NewReplacer("<TABLEDATA>", "<FITS><STREAM>", "</TABLEDATA>", "</STREAM></FITS>").Replace(table("")), "in FITS"},
		"elsewhere":          {strings.NewReplacer("<TABLEDATA>", "<BINARY><STREAM href='file:///etc/passwd'>", "</TABLEDATA>", "</STREAM></BINARY>").Replace(table("")), "elsewhere"},
		"a second table":     {strings.Replace(table(""), "</RESOURCE>", "<TABLE><FIELD name='z'/><DATA><TABLEDATA><TR><TD>1</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE>", 1), ""},
		"deep":               {strings.Repeat("<VOTABLE>", 100), "more than 64 deep"},
		"deep in a cell":     {strings.Replace(table("<TR><TD>@</TD></TR>"), "@", strings.Repeat("<a>", 100), 1), "<a> inside a cell"},
		"not closed well":    {"<VOTABLE></TABLE>", "element <VOTABLE> closed by </TABLE>"},
		"encoding":           {"<?xml version='1.0' encoding='EBCDIC'?><VOTABLE/>", `encoding "EBCDIC"`},
		"worst status":       {"<VOTABLE><INFO name='QUERY_STATUS' value='ERROR'>why</INFO>" + ok + table("")[len("<VOTABLE>"):], "why"},
	} {
		got, err := asked(2).read(strings.NewReader(c.text))
		if c.want == "" {
			if assert.NoError(t, err, name) {
				assert.Equal(t, make([]hit, 2), got, name)
			}
			continue
		}
		assert.ErrorContains(t, err, c.want, name)
	}
}

func TestMessage(t *testing.T) {
	m := message(strings.NewReader("<VOTABLE><INFO ID='QUERY_STATUS' value='error'>\n\tMessage: Missing  parameter\n\"cat1\".\n Trace:\njava.lang.Exception"))
	assert.Equal(t, `Missing parameter "cat1".`, m, "though it is cut")
	m = message(strings.NewReader("<VOTABLE><INFO name='QUERY_STATUS' value='ERROR'>busy<VALUES>what</VALUES></INFO></VOTABLE>"))
	assert.Equal(t, "busy", m)
	assert.Equal(t, "", message(strings.NewReader("<html>")))
	assert.Less(t, len(clean(strings.Repeat("é", 1000))), 310)
}

func TestLongReply(t *testing.T) {
	r := asked(1)
	_, err := r.read(http.MaxBytesReader(nil, io.NopCloser(endless{}), 1000))
	assert.ErrorContains(t, err, "longer than the 1000 bytes")
	whole := []byte(table(""))
	_, err = r.read(http.MaxBytesReader(nil, io.NopCloser(bytes.NewReader(whole)), int64(len(whole))))
	assert.NoError(t, err, "just as long as it may be")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func FuzzReply(f *testing.F) {
	for _, reply := range replies(f) {
		f.Add(reply)
	}
	f.Add([]byte(table("<TR><TD>1</TD><TD>0</TD><TD>QSO</TD><TD>-9</TD><TD>1</TD></TR>")))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := asked(3)
		got, err := r.read(io.LimitReader(bytes.NewReader(data), 1<<16))
		_ = message(bytes.NewReader(data))
		if err != nil {
			return
		}
		require.Len(t, got, 3)
		for _, a := range got {
			require.Equal(t, a.match, a.row != nil)
			require.True(t, a.separation >= 0 && a.separation <= r.radius)
		}
	})
}
