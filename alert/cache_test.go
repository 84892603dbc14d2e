package alert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireBounded fails the test if a decoder's caches exceed their bounds.
func requireBounded(tb testing.TB, d *Decoder) {
	tb.Helper()
	c := &d.cache
	require.LessOrEqual(tb, len(c.texts), maxTexts)
	require.LessOrEqual(tb, len(c.bySum), maxWriters)
	require.LessOrEqual(tb, len(c.ids), maxWriters)
	require.LessOrEqual(tb, len(c.unknown), maxUnknown)
	require.LessOrEqual(tb, len(c.tables), len(d.Surveys))
}

func TestSameHeaderOtherSync(t *testing.T) {
	d := &Decoder{}
	a := file(plain, ztfDatum(1, goodJD))
	b := []byte(strings.ReplaceAll(string(a), string(sync16), "fedcba9876543210"))
	assert.Len(t, one(t, decode(t, d, values(a, b, a)...)).From, 3)
	assert.Len(t, d.cache.texts, 1, "one header")
	assert.Len(t, decode(t, d, values(b[:len(b)-5])...).Rejects, 1)
}

// Two headers may have a common prefix, but none is a prefix of another.
func TestHeaderPrefixes(t *testing.T) {
	wide := ztfSchema("alert", `,{"name":"z","type":"int"}`, "")
	d := &Decoder{}
	short := file(plain, ztfDatum(1, goodJD))
	long := file(wide, ztfDatum(2, goodJD, vint(5)))
	var cut []byte // the header without what ends it, and then a codec
	cut = append(cut, short[:len("Obj\x01")+1+12+2+len(plain)]...)
	cut = cat(cut, vint(1), str("avro.codec"), str("deflate"), vint(0), sync16)
	cut = cat(cut, vint(1), vint(int64(len(deflated(ztfDatum(3, goodJD))))), deflated(ztfDatum(3, goodJD)), sync16)
	for range 2 {
		r := decode(t, d, values(short, long, cut, short, cut, long)...)
		assert.Empty(t, r.Rejects)
		got := lines(r)
		for i, id := range []int{1, 2, 3, 1, 3, 2} {
			assert.Contains(t, got[i], fmt.Sprintf(" alert_id=%d ", id))
		}
		assert.Contains(t, got[1], " z=5")
	}
}

// Headers and bare schemas are not confused.
func TestHeadersAndSchemas(t *testing.T) {
	header, alone := &schemaText{prefix: []byte("abc"), container: true}, &schemaText{prefix: []byte("abc")}
	value := append([]byte("abc"), sync16...)
	assert.True(t, header.isHeaderOf(value))
	assert.False(t, header.isHeaderOf(value[:len(value)-1]), "the sync marker is cut")
	assert.False(t, alone.isHeaderOf(value))
	assert.True(t, alone.is([]byte("abc")))
	assert.False(t, alone.is([]byte("abcd")))
	assert.False(t, header.is([]byte("abc")))
}

func TestManyHeaders(t *testing.T) {
	d := &Decoder{}
	var msgs []message
	for i := range 80 {
		schema := ztfSchema(fmt.Sprintf("a%d", i%40), "", "")
		if i%3 == 0 {
			msgs = append(msgs, message{[]byte(schema), ztfDatum(int64(i), goodJD)})
		} else {
			msgs = append(msgs, message{value: file(schema, ztfDatum(int64(i), goodJD))})
		}
	}
	var compiled map[[32]byte]*schemaText
	for range 2 {
		got := lines(decode(t, d, msgs...))
		for i := range msgs {
			assert.Contains(t, got[i], fmt.Sprintf(" alert_id=%d ", i))
		}
		requireBounded(t, d)
		assert.Len(t, d.cache.bySum, 40)
		if compiled != nil {
			assert.True(t, maps.Equal(compiled, d.cache.bySum), "each is compiled once")
		}
		compiled = maps.Clone(d.cache.bySum)
	}
}

func TestKeysAreCached(t *testing.T) {
	d := &Decoder{}
	other := ztfSchema("b", "", "")
	a, b := message{[]byte(plain), ztfDatum(1, goodJD)}, message{[]byte(other), ztfDatum(2, goodJD)}
	decode(t, d, a, b, a, b)
	require.Len(t, d.cache.texts, 2)
	assert.Equal(t, other, string(d.cache.texts[0].prefix), "the messages are gone, and their bytes")
}

// A stream of new schemas costs time but no memory, and its invalid messages widen
// no table.
func TestHostileSchemas(t *testing.T) {
	d := &Decoder{}
	decode(t, d, values(file(plain, ztfDatum(1, goodJD)))...)
	narrow := one(t, decode(t, d, values(file(plain, ztfDatum(1, goodJD)))...)).Record.Schema()
	for n := range 4 {
		var msgs []message
		for i := range 250 {
			schema := ztfSchema(fmt.Sprintf("h%d", 250*n+i), fmt.Sprintf(`,{"name":"x%d_%d","type":"int"}`, n, i), "")
			msgs = append(msgs, message{value: file(schema, ztfDatum(1, goodJD))})
		}
		assert.Len(t, decode(t, d, msgs...).Rejects, len(msgs))
		requireBounded(t, d)
	}
	after := one(t, decode(t, d, values(file(plain, ztfDatum(1, goodJD)))...)).Record.Schema()
	assert.Same(t, narrow, after)
}

func TestCompiledBytesAreBounded(t *testing.T) {
	d := &Decoder{}
	doc := strings.Repeat("x", maxCompiled/10)
	for i := range 25 {
		schema := strings.Replace(ztfSchema(fmt.Sprintf("a%d", i), "", ""), `"type":"record"`, `"type":"record","doc":"`+doc+`"`, 1)
		assert.Len(t, one(t, decode(t, d, values(file(schema, ztfDatum(1, goodJD)))...)).From, 1)
		require.LessOrEqual(t, d.cache.size, maxCompiled)
	}
	assert.Less(t, len(d.cache.bySum), 10)
}

func TestIDs(t *testing.T) {
	texts := map[uint32]string{1: plain, 2: `{`, 3: lsstSchema()}
	asked := 0
	d := &Decoder{Registry: RegistryFunc(func(_ context.Context, id uint32) ([]byte, error) {
		asked++
		return []byte(texts[id%1000]), nil
	})}
	msgs := values(confluent(1, ztfDatum(1, goodJD)), confluent(2, ztfDatum(1, goodJD)), confluent(3, lsstDatum(4, -1, -1)),
		confluent(1, ztfDatum(1, goodJD)[:9]), confluent(1, append(ztfDatum(1, goodJD), 0)))
	for range 2 {
		r := decode(t, d, msgs...)
		assert.Len(t, r.Rows, 2)
		assert.Contains(t, causes(r)[1], "schema id 2: avroarrow: schema: ")
		assert.Contains(t, causes(r)[3], "avroarrow: candidate.jd: ")
		assert.Equal(t, "avroarrow: bytes left over after the datum", causes(r)[4])
	}
	assert.Equal(t, 3, asked)
	var many []message
	for i := range uint32(maxWriters + 10) {
		many = append(many, message{value: confluent(1000*i+1, ztfDatum(1, goodJD))})
	}
	assert.Empty(t, decode(t, d, many...).Rejects)
	requireBounded(t, d)
}

// listing is a registry that can list its ids.
type listing struct {
	texts map[uint32]string
	ids   []uint32
	err   error
}

func (l *listing) IDs(context.Context) ([]uint32, error) { return l.ids, l.err }

func (l *listing) Schema(_ context.Context, id uint32) ([]byte, error) {
	if text, ok := l.texts[id]; ok {
		return []byte(text), nil
	}
	return nil, ErrUnknownSchema
}

func TestKnownNeedsNoList(t *testing.T) {
	for _, err := range []error{nil, fmt.Errorf("no list: %w", errors.ErrUnsupported)} {
		d := &Decoder{Registry: &listing{ids: []uint32{404}, err: err}}
		assert.Len(t, one(t, decode(t, d, values(file(plain, ztfDatum(1, goodJD)))...)).From, 1)
	}
	down := errors.New("down")
	_, err := tryDecode(t, &Decoder{Registry: &listing{err: down}}, values(file(plain, ztfDatum(1, goodJD)))...)
	assert.ErrorIs(t, err, down)
}
