package stream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/recordsize"
	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

func TestGate(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	g := newGate(10)
	var at [4]byte
	chunk := func(size int64, first ...int) map[*byte]int64 {
		out := map[*byte]int64{}
		for _, i := range first {
			out[&at[i]] = size
		}
		return out
	}
	require.NoError(t, g.enter(ctx, chunk(100, 0)), "a large one passes alone")
	in := make(chan error)
	go func() { in <- g.enter(ctx, chunk(1, 1)) }()
	select {
	case <-in:
		t.Error("the gate is full")
	default:
	}
	g.leave(chunk(100, 0))
	require.NoError(t, <-in)
	require.NoError(t, g.enter(ctx, chunk(9, 2)), "just fits")
	require.NoError(t, g.enter(ctx, chunk(9, 1, 2)), "both buffers are inside already")
	assert.EqualValues(t, 10, g.used)
	g.leave(chunk(9, 2))
	cancel()
	assert.ErrorIs(t, g.enter(ctx, chunk(1, 3)), context.Canceled, "the other chunk keeps the buffer")
	g.leave(chunk(9, 1, 2))
	g.leave(chunk(1, 1))
	assert.Zero(t, g.used)
	assert.Empty(t, g.inside)
}

// A chunk counts with its weight until it is decoded, then with what it became.
func TestGateBecome(t *testing.T) {
	g := newGate(100)
	before, after := map[*byte]int64{new(byte): 3, new(byte): 90}, map[*byte]int64{new(byte): 40}
	require.NoError(t, g.enter(t.Context(), before))
	_, ok := g.admit(map[*byte]int64{new(byte): 8})
	assert.False(t, ok)
	g.resize(before, after)
	assert.EqualValues(t, 40, g.used)
	_, ok = g.admit(map[*byte]int64{new(byte): 60})
	assert.True(t, ok)
	g.leave(after)
	assert.EqualValues(t, 60, g.used)
}

// Heavy chunks are decoded one at a time, however small their messages are.
func TestWeight(t *testing.T) {
	var decoding, most atomic.Int32
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 40}, chunk: 4}
	job := &MicroBatch{
		Source:  heavy{src},
		Workers: 8,
		Transforms: []Transform{TransformFunc(func(_ context.Context, in Rows) (Result, error) {
			n := decoding.Add(1)
			for {
				if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			time.Sleep(time.Millisecond)
			decoding.Add(-1)
			return Pass(in), nil
		})},
		Sink: SinkFunc(func(context.Context, Rows) error { return nil }),
	}
	require.NoError(t, job.Drain(t.Context()))
	assert.EqualValues(t, 40, job.Progress().Written)
	assert.EqualValues(t, 1, most.Load())
}

// heavy gives each chunk of a source more weight than the gate admits twice.
type heavy struct{ Source }

func (h heavy) Read(ctx context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for c, err := range h.Source.Read(ctx, ranges) {
			c.Weight = 30 << 20
			if !yield(c, err) {
				return
			}
		}
	}
}

func TestKeep(t *testing.T) {
	rec := numberRecord(memory.DefaultAllocator, 0, 1, 2, 3, 4, 5)
	defer rec.Release()
	calls := 0
	got := Filter(Rows{Table: "t", Record: rec}, func(row int) bool { calls++; return row != 2 && row != 5 })
	defer releaseRows(got.Rows)
	require.Len(t, got.Rows, 2)
	assert.Equal(t, []int64{0, 1}, numbersOf(got.Rows[0].Record))
	assert.Equal(t, []int64{3, 4}, numbersOf(got.Rows[1].Record))
	assert.Equal(t, []int32{3, 4}, got.Rows[1].From)
	assert.Equal(t, "t", got.Rows[1].Table)
	assert.Equal(t, 6, calls, "once a row")
}

// Scattered rows come as one record, whose views share the bytes.
func TestKeepScattered(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	old := memory.DefaultAllocator
	memory.DefaultAllocator = mem
	defer func() { memory.DefaultAllocator = old; mem.AssertSize(t, 0) }()
	buf := memory.NewResizableBuffer(mem)
	buf.Resize(100 * 40)
	b := NewMessageBuilder(mem)
	defer b.Release()
	for i := range 100 {
		copy(buf.Bytes()[40*i:], fmt.Sprintf("message %030d", i))
		m := Message{Topic: fmt.Sprint(i), Offset: int64(i), Value: View{buf, 40 * i, 40*i + 38}}
		if i%3 == 0 {
			m.Value.To = m.Value.From + 7 // inline
		}
		if i%10 == 4 {
			m.Value = View{}
		}
		b.Append(m)
	}
	buf.Release()
	rec := b.NewRecord()
	slice := rec.NewSlice(10, 90)
	rec.Release()
	got := Filter(Rows{Record: slice}, func(row int) bool { return row%2 == 0 })
	require.Len(t, got.Rows, 1)
	kept, column := got.Rows[0], slice.Column(ColValue).(*array.BinaryView)
	defer got.Release()
	require.EqualValues(t, 40, kept.Record.NumRows())
	for i, from := range kept.From {
		require.EqualValues(t, 2*i, from)
		for c := range int(slice.NumCols()) {
			require.Equal(t, slice.Column(c).ValueStr(int(from)), kept.Record.Column(c).ValueStr(i))
		}
		if v := kept.Record.Column(ColValue).(*array.BinaryView).Value(i); len(v) > 12 {
			require.Same(t, &column.Value(int(from))[0], &v[0], "the bytes are shared")
		}
	}
	slice.Release()

	// Types that cannot be copied come in slices.
	d := array.NewDictionaryBuilder(mem, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
	defer d.Release()
	for range 20 {
		require.NoError(t, d.AppendString("x"))
	}
	col := d.NewArray()
	defer col.Release()
	dict := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "d", Type: col.DataType()}}, nil), []arrow.Array{col}, 20)
	defer dict.Release()
	runs := Filter(Rows{Record: dict}, func(row int) bool { return row%2 == 0 })
	assert.Len(t, runs.Rows, 10)
	runs.Release()
}

func TestField(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	inner := arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	b := array.NewRecordBuilder(mem, arrow.NewSchema([]arrow.Field{{Name: "s", Type: arrow.StructOf(arrow.Field{Name: "t", Type: inner})}}, nil))
	defer b.Release()
	s := b.Field(0).(*array.StructBuilder)
	in := s.FieldBuilder(0).(*array.StructBuilder)
	for i := range int64(4) {
		s.Append(true)
		in.Append(true)
		in.FieldBuilder(0).(*array.Int64Builder).Append(i)
	}
	s.AppendNull()
	rec := b.NewRecord()
	defer rec.Release()
	slice := rec.NewSlice(2, 5)
	defer slice.Release()
	got := Field(slice, "s.t.x").(*array.Int64)
	assert.Equal(t, []int64{2, 3}, got.Int64Values()[:2])
	assert.True(t, got.IsNull(2), "a builder's null struct has null fields")
	for _, path := range []string{"", "x", "s.x", "s.t.x.y", "s."} {
		assert.Nil(t, Field(rec, path), path)
	}
	assert.Positive(t, recordsize.Of(rec))
	assert.Equal(t, recordsize.Of(rec), recordsize.Of(slice), "a slice keeps the whole")
}

// Other writers may leave values below a null struct.
func TestFieldOfNullStruct(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	x := numberRecord(mem, 0, 1, 2, 3, 4, 5)
	defer x.Release()
	words := array.NewStringBuilder(mem)
	defer words.Release()
	words.AppendValues([]string{"a", "b", "c", "d", "e", "f"}, []bool{true, true, true, true, true, false})
	w := words.NewArray()
	defer w.Release()
	names := []string{"x", "w"}
	inner, err := array.NewStructArray([]arrow.Array{x.Column(0), w}, names)
	require.NoError(t, err)
	defer inner.Release()
	structOf := func(child arrow.Array, bits byte) arrow.Array {
		d := array.NewData(arrow.StructOf(arrow.Field{Name: "s", Type: child.DataType(), Nullable: true}), 6,
			[]*memory.Buffer{memory.NewBufferBytes([]byte{bits})}, []arrow.ArrayData{child.Data()}, array.UnknownNullCount, 0)
		defer d.Release()
		return array.MakeFromData(d)
	}
	middle := structOf(inner, 0b111101)
	defer middle.Release()
	outer := structOf(middle, 0b110111)
	defer outer.Release()
	rec := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "o", Type: outer.DataType()}}, nil), []arrow.Array{outer}, 6)
	defer rec.Release()
	for from := range int64(3) {
		r := rec.NewSlice(from, 6)
		value := Float64s(Field(r, "o.s.s.x"))
		word := Field(r, "o.s.s.w").(*array.String)
		whole := Field(r, "o.s.s").(*array.Struct)
		for i := range int(6 - from) {
			row := int(from) + i
			v, ok := value(i)
			assert.Equal(t, row != 1 && row != 3, ok, "row %d", row)
			assert.EqualValues(t, row, v)
			assert.Equal(t, row != 1 && row != 3 && row != 5, word.IsValid(i), "row %d", row)
			assert.Equal(t, row != 1 && row != 3, whole.IsValid(i))
			assert.Equal(t, string(rune('a' + row))[:min(1, len(word.Value(i)))], word.Value(i))
		}
		assert.Equal(t, map[bool]int{true: 3, false: 2}[from < 2], word.NullN())
		r.Release()
	}
	good := rec.NewSlice(4, 5)
	defer good.Release()
	col := good.Column(0).(*array.Struct).Field(0).(*array.Struct).Field(0).(*array.Struct).Field(1)
	assert.Same(t, col, Field(good, "o.s.s.w"), "no copy where there is nothing to hide")
}

// What counts is the messages, not the buffers that they were cut from.
func TestMessageBytes(t *testing.T) {
	buf := memory.NewBufferBytes(make([]byte, 1<<20))
	b := NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i := range 10 {
		b.Append(Message{Topic: "a long topic", Key: View{buf, 0, 500}, Value: View{buf, 1000 * (i + 1), 1000 * (i + 2)}})
	}
	b.Append(Message{Value: View{buf, 0, 3}})
	b.Append(Message{Value: View{buf, 0, 3}})
	b.Append(Message{})
	rec := b.NewRecord()
	defer rec.Release()
	assert.EqualValues(t, 500+10*1000+3+3, messageBytes(rec), "a key that rows share counts once")
	slice := rec.NewSlice(5, 7)
	defer slice.Release()
	assert.EqualValues(t, 500+2*1000, messageBytes(slice))
	assert.GreaterOrEqual(t, recordsize.Of(rec), int64(1<<20))

	lists := array.NewListBuilder(memory.DefaultAllocator, arrow.BinaryTypes.String)
	defer lists.Release()
	for i := range 4 {
		lists.Append(true)
		for range i {
			lists.ValueBuilder().(*array.StringBuilder).Append("four")
		}
	}
	col := lists.NewArray()
	defer col.Release()
	other := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "l", Type: col.DataType()}, {Name: "m", Type: col.DataType()}}, nil), []arrow.Array{col, col}, 4)
	defer other.Release()
	assert.EqualValues(t, 2*6*4, messageBytes(other))
	last := other.NewSlice(3, 4)
	defer last.Release()
	assert.EqualValues(t, 2*3*4, messageBytes(last))
	none := other.NewSlice(1, 1)
	defer none.Release()
	assert.Zero(t, messageBytes(none))
	n := numberRecord(memory.DefaultAllocator, 1, 2, 3)
	defer n.Release()
	assert.EqualValues(t, 24, messageBytes(n))
}

func TestErrorTexts(t *testing.T) {
	cause := errors.New("disk full")
	e := &BatchError{Batch: 7, Stage: StageWrite, Ranges: []Range{{Partition: "t/0", From: 5, To: 9}}, Err: cause}
	assert.EqualError(t, e, "stream: batch 7 of t/0[5,9): stage: disk full")
	e.Ranges = append(e.Ranges, Range{Partition: "t/1", From: 0, To: ledger.UnknownEnd}, Range{})
	assert.EqualError(t, e, "stream: batch 7 of t/0[5,9) and 2 more: stage: disk full")
	assert.ErrorIs(t, e, cause)
	assert.Equal(t, "t/1[0,…)", e.Ranges[1].String())
	assert.EqualValues(t, ledger.UnknownEnd, e.Ranges[1].Len())
	assert.NoError(t, Permanent(nil))
	assert.ErrorIs(t, Permanent(cause), cause)
	assert.True(t, isPermanent(fmt.Errorf("x: %w", inStage(StageRead, Permanent(cause)))))
	assert.False(t, isPermanent(cause))
	assert.NoError(t, inStage(StageRead, nil))
}

func TestReceiptAll(t *testing.T) {
	r := Receipt{Files: []File{{Path: "a"}}, Parts: []Receipt{{Files: []File{{Path: "b"}, {Path: "c"}}}, {Parts: []Receipt{{Files: []File{{Path: "d"}}}}}}}
	var names []string
	for f := range r.All() {
		names = append(names, f.Path)
	}
	assert.Equal(t, []string{"a", "b", "c", "d"}, names)
	for stop := range 4 {
		n := 0
		for range r.All() {
			if n == stop {
				break
			}
			n++
		}
		assert.Equal(t, stop, n)
	}
}

func TestMessageBuilder(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	b := NewMessageBuilder(mem)
	defer b.Release()
	text := "twelve bytes, and then a longer value that is not inline"
	buf := memory.NewResizableBuffer(mem)
	buf.Resize(len(text))
	copy(buf.Bytes(), text)
	at := time.UnixMilli(1234)
	for range 2 {
		b.Append(Message{Topic: "t", Partition: 3, Offset: 9, Time: at, Key: View{buf, 0, 12}, Value: View{buf, 14, len(text)}})
		b.Append(Message{Topic: "u", Offset: 10, Value: View{buf, 0, 13}})
		b.Append(Message{Topic: "v", Offset: 11, Value: View{buf, 4, 4}})
		b.Append(Message{Topic: "w", Offset: 12})
		assert.Equal(t, 4, b.Len())
		assert.EqualValues(t, len(text)-2+13, b.Bytes())
		rec := b.NewRecord()
		assert.Zero(t, b.Len()+int(b.Bytes()))
		keys, values := rec.Column(ColKey).(*array.BinaryView), rec.Column(ColValue).(*array.BinaryView)
		assert.Equal(t, "twelve bytes", string(keys.Value(0)))
		assert.True(t, keys.IsNull(1) && keys.IsNull(2) && values.IsNull(3))
		assert.Equal(t, text[14:], string(values.Value(0)))
		assert.Equal(t, text[:13], string(values.Value(1)))
		assert.True(t, values.IsValid(2) && len(values.Value(2)) == 0, "empty is not null")
		assert.Equal(t, arrow.Timestamp(1234), rec.Column(ColTime).(*array.Timestamp).Value(0))
		assert.True(t, rec.Column(ColTime).IsNull(1))
		assert.Equal(t, "w", rec.Column(ColTopic).(*array.String).Value(3))
		assert.True(t, rec.Schema().Equal(MessageSchema))
		rec.Release()
	}
	empty := b.NewRecord()
	assert.Zero(t, empty.NumRows())
	empty.Release()
	b.Append(Message{Value: View{buf, 0, 20}}) // released with the builder
	buf.Release()
}

// FuzzRecords folds a plan and a commit of any content.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"batch":1,"ranges":[{"partition":"p","from":0,"to":9}]}`), []byte(`{"batch":1,"accounts":[{"partition":"p","from":0,"to":9,"read":9}]}`))
	f.Fuzz(func(t *testing.T, plan, commit []byte) {
		ctx, s := context.Background(), store.NewMemory()
		l, err := ledger.Open(ctx, s, "ledger", nil)
		require.NoError(t, err)
		s.PutIfAbsent(ctx, "ledger/000000000001.plan", plan)
		s.PutIfAbsent(ctx, "ledger/000000000001.commit", commit)
		p, err := l.Plan(ctx, 1)
		if err != nil {
			return
		}
		c, err := l.Commit(ctx, 1)
		if err != nil {
			return
		}
		state := protocol.New()
		for _, got := range []protocol.Result{{Plan: p}, {Commit: c}, {Done: true}} {
			if err := state.Learn(state.Next(64, nil), got); err != nil {
				return
			}
		}
		choose(&state.Settled, []Extent{extent("p", 0, 100, 0)}, planInput{limits: Limits{}.withDefaults()})
	})
}
