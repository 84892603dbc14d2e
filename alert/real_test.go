package alert

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/ocf"
	"github.com/skyfinch/skyfinch/stream"
)

// packet is a parsed real message of one record.
type packet struct {
	name   string
	raw    []byte
	schema []byte
	datum  []byte
}

// packets returns the real packets that match a pattern. Files of several
// records become a message for each.
func packets(tb testing.TB, pattern string) (out []packet) {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(shared(tb, "alerts"), pattern))
	require.NoError(tb, err)
	require.NotEmpty(tb, names)
	for _, name := range names {
		raw, err := os.ReadFile(name)
		require.NoError(tb, err)
		if ocf.IsOCF(raw) {
			out = append(out, unpack(tb, name, raw)...)
			continue
		}
		id := binary.BigEndian.Uint32(raw[1:])
		schema, err := DirRegistry(shared(tb, "schemas")).Schema(tb.Context(), id)
		require.NoError(tb, err)
		out = append(out, packet{name, raw, schema, raw[5:]})
	}
	return out
}

func unpack(tb testing.TB, name string, raw []byte) (out []packet) {
	h, err := ocf.ParseHeader(raw)
	require.NoError(tb, err, name)
	for rest := raw[h.Size:]; ; {
		b, after, err := ocf.NextBlock(rest, h.Sync)
		if err == io.EOF {
			return out
		}
		require.NoError(tb, err, name)
		require.EqualValues(tb, 1, b.Count, name)
		whole := append(raw[:h.Size:h.Size], rest[:len(rest)-len(after)]...)
		datum, err := ocf.Decompress(nil, h.Codec, b.Data, 1<<30)
		require.NoError(tb, err, name)
		out = append(out, packet{name, whole, h.Schema, datum})
		rest = after
	}
}

// exact computes the event time with rational numbers.
func exact(v float64, s TimeScale) int64 {
	epoch, tai := int64(81175), int64(0) // twice
	switch s {
	case JDUTC:
		epoch = 2*2440587 + 1
	case MJDTAI:
		epoch, tai = 2*40587, 37_000_000
		if v < 57754 { // 2017
			tai = 36_000_000
		}
	default:
		epoch = 2 * 40587
	}
	r := new(big.Rat).SetFloat64(v)
	r.Sub(r, big.NewRat(epoch, 2)).Mul(r, big.NewRat(86_400_000_000, 1)).Sub(r, big.NewRat(tai, 1))
	r.Add(r, big.NewRat(1, 2)) // no packet here is half way
	return new(big.Int).Div(r.Num(), r.Denom()).Int64()
}

// expect writes the standard columns of a packet as lines does.
func expect(tb testing.TB, p packet, i int) string {
	v := readDatum(tb, p.schema, p.datum)
	survey := surveyOf(v)
	s := map[string]Survey{"ztf": ZTF(), "lsst": LSST(), "roman": Roman(), "decam": DECam(), "winter": WINTER()}[survey]
	us := exact(dig(v, s.Time).(float64), s.Scale)
	var b strings.Builder
	fmt.Fprintf(&b, "alerts/%s survey=%s", survey, survey)
	id := dig(v, "candid")
	if id == nil {
		id = dig(v, "diaSource.diaSourceId")
	}
	fmt.Fprintf(&b, " alert_id=%d", id)
	for _, path := range []string{"objectId", "objectid", "diaObject.diaObjectId", "ssSource.ssObjectId",
		"diaSource.ssObjectId", "diaSource.diaObjectId"} {
		if o := dig(v, path); o != nil && o != int64(0) {
			fmt.Fprintf(&b, " object_id=%v", o)
			break
		}
	}
	position := strings.Split(s.Time, ".")[0]
	for _, c := range []string{"ra", "dec"} {
		if x := dig(v, position+"."+c); x != nil {
			a := array.NewFloat64Builder(checked(tb))
			a.Append(x.(float64))
			arr := a.NewArray()
			fmt.Fprintf(&b, " %s=%s", c, arr.ValueStr(0))
			arr.Release()
			a.Release()
		}
	}
	t := time.UnixMicro(us).UTC()
	fmt.Fprintf(&b, " event_time=%s", t.Format("2006-01-02 15:04:05.999999")+"Z")
	night := t
	if survey == "lsst" || survey == "decam" {
		night = t.Add(-12 * time.Hour)
	}
	text := night.Format("20060102")
	if visit := fmt.Sprint(dig(v, "diaSource.visit")); survey == "lsst" && len(visit) == 13 {
		text = visit[:8]
	}
	fmt.Fprintf(&b, " night=%s topic=alerts partition=3 offset=%d ", text, 1000+i)
	return b.String()
}

func surveyOf(v map[string]any) string {
	switch {
	case dig(v, "diaSource.midpointMjdTai") != nil:
		return "lsst"
	case dig(v, "diaSource") != nil:
		return "roman"
	case dig(v, "candidate.mjd") != nil:
		return "decam"
	case dig(v, "objectid") != nil:
		return "winter"
	}
	return "ztf"
}

// withoutPlace takes out the message's place and time, which the framings of a
// test need not share.
func withoutPlace(lines map[int]string) map[int]string {
	out := map[int]string{}
	for i, l := range lines {
		before, rest, _ := strings.Cut(l, " topic=")
		_, after, _ := strings.Cut(rest, " offset=")
		_, after, _ = strings.Cut(after, " ")
		if strings.HasPrefix(after, "kafka_time=") {
			_, after, _ = strings.Cut(after, "Z ")
		}
		out[i] = before + " " + after
	}
	return out
}

func realDecoder(tb testing.TB) *Decoder {
	return &Decoder{Registry: DirRegistry(shared(tb, "schemas"))}
}

// All real packets at once, of all surveys, as they are and as bare datums
// with the schema in the key, which must make no difference.
func TestRealPackets(t *testing.T) {
	all := packets(t, "*/*")
	var asIs, keyed []message
	for _, p := range all {
		asIs = append(asIs, message{value: p.raw})
		keyed = append(keyed, message{key: p.schema, value: p.datum})
	}
	r := decode(t, realDecoder(t), asIs...)
	require.Empty(t, r.Rejects)
	got := lines(r)
	require.Len(t, got, len(all))
	tables := map[string]int{}
	for i, p := range all {
		want := expect(t, p, i)
		require.True(t, strings.HasPrefix(got[i], want), "%s\n%s\n%.400s", p.name, want, got[i])
		table, _, _ := strings.Cut(got[i], " ")
		tables[table]++
	}
	t.Log(tables)
	assert.Len(t, tables, 5)
	same := withoutPlace(got)
	assert.Equal(t, same, withoutPlace(lines(decode(t, realDecoder(t), keyed...))))

	for _, dir := range []string{"ztf-3.3", "lsst-9.0"} {
		var bare []message
		var want []string
		var schema []byte
		for i, p := range all {
			if filepath.Base(filepath.Dir(p.name)) == dir {
				bare, want, schema = append(bare, message{[]byte("7"), p.datum}), append(want, same[i]), p.schema
			}
		}
		d := realDecoder(t)
		d.Bare = schema
		for i, line := range withoutPlace(lines(decode(t, d, bare...))) {
			require.True(t, want[i] == line, "%s %d:\n%.800s\n%.800s", dir, i, want[i], line)
		}
	}
}

// Once the table is wide, all of ZTF's schemas share a record.
func TestRealSchemasShareARecord(t *testing.T) {
	var msgs []message
	for _, dir := range []string{"ztf-3.1", "ztf-3.3", "ztf-4.02", "ztf-spark", "ztf-3.1"} {
		for _, p := range packets(t, dir+"/*")[:2] {
			msgs = append(msgs, message{value: p.raw})
		}
	}
	d := &Decoder{}
	first := decode(t, d, msgs...)
	assert.Empty(t, first.Rejects)
	assert.Greater(t, len(first.Rows), 1, "it widened on the way")
	again := one(t, decode(t, d, msgs...))
	assert.EqualValues(t, len(msgs), again.Record.NumRows())
	assert.Equal(t, lines(first), lines(stream.Result{Rows: []stream.Rows{again}}))
}

func TestRealConcurrently(t *testing.T) {
	var all []packet
	for _, dir := range []string{"ztf-3.1", "ztf-3.3", "ztf-4.02", "ztf-spark", "lsst-7.4", "lsst-9.0", "lsst-wire", "other"} {
		some := packets(t, dir+"/*")
		all = append(all, some[:min(len(some), 6)]...)
	}
	var msgs []message
	for i := range all {
		msgs = append(msgs, message{value: all[(i*17)%len(all)].raw}) // well mixed
	}
	msgs[3].value = msgs[3].value[:5000]
	want := decode(t, realDecoder(t), msgs...)
	wantLines, wantCauses := lines(want), causes(want)
	require.Len(t, wantCauses, 1)

	d := realDecoder(t)
	d.Alloc = checked(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			in := chunk(t, d.Alloc, msgs...)
			defer in.Release()
			for range 2 {
				r, err := d.Apply(t.Context(), stream.Rows{Record: in})
				if assert.NoError(t, err) {
					assert.True(t, maps.Equal(wantLines, lines(r)), "goroutine %d", g)
					assert.Equal(t, wantCauses, causes(r))
				}
				r.Release()
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, len(d.idle), 8)
	require.NoError(t, d.Close())
	assert.Zero(t, d.Alloc.(interface{ CurrentAlloc() int }).CurrentAlloc())
}
