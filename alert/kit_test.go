package alert

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// Packets are written by hand, since encoders refuse to write invalid ones.

func vint(v int64) []byte { return binary.AppendVarint(nil, v) }

func str(s string) []byte { return append(vint(int64(len(s))), s...) }

func f64(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// ztfSchema is the schema of a small ZTF packet, with more fields at its end
// and in its candidate.
func ztfSchema(name, top, candidate string) string {
	return `{"type":"record","name":"` + name + `","fields":[{"name":"objectId","type":"string"},{"name":"candid","type":"long"},` +
		`{"name":"candidate","type":{"type":"record","name":"cand","fields":[{"name":"jd","type":"double"},` +
		`{"name":"ra","type":"double"},{"name":"dec","type":"double"}` + candidate + `]}}` + top + `]}`
}

const goodJD = 2460000.5 // 2023-02-25 00:00

// ztfDatum is a packet by ztfSchema; more is what the additional fields of the
// candidate and the packet hold.
func ztfDatum(candid int64, jd float64, more ...[]byte) []byte {
	return cat(str(fmt.Sprintf("ZTF%d", candid)), vint(candid), f64(jd), f64(10.5), f64(-20.25), cat(more...))
}

// block is a block of a container.
type block struct {
	count int64
	data  []byte
}

var sync16 = []byte("0123456789abcdef")

// container writes a container file; codec "-" says nothing of a codec.
func container(schema, codec string, blocks ...block) []byte {
	out := cat([]byte("Obj\x01"), vint(1), str("avro.schema"), str(schema))
	if codec != "-" {
		out = cat(out, vint(1), str("avro.codec"), str(codec))
	}
	out = cat(out, vint(0), sync16)
	for _, b := range blocks {
		out = cat(out, vint(b.count), vint(int64(len(b.data))), b.data, sync16)
	}
	return out
}

// file is a container of one record.
func file(schema string, datum []byte) []byte { return container(schema, "null", block{1, datum}) }

// confluent is a message in Confluent's framing.
func confluent(id uint32, datum []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), datum...)
}

// message is a raw message; nil is null.
type message struct{ key, value []byte }

func values(values ...[]byte) []message {
	out := make([]message, len(values))
	for i, v := range values {
		out[i].value = v
	}
	return out
}

// chunk makes a record of messages that all lie in one buffer, as those of a
// source do, with bytes of others between them.
func chunk(tb testing.TB, mem memory.Allocator, msgs ...message) arrow.Record {
	tb.Helper()
	var all []byte
	var views []stream.View
	for _, m := range msgs {
		for _, v := range [][]byte{m.key, m.value} {
			all = append(all, "\xffstray"...)
			views = append(views, stream.View{From: len(all), To: len(all) + len(v)})
			all = append(all, v...)
		}
	}
	buf := memory.NewResizableBuffer(mem)
	defer buf.Release()
	buf.Resize(len(all))
	copy(buf.Bytes(), all)
	b := stream.NewMessageBuilder(mem)
	defer b.Release()
	for i, m := range msgs {
		msg := stream.Message{Topic: "alerts", Partition: 3, Offset: int64(1000 + i), Key: views[2*i], Value: views[2*i+1]}
		if i%2 == 0 {
			msg.Time = time.UnixMilli(1_700_000_000_123 + int64(i))
		}
		if m.key != nil {
			msg.Key.Buffer = buf
		}
		if m.value != nil {
			msg.Value.Buffer = buf
		}
		b.Append(msg)
	}
	return b.NewRecord()
}

// checked returns an allocator that fails the test if memory leaks.
func checked(tb testing.TB) *memory.CheckedAllocator {
	mem := memory.NewCheckedAllocator(soil{memory.NewGoAllocator()})
	tb.Cleanup(func() { mem.AssertSize(tb, 0) })
	return mem
}

// soil is an allocator that overwrites freed memory.
type soil struct{ memory.Allocator }

func (s soil) Free(b []byte) {
	for i := range b {
		b[i] = 0xa5
	}
	s.Allocator.Free(b)
}

// decode applies a decoder to messages, and checks its memory. The result is valid
// until the end of the test.
func decode(tb testing.TB, d *Decoder, msgs ...message) stream.Result {
	tb.Helper()
	r, err := tryDecode(tb, d, msgs...)
	require.NoError(tb, err)
	return r
}

func tryDecode(tb testing.TB, d *Decoder, msgs ...message) (stream.Result, error) {
	tb.Helper()
	if d.Alloc == nil {
		d.Alloc = checked(tb)
		tb.Cleanup(func() { d.Close() })
	}
	in := chunk(tb, d.Alloc, msgs...)
	r, err := d.Apply(tb.Context(), stream.Rows{Record: in})
	in.Release() // views must keep alive what they point into
	tb.Cleanup(r.Release)
	if err == nil {
		requireComplete(tb, r, len(msgs))
	}
	return r, err
}

// requireComplete fails the test unless each message became one row or one reject,
// in order.
func requireComplete(tb testing.TB, r stream.Result, n int) {
	tb.Helper()
	seen := make([]int, n)
	last := map[string]int32{}
	for _, rows := range r.Rows {
		require.Len(tb, rows.From, int(rows.Record.NumRows()))
		require.NotEmpty(tb, rows.From, "a record without rows")
		for _, i := range rows.From {
			before, ok := last[rows.Table]
			require.True(tb, !ok || before < i, "rows of %s out of order", rows.Table)
			last[rows.Table] = i
			seen[i]++
		}
	}
	for k, x := range r.Rejects {
		require.True(tb, k == 0 || r.Rejects[k-1].Row < x.Row, "rejects out of order")
		require.NotEmpty(tb, x.Cause)
		require.LessOrEqual(tb, len(x.Cause), maxCause+3)
		seen[x.Row]++
	}
	for i, k := range seen {
		require.Equal(tb, 1, k, "message %d", i)
	}
}

// causes are the causes of rejection by message.
func causes(r stream.Result) map[int]string {
	out := map[int]string{}
	for _, x := range r.Rejects {
		out[x.Row] = x.Cause
	}
	return out
}

// lines writes each row as text, by its message: the standard columns, then
// the others by their names, nulls left out, so that it does not matter what
// else a table has.
func lines(r stream.Result) map[int]string {
	out := map[int]string{}
	for _, rows := range r.Rows {
		for k, i := range rows.From {
			var b strings.Builder
			b.WriteString(rows.Table)
			fields, columns := rows.Record.Schema().Fields(), rows.Record.Columns()
			for c, f := range fields[:len(StandardColumns)] {
				render(&b, f.Name, columns[c], k)
			}
			renderSorted(&b, fields[len(StandardColumns):], func(c int) arrow.Array { return columns[len(StandardColumns)+c] }, k)
			out[int(i)] = b.String()
		}
	}
	return out
}

func render(b *strings.Builder, name string, a arrow.Array, i int) {
	if a.IsNull(i) {
		return
	}
	fmt.Fprintf(b, " %s=", name)
	switch a := a.(type) {
	case *array.Struct:
		b.WriteByte('{')
		renderSorted(b, a.DataType().(*arrow.StructType).Fields(), a.Field, i)
		b.WriteByte('}')
	case *array.List:
		from, to := a.ValueOffsets(i)
		b.WriteByte('[')
		for k := from; k < to; k++ {
			render(b, "", a.ListValues(), int(k))
		}
		b.WriteByte(']')
	default:
		b.WriteString(a.ValueStr(i))
	}
}

func renderSorted(b *strings.Builder, fields []arrow.Field, column func(int) arrow.Array, i int) {
	order := make([]int, len(fields))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(x, y int) int { return strings.Compare(fields[x].Name, fields[y].Name) })
	for _, k := range order {
		render(b, fields[k].Name, column(k), i)
	}
}

// one returns the only rows of a result.
func one(tb testing.TB, r stream.Result) stream.Rows {
	tb.Helper()
	require.Empty(tb, r.Rejects)
	require.Len(tb, r.Rows, 1)
	return r.Rows[0]
}

// reader decodes a datum into Go values as the specification says, with
// nothing in common with the code under test.
type reader struct {
	data  []byte
	named map[string]any
}

func readDatum(tb testing.TB, schema, data []byte) map[string]any {
	var tree any
	require.NoError(tb, json.Unmarshal(schema, &tree))
	r := reader{data, map[string]any{}}
	collect(tree, r.named)
	v := r.value(tree).(map[string]any)
	require.Empty(tb, r.data)
	return v
}

func (r *reader) long() int64 {
	v, n := binary.Varint(r.data)
	r.data = r.data[n:]
	return v
}

func (r *reader) take(n int64) []byte {
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) value(node any) any {
	switch n := node.(type) {
	case []any:
		return r.value(n[r.long()])
	case map[string]any:
		return r.complex(n)
	}
	switch name := node.(string); name {
	case "null":
		return nil
	case "boolean":
		return r.take(1)[0] == 1
	case "int", "long":
		return r.long()
	case "float":
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(r.take(4))))
	case "double":
		return math.Float64frombits(binary.LittleEndian.Uint64(r.take(8)))
	case "string", "bytes":
		return string(r.take(r.long()))
	default:
		return r.value(r.named[name])
	}
}

func (r *reader) complex(n map[string]any) any {
	switch n["type"] {
	case "record":
		out := map[string]any{}
		for _, f := range n["fields"].([]any) {
			f := f.(map[string]any)
			out[f["name"].(string)] = r.value(f["type"])
		}
		return out
	case "array", "map":
		for count := r.long(); count != 0; count = r.long() {
			if count < 0 {
				count = -count
				r.long()
			}
			for ; count > 0; count-- {
				if n["type"] == "map" {
					r.take(r.long())
					r.value(n["values"])
				} else {
					r.value(n["items"])
				}
			}
		}
		return nil
	}
	return r.value(n["type"])
}

// dig returns the value at a path, or nil.
func dig(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}
