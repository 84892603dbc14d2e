package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/klauspost/compress/flate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

var plain = ztfSchema("alert", "", "")

func deflated(data []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// Each of these messages is rejected with a specific cause, and the valid one after
// it is decoded.
func TestRejects(t *testing.T) {
	good := ztfDatum(7, goodJD)
	whole := file(plain, good)
	header := len(whole) - len(good) - 16 - 2 // the block's count and size
	stranger := `{"type":"record","name":"galaxy","fields":[{"name":"z","type":"float"}]}`
	cut := func(n int) []byte { return whole[:len(whole)-n] }
	changed := func(at int) []byte {
		b := bytes.Clone(whole)
		b[at] ^= 0x55
		return b
	}
	for _, c := range []struct {
		name  string
		msg   message
		cause string
	}{
		{"tombstone", message{}, "null value"},
		{"tombstone with a schema", message{key: []byte(plain)}, "null value"},
		{"empty", message{value: []byte{}}, "empty value"},
		{"empty with a schema", message{[]byte(plain), []byte{}}, "empty value"},
		{"text", message{value: []byte("hello, this is no alert")}, "unknown framing"},
		{"one byte", message{value: []byte{0}}, "unknown framing"},
		{"id and no datum", message{value: confluent(900, nil)}, "unknown framing"},
		{"no registry", message{value: confluent(900, good)}, "schema id 900, but the decoder has no registry"},
		{"magic alone", message{value: []byte("Obj\x01")}, "ocf: header: unexpected EOF"},
		{"half a header", message{value: whole[:header/2]}, "ocf: header: unexpected EOF"},
		{"sync of the header cut", message{value: whole[:header-1]}, "ocf: header: unexpected EOF"},
		{"header alone", message{value: whole[:header]}, "an Avro file without a record"},
		{"block cut", message{value: cut(20)}, "ocf: block: unexpected EOF"},
		{"sync cut", message{value: cut(1)}, "ocf: block: unexpected EOF"},
		{"sync differs", message{value: changed(len(whole) - 1)}, "ocf: block: sync marker differs"},
		{"sync of the header differs", message{value: changed(header - 1)}, "ocf: block: sync marker differs"},
		{"bytes after the file", message{value: append(bytes.Clone(whole), 0)}, "ocf: block: unexpected EOF"},
		{"two records", message{value: container(plain, "null", block{2, cat(good, good)})}, "several records in one message"},
		{"two blocks", message{value: container(plain, "null", block{1, good}, block{1, good})}, "several records in one message"},
		{"a count beyond belief", message{value: container(plain, "null", block{math.MaxInt64, good})}, "several records in one message"},
		{"empty blocks alone", message{value: container(plain, "null", block{}, block{})}, "an Avro file without a record"},
		{"bytes of no record", message{value: container(plain, "null", block{0, good}, block{1, good})}, "data in a block without records"},
		{"the same, deflated", message{value: container(plain, "deflate", block{0, deflated(good)}, block{1, deflated(good)})}, "data in a block without records"},
		{"negative count", message{value: container(plain, "null", block{-1, good})}, "ocf: block: negative count or length -1"},
		{"codec", message{value: container(plain, "lzo", block{1, good})}, `ocf: codec "lzo": unknown codec`},
		{"no codec", message{value: container(plain, "", block{1, good})}, `ocf: codec "": unknown codec`},
		{"no deflate", message{value: container(plain, "deflate", block{1, []byte("\xff\xff\xff")})}, `ocf: codec "deflate": `},
		{"bomb", message{value: container(plain, "deflate", block{1, deflated(make([]byte, maxInflated+1))})}, "inflates beyond the limit"},
		{"left over", message{value: file(plain, append(bytes.Clone(good), 0))}, "avroarrow: bytes left over after the datum"},
		{"datum cut", message{value: file(plain, good[:len(good)-1])}, "avroarrow: candidate.dec: "},
		{"schema is not JSON", message{value: file(`{"type":`, good)}, "avroarrow: schema: unexpected end of JSON input"},
		{"schema is not a record", message{value: file(`"int"`, vint(1))}, "avroarrow: schema: not a record"},
		{"unknown survey", message{value: file(stranger, []byte{0, 0, 0, 0})}, `unknown survey: no Survey matches record "galaxy"`},
		{"unknown survey by key", message{[]byte(stranger), []byte{0, 0, 0, 0}}, `schema in the key: unknown survey: no Survey matches record "galaxy"`},
		{"key like a schema", message{[]byte(`{"type":"record","fields":7}`), good}, `schema in the key: avroarrow: schema: `},
		{"key cut", message{[]byte(plain[:len(plain)-1]), good}, `schema in the key: avroarrow: schema: unexpected end of JSON input`},
		{"JSON in the key", message{[]byte(`{"type":"alert","id":7}`), good}, "unknown framing"},
		{"no time", message{value: file(plain, ztfDatum(7, math.NaN()))}, "event time NaN"},
		{"-999", message{value: file(plain, ztfDatum(7, -999))}, "event time before 1990"},
		{"no UTF-8", message{value: file(plain, cat(str("\xff"), good[5:]))}, "UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := decode(t, &Decoder{}, c.msg, message{value: whole}, c.msg)
			got := causes(r)
			require.Len(t, got, 2)
			assert.Contains(t, got[0], c.cause)
			assert.Equal(t, got[0], got[2], "the second time it is remembered")
			assert.Len(t, lines(r), 1)
		})
	}
}

func TestAccepts(t *testing.T) {
	good := ztfDatum(7, goodJD)
	odd := ztfSchema("odd", "", `,{"name":"n","type":["null","int"]}`)
	for name, msg := range map[string]message{
		"no codec named":        {value: container(plain, "-", block{1, good})},
		"null":                  {value: container(plain, "null", block{1, good})},
		"deflate":               {value: container(plain, "deflate", block{1, deflated(good)})},
		"empty blocks":          {value: container(plain, "null", block{}, block{1, good}, block{}, block{})},
		"empty deflated blocks": {value: container(plain, "deflate", block{0, deflated(nil)}, block{1, deflated(good)}, block{0, nil})},
		"schema in the key":     {[]byte(plain), good},
		"with blanks":           {[]byte("\n\t " + plain), good},
		"file and a schema key": {[]byte(plain), file(plain, good)},
		"file and a JSON key":   {[]byte(`{"candid":7}`), file(plain, good)},
		"key of another name":   {[]byte(odd), cat(good, vint(0))},
	} {
		t.Run(name, func(t *testing.T) {
			r := decode(t, &Decoder{}, msg, msg)
			assert.Empty(t, r.Rejects)
			for i, line := range lines(r) {
				assert.Contains(t, line, fmt.Sprintf("alerts/ztf survey=ztf alert_id=7 object_id=ZTF7 ra=10.5 dec=-20.25"+
					" event_time=2023-02-25 00:00:00Z night=20230225 topic=alerts partition=3 offset=%d ", 1000+i))
			}
		})
	}
}

// A row's inflated bytes are not overwritten by later ones.
func TestInflatedBytesStay(t *testing.T) {
	schema := ztfSchema("d", `,{"name":"b","type":"bytes"}`, "")
	msg := func(s string) []byte {
		return container(schema, "deflate", block{1, deflated(ztfDatum(1, goodJD, str(s)))})
	}
	b := one(t, decode(t, &Decoder{}, values(msg("the first of two"), msg("and then another"))...)).Record
	column := stream.Field(b, "b").(*array.BinaryView)
	assert.Equal(t, "the first of two", column.ValueString(0))
	assert.Equal(t, "and then another", column.ValueString(1))
}

// Views of up to 12 bytes are inline, not in a buffer.
func TestInlineViews(t *testing.T) {
	short := `{"type":"record","name":"s","fields":[{"name":"id","type":"long"},{"name":"mjd","type":"double"},{"name":"b","type":"bytes"}]}`
	s := Survey{Name: "short", AlertID: []string{"id"}, RA: "ra", Dec: "dec", Time: "mjd", Scale: MJDUTC}
	datum := cat(vint(5), f64(60000), str("xy"))
	require.Len(t, datum, 12)
	long := cat(vint(5), f64(60000), str("xyz"))
	d := &Decoder{Surveys: []Survey{s}, Bare: []byte(short)}
	got := lines(decode(t, d, values(datum, long, datum[:8], datum)...))
	assert.Contains(t, got[0], " alert_id=5 event_time=2023-02-25 00:00:00Z night=20230225")
	assert.True(t, strings.HasSuffix(got[1], "id=5 mjd=60000"), got[1])
	assert.Contains(t, got[3], "b=eHk=")
	assert.NotContains(t, got, 2)
}

// A record may be a slice of another, as after messages that the source rejected.
func TestSlices(t *testing.T) {
	d := &Decoder{Alloc: checked(t)}
	defer d.Close()
	msgs := values(file(plain, ztfDatum(1, goodJD)), nil, file(plain, ztfDatum(2, goodJD)), []byte("tiny"), file(plain, ztfDatum(3, goodJD)))
	in := chunk(t, d.Alloc, msgs...)
	defer in.Release()
	part := in.NewSlice(2, 5)
	defer part.Release()
	r, err := d.Apply(t.Context(), stream.Rows{Record: part})
	require.NoError(t, err)
	defer r.Release()
	assert.Equal(t, []int32{0, 2}, one(t, stream.Result{Rows: r.Rows}).From)
	assert.Contains(t, lines(r)[0], "alert_id=2 ")
	assert.Contains(t, lines(r)[2], "offset=1004 ")
	assert.Equal(t, map[int]string{1: errFraming.Error()}, causes(r))
}

// A bare datum may begin like any framing.
func TestBareBeginsLikeOthers(t *testing.T) {
	d := &Decoder{Bare: []byte(plain)}
	empty := cat(str(""), ztfDatum(0, goodJD)[5:])
	require.Zero(t, empty[0])
	r := decode(t, d, message{value: empty}, message{[]byte(`{"k":1}`), empty}, message{[]byte(plain), empty}, message{value: file(plain, empty)})
	assert.Len(t, lines(r), 3)
	assert.Contains(t, lines(r)[0], "object_id= ra=10.5", "an empty text is a text")
	assert.Contains(t, causes(r), 3)
}

func TestLooksLikeSchema(t *testing.T) {
	for key, want := range map[string]bool{
		plain: true, " \r\n" + plain: true,
		`{"fields":[],"doc":"` + strings.Repeat("x", 10_000) + `","type":"record"}`: true,
		``: false, ` `: false, `"int"`: false, `{}`: false, `ZTF18aaa`: false, `{"type":"alert"}`: false,
		`{"schema":{"type":"struct","fields":[]},"payload":"ZTF18"}`: false,
		`["record","fields"]`: false,
	} {
		assert.Equal(t, want, looksLikeSchema([]byte(key)), "%.80s", key)
	}
}

// Schemas and names may have 5 MB; causes are bounded.
func TestLongSchemas(t *testing.T) {
	doc, err := json.Marshal(strings.Repeat("d", 5<<20))
	require.NoError(t, err)
	long := strings.Replace(plain, `"type":"record"`, `"type":"record","doc":`+string(doc), 1)
	name := strings.Repeat("é", 100)
	stranger := `{"type":"record","name":"` + strings.Repeat("é", 1<<20) + `","fields":[{"name":"z","type":"float"}]}`
	nested := func(typ string) string {
		for i := range 4 {
			typ = fmt.Sprintf(`{"type":"record","name":"r%d","fields":[{"name":%q,"type":%s}]}`, i, name, typ)
		}
		return ztfSchema("a", `,{"name":"x","type":`+typ+`}`, "")
	}
	d := &Decoder{}
	r := decode(t, d, values(file(long, ztfDatum(1, goodJD)), file(long, ztfDatum(2, goodJD)), file(stranger, f64(1)[:4]),
		file(nested(`"int"`), ztfDatum(3, goodJD, vint(1))), file(nested(`"string"`), ztfDatum(3, goodJD, str("x"))), file(long, ztfDatum(4, goodJD)))...)
	assert.Len(t, lines(r), 4)
	assert.Less(t, len(causes(r)[2]), 300)
	assert.Contains(t, causes(r)[4], "avroarrow: merge: x.ééé")
	assert.True(t, strings.HasSuffix(causes(r)[4], "é…"), causes(r)[4])
	for _, x := range d.cache.texts {
		assert.LessOrEqual(t, len(x.prefix), maxText)
	}
	assert.LessOrEqual(t, d.cache.size, maxCompiled)
}
