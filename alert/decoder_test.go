package alert

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

func lsstSchema() string {
	return `{"type":"record","name":"alert","fields":[{"name":"diaSourceId","type":"long"},` +
		`{"name":"diaSource","type":{"type":"record","name":"src","fields":[{"name":"visit","type":"long"},` +
		`{"name":"midpointMjdTai","type":"double"},{"name":"ra","type":["null","float"]},{"name":"dec","type":"double"}]}},` +
		`{"name":"diaObject","type":["null",{"type":"record","name":"obj","fields":[{"name":"diaObjectId","type":"long"}]}]},` +
		`{"name":"ssSource","type":["null",{"type":"record","name":"ss","fields":[{"name":"ssObjectId","type":"long"}]}]}]}`
}

func lsstDatum(id int64, objects ...int64) []byte {
	out := cat(vint(id), vint(2025090400227), f64(60924.25), vint(0), f64(91))
	for _, o := range objects {
		if o < 0 {
			out = cat(out, vint(0))
		} else {
			out = cat(out, vint(1), vint(o))
		}
	}
	return out
}

func TestMixedSurveys(t *testing.T) {
	d := &Decoder{}
	ztf := func(id int64) []byte { return file(plain, ztfDatum(id, goodJD)) }
	lsst := func(id int64, o ...int64) []byte { return file(lsstSchema(), lsstDatum(id, o...)) }
	msgs := values(ztf(1), lsst(2, 20, -1), ztf(3), nil, lsst(4, -1, 40), lsst(5, 0, 0), lsst(6, -1, -1), ztf(7))
	for range 2 {
		r := decode(t, d, msgs...)
		require.Len(t, r.Rows, 2)
		assert.Equal(t, "alerts/ztf", r.Rows[0].Table)
		assert.Equal(t, []int32{0, 2, 7}, r.Rows[0].From)
		assert.Equal(t, "alerts/lsst", r.Rows[1].Table)
		assert.Equal(t, []int32{1, 4, 5, 6}, r.Rows[1].From)
		assert.Equal(t, []stream.Reject{{Row: 3, Cause: "null value", Class: "empty"}}, r.Rejects)
		got := lines(r)
		assert.Contains(t, got[1], "alerts/lsst survey=lsst alert_id=2 object_id=20 dec=91 event_time=2025-09-06 05:59:23Z night=20250904 ")
		assert.Contains(t, got[4], " object_id=40 ")
		assert.NotContains(t, got[5], " object_id=")
		assert.NotContains(t, got[6], " object_id=")
	}
	// The order of the tables depends on this call's messages only.
	r := decode(t, d, values(lsst(1, -1, -1), ztf(2))...)
	require.Len(t, r.Rows, 2)
	assert.Equal(t, "alerts/lsst", r.Rows[0].Table)
	assert.Equal(t, "alerts/ztf", one(t, decode(t, d, values(ztf(2))...)).Table)
	assert.Empty(t, decode(t, d).Rows)
}

func TestKafkaTime(t *testing.T) {
	m := file(plain, ztfDatum(1, goodJD))
	c := one(t, decode(t, &Decoder{}, values(m, m)...)).Record.Column(10).(*array.Timestamp)
	assert.EqualValues(t, 1_700_000_000_123, c.Value(0))
	assert.True(t, c.IsNull(1))
}

// A time that readers cannot represent would make the whole file unreadable: the
// message is rejected, and its reject keeps it as it came.
func TestTimesOutOfRange(t *testing.T) {
	schema := ztfSchema("alert", `,{"name":"sent","type":["null",{"type":"long","logicalType":"timestamp-millis"}]},`+
		`{"name":"at","type":{"type":"array","items":{"type":"int","logicalType":"time-millis"}}}`, "")
	packet := func(sent int64, at int64) []byte {
		return file(schema, ztfDatum(1, goodJD, vint(1), vint(sent), vint(1), vint(at), vint(0)))
	}
	r := decode(t, &Decoder{}, values(packet(1<<62, 0), packet(0, -1), packet(253402300799999, 86399999))...)
	assert.Equal(t, map[int]string{0: "avroarrow: sent: time outside the years 1 to 9999",
		1: "avroarrow: at[]: time of day outside 0 to 24 hours"}, causes(r))
	assert.Contains(t, lines(r)[2], "sent=9999-12-31 23:59:59.999Z")
}

func TestStandardColumnsComeFirst(t *testing.T) {
	s := one(t, decode(t, &Decoder{}, values(file(plain, ztfDatum(1, goodJD)))...)).Record.Schema()
	assert.Equal(t, StandardColumns, s.Fields()[:len(StandardColumns)])
	assert.Equal(t, "objectId", s.Field(len(StandardColumns)).Name)
}

// A survey's paths are names in the packet, even those of standard columns.
func TestTakenNames(t *testing.T) {
	schema := `{"type":"record","name":"flat","fields":[{"name":"alert_id","type":"long"},{"name":"RA","type":"float"},{"name":"dec","type":"double"},` +
		`{"name":"event_time","type":{"type":"record","name":"when","fields":[{"name":"mjd","type":"double"}]}},{"name":"object_id","type":"bytes"}]}`
	flat := Survey{Name: "flat", Match: []string{"event_time.mjd", "RA"}, AlertID: []string{"alert_id"}, ObjectID: []string{"object_id"},
		RA: "RA", Dec: "dec", Time: "event_time.mjd", Scale: MJDUTC, Night: NightRule{Visit: "alert_id"}}
	datum := func(name string) []byte {
		return file(schema, cat(vint(2025090400227), []byte{0, 0, 0x20, 0x41}, f64(20), f64(60000), str(name)))
	}
	r := decode(t, &Decoder{Surveys: append(Surveys(), flat)}, values(datum("é"), datum("\xff"))...)
	assert.Contains(t, lines(r)[0], "alert_id=2025090400227 object_id=é ra=10 dec=20 event_time=2023-02-25 00:00:00Z night=20250904 ")
	assert.Contains(t, lines(r)[0], " RA_=10 alert_id_=")
	assert.Contains(t, lines(r)[1], "alert_id=2025090400227 ra=10", "no text, no object")
}

func TestNoIDNoTime(t *testing.T) {
	bare := `{"type":"record","name":"a","fields":[{"name":"candid","type":["null","long","int"]},{"name":"candidate","type":` +
		`{"type":"record","name":"c","fields":[{"name":"jd","type":["null","double"]}]}}]}`
	text := strings.Replace(bare, `["null","long","int"]`, `"string"`, 1)
	missing := strings.Replace(bare, `"jd"`, `"when"`, 1)
	has, none := vint(1), vint(0)
	r := decode(t, &Decoder{}, values(
		file(bare, cat(none, has, f64(goodJD))), file(bare, cat(has, vint(9), none)),
		file(text, cat(str("9"), has, f64(goodJD))), file(missing, cat(has, vint(9), has, f64(goodJD))),
		file(bare, cat(has, vint(9), has, f64(goodJD))))...)
	assert.Equal(t, map[int]string{0: "no alert id", 1: "no event time", 2: "no alert id", 3: "no event time"}, causes(r))
	assert.Contains(t, lines(r)[4], "alert_id=9 event_time=2023", "no position, no object: still an alert")
}

func TestInvalidDecoder(t *testing.T) {
	for want, d := range map[string]*Decoder{
		`alert: survey "x": no path`:                                  {Surveys: []Survey{{Name: "x"}}},
		`alert: two surveys are named "ztf"`:                          {Surveys: append(Surveys(), ZTF())},
		`alert: Decoder.Bare: avroarrow: schema: `:                    {Bare: []byte("{")},
		`alert: Decoder.Bare: unknown survey: no Survey matches reco`: {Bare: []byte(`{"type":"record","name":"x","fields":[{"name":"y","type":"int"}]}`)},
	} {
		_, err := tryDecode(t, d, values(file(plain, ztfDatum(1, goodJD)))...)
		assert.ErrorContains(t, err, want)
	}
	d := &Decoder{}
	record := array.NewRecord(arrow.NewSchema(nil, nil), nil, 0)
	defer record.Release()
	_, err := d.Apply(t.Context(), stream.Rows{Record: record})
	assert.ErrorContains(t, err, "stream.MessageSchema")
}

// outage is a registry or a ledger that is down at first.
type outage struct {
	err   error
	asked int
	text  string
	stream.Schemas
}

func (o *outage) Schema(context.Context, uint32) ([]byte, error) {
	o.asked++
	return []byte(o.text), o.err
}

func (o *outage) Widen(ctx context.Context, table string, merge func(*arrow.Schema) (*arrow.Schema, error)) (*arrow.Schema, error) {
	if o.err != nil {
		return nil, o.err
	}
	return o.Schemas.Widen(ctx, table, merge)
}

// After an error the chunk can be decoded again.
func TestOutages(t *testing.T) {
	down := errors.New("down")
	registry, ledger := &outage{err: down, text: ztfSchema("wire", "", "")}, &outage{Schemas: &memorySchemas{}}
	d := &Decoder{Registry: registry, Schemas: ledger}
	msgs := values(file(plain, ztfDatum(1, goodJD)), []byte("bad"),
		file(ztfSchema("wide", `,{"name":"x","type":"int"}`, ""), ztfDatum(3, goodJD, vint(3))), confluent(5, ztfDatum(2, goodJD)))
	_, err := tryDecode(t, d, msgs...) // and a record from before the widening is there
	assert.ErrorIs(t, err, down)
	registry.err, ledger.err = nil, down
	_, err = tryDecode(t, d, msgs...)
	assert.ErrorIs(t, err, down)
	ledger.err = nil
	r := decode(t, d, msgs...)
	assert.Equal(t, map[int]string{1: errFraming.Error()}, causes(r))
	assert.Len(t, lines(r), 3)
	assert.Len(t, d.idle, 1)
}

// A caller that recovers from a registry's panic must not get the rows twice.
func TestRegistryPanics(t *testing.T) {
	broken := true
	d := &Decoder{Alloc: memory.DefaultAllocator, Registry: RegistryFunc(func(context.Context, uint32) ([]byte, error) {
		if broken {
			panic("a registry's own")
		}
		return []byte(plain), nil
	})}
	msgs := values(file(plain, ztfDatum(1, goodJD)), confluent(5, ztfDatum(2, goodJD)))
	assert.Panics(t, func() { tryDecode(t, d, msgs...) })
	broken = false
	assert.Len(t, one(t, decode(t, d, msgs...)).From, 2)
}

func TestCloseFreesAll(t *testing.T) {
	d := &Decoder{Alloc: checked(t)}
	mem := d.Alloc.(*memory.CheckedAllocator)
	for range 3 {
		r, err := tryDecode(t, d, values(file(plain, ztfDatum(1, goodJD)), nil)...)
		require.NoError(t, err)
		r.Release()
		require.NoError(t, d.Close())
		assert.Zero(t, mem.CurrentAlloc())
		for _, rows := range r.Rows {
			rows.Record.Retain() // for the cleanup, which releases it too
		}
	}
}

// A new decoder continues with the ledger's schemas.
func TestLedgerKeepsSchemas(t *testing.T) {
	records := store.NewMemory()
	open := func() *Decoder {
		l, err := ledger.Open(t.Context(), records, "ledger", nil)
		require.NoError(t, err)
		return &Decoder{Schemas: l}
	}
	lists := `,{"name":"p","type":{"type":"array","items":{"type":"record","name":"q","fields":[{"name":"a","type":["null","int"]}]}}},` +
		`{"name":"m","type":{"type":"map","values":["null","float"]}},{"name":"img","type":["null","bytes"]}`
	rich := file(ztfSchema("a", lists, ""), ztfDatum(1, goodJD, vint(1), vint(1), vint(4), vint(0), vint(0), vint(1), str("x")))
	long := strings.Replace(strings.Replace(lists, `"int"`, `"long"`, 1), `"float"`, `"double"`, 1)
	wider := file(ztfSchema("a", long+`,{"name":"new","type":"string"}`, ""), ztfDatum(2, goodJD, vint(0), vint(0), vint(0), str("n")))
	narrow := file(plain, ztfDatum(3, goodJD))
	first := decode(t, open(), values(rich, narrow, wider)...)
	require.Len(t, first.Rows, 2)
	wide := first.Rows[1].Record.Schema()

	for range 2 {
		again := one(t, decode(t, open(), values(narrow, rich, wider)...))
		assert.True(t, wide.Equal(again.Record.Schema()), "%v\n%v", wide, again.Record.Schema())
		assert.EqualValues(t, 3, again.Record.NumRows())
	}
	var names []string
	for i := 1; i < 9; i++ {
		if _, err := records.Get(t.Context(), fmt.Sprintf("ledger/schema/alerts.ztf.%06d", i)); err == nil {
			names = append(names, fmt.Sprint(i))
		}
	}
	assert.Equal(t, []string{"1", "2"}, names, "two schemas, two links")
}
