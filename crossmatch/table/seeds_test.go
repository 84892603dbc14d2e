package table_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/require"
)

// fitsHeader makes a header of cards, "KEY=value" each.
func fitsHeader(cards ...string) []byte {
	var b bytes.Buffer
	for _, c := range cards {
		key, value, _ := strings.Cut(c, "=")
		fmt.Fprintf(&b, "%-80s", fmt.Sprintf("%-8s= %20s", key, value))
	}
	fmt.Fprintf(&b, "%-80s", "END")
	for b.Len()%2880 != 0 {
		b.WriteByte(' ')
	}
	return b.Bytes()
}

var primary = fitsHeader("SIMPLE=T", "BITPIX=8", "NAXIS=0")

// fitsTable makes a file with a binary table: rows and the forms of its columns.
// Cards that come again replace what it says itself.
func fitsTable(row string, n int, columns []string, cards ...string) []byte {
	all := append([]string{}, cards...)
	all = append([]string{"XTENSION='BINTABLE'"}, all...)
	all = append(all, "BITPIX=8", "NAXIS=2", fmt.Sprintf("NAXIS1=%d", len(row)), fmt.Sprintf("NAXIS2=%d", n),
		"PCOUNT=0", "GCOUNT=1", fmt.Sprintf("TFIELDS=%d", len(columns)))
	for i, c := range columns {
		name, form, _ := strings.Cut(c, " ")
		all = append(all, fmt.Sprintf("TTYPE%d='%s'", i+1, name), fmt.Sprintf("TFORM%d='%s'", i+1, form))
	}
	b := append(bytes.Clone(primary), fitsHeader(all...)...)
	b = append(b, strings.Repeat(row, n)...)
	for len(b)%2880 != 0 {
		b = append(b, 0)
	}
	return b
}

// fitsRow is ra 1, dec -2, an id, a flag and a name.
const fitsRow = "\x3f\xf0\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07TM31  "

func fitsSeeds() [][]byte {
	cols := []string{"RA D", "DEC D", "id J", "flag L", "name 5A"}
	return [][]byte{
		fitsTable(fitsRow, 3, cols, "TNULL3=7", "A=1", "B=2", "C=3", "D=4", "E=5", "F=6", "G=7", "H=8", "I=9", "J=10",
			"K=11", "L=12", "M=13", "N=14", "O=15", "P=16", "Q=17", "R=18", "S=19"),
		fitsTable(fitsRow, 2, cols, "TZERO3=2147483648"),
		fitsTable(fitsRow, 2, []string{"RA D", "DEC D", "v 2I", "b X", "n 5A"}, "TSCAL3=0.5"),
		fitsTable(fitsRow, 2, []string{"RA D", "DEC D", "p PE(1)"}, "TUNIT1='rad'"),
	}
}

const voFields = `<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra;meta.main"/>
<FIELD name="dec" datatype="double" unit="deg" ucd="pos.eq.dec;meta.main"><DESCRIPTION>Declination</DESCRIPTION></FIELD>
<FIELD name="n" datatype="short"><VALUES null="-1"/></FIELD><FIELD name="s" datatype="char" arraysize="*"/>
<FIELD name="v" datatype="float" arraysize="2"/>`

func votable(inside string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">
` + inside + `
</RESOURCE></VOTABLE>`
}

func voData(format, rows string) string {
	return votable("<TABLE>" + voFields + "<DATA><" + format + ">" + rows + "</" + format + "></DATA></TABLE>")
}

func voStream(format, bytes string) string {
	return voData(format, `<STREAM encoding="base64">`+base64.StdEncoding.EncodeToString([]byte(bytes))+"\n</STREAM>")
}

const (
	voText   = "<TR><TD>1.5</TD><TD>-2</TD><TD>3</TD><TD>a &lt; b</TD><TD>1 2</TD></TR>\n<TR><TD/><TD></TD><TD>-1</TD><TD><![CDATA[<x>]]></TD><TD/></TR>\n"
	voBinary = "\x3f\xf8\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x05a < b\x3f\x80\x00\x00\x40\x00\x00\x00"
)

var voSeeds = []string{
	voData("TABLEDATA", voText),
	voStream("BINARY", voBinary),
	voStream("BINARY2", "\x00"+voBinary+"\xd8"+voBinary),
	votable(`<INFO name="QUERY_STATUS" value="ERROR">no such table</INFO>`),
	votable("<TABLE>" + voFields + "<DATA><TABLEDATA>" + voText + "</TABLEDATA></DATA></TABLE>" + `<INFO name="QUERY_STATUS" value="OVERFLOW"/>`),
	votable("<TABLE>" + voFields + "<DATA><TABLEDATA/></DATA></TABLE>"),
	votable("<TABLE>" + voFields + "</TABLE>"),
	votable("<TABLE>" + voFields + `<DATA><BINARY><STREAM encoding="base64"/></BINARY></DATA></TABLE>`),
}

// parquetFile makes a file with a position, a name and what is nested.
func parquetFile(t testing.TB, n int, props ...parquet.WriterProperty) []byte {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "ra", Type: arrow.PrimitiveTypes.Float64}, {Name: "dec", Type: arrow.PrimitiveTypes.Float32},
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "mag", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32), Nullable: true},
		{Name: "id", Type: arrow.PrimitiveTypes.Uint64, Metadata: arrow.NewMetadata([]string{"unit"}, []string{"1"})},
	}, nil)
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	defer b.Release()
	for i := range n {
		b.Field(0).(*array.Float64Builder).Append(float64(i))
		b.Field(1).(*array.Float32Builder).Append(-float32(i))
		if i%3 == 0 {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.StringBuilder).Append(fmt.Sprint("name ", i%5))
		}
		b.Field(3).AppendNull()
		b.Field(4).(*array.Uint64Builder).Append(uint64(i) << 50)
	}
	rec := b.NewRecord()
	defer rec.Release()
	var buf bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &buf, parquet.NewWriterProperties(props...), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	require.NoError(t, err)
	require.NoError(t, w.Write(rec))
	require.NoError(t, w.Close())
	return buf.Bytes()
}
