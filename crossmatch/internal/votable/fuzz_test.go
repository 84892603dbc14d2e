package votable_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// FuzzReader reads arbitrary bytes: it must end without a panic, and a document that
// it accepts must be whole for the XML decoder too.
func FuzzReader(f *testing.F) {
	x := field("char", "*", "N") + field("int", "2", "-9") + field("boolean", "", "")
	for _, data := range []string{
		"<TABLEDATA>\n<TR><TD>a&amp;</TD><TD>1 -9</TD><TD>T</TD></TR>\n<!-- - --></TABLEDATA>",
		stream("BINARY", "\x00\x00\x00\x01N\x00\x00\x00\x01\x00\x00\x00\x02T"), stream("BINARY2", "\x20\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff\xff\xf7 "),
		"<BINARY><STREAM><![CDATA[AAAA]]><!-- --></STREAM></BINARY>", "<TABLEDATA/>", "",
	} {
		f.Add([]byte(document(x, data)))
		f.Add([]byte("<?xml version='1.0' encoding='ISO-8859-1'?>" + document(x, data)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := votable.NewReader(bytes.NewReader(b))
		for rows := 0; err == nil; rows++ {
			var row []votable.Cell
			if row, err = r.Next(); err != nil {
				break
			}
			require.Less(t, rows, len(b), "a row has bytes")
			require.Len(t, row, len(r.Fields()))
			texts(r, row)
		}
		var status *votable.StatusError
		if err == io.EOF {
			require.True(t, closes(b), "%q is not whole", b)
		} else if !errors.As(err, &status) {
			require.Less(t, len(err.Error()), 1000)
		}
	})
}

// closes reports whether the last end tag closes the first element. The decoder may
// reject what is between them.
func closes(b []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	depth, seen := 0, false
	for {
		tok, err := d.RawToken()
		switch tok.(type) {
		case xml.StartElement:
			depth, seen = depth+1, true
		case xml.EndElement:
			depth--
		}
		if err != nil {
			return seen && (depth == 0 || err != io.EOF)
		}
	}
}
