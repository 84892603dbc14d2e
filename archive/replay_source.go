package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

var errSplit = errors.New("archive: a replay is one batch")

// input is a rejected file, and how many of its messages are to be tried again.
type input struct {
	stream.File
	chosen int64
}

// chosen counts the messages of a file that are to be tried again.
func (r *replay) chosen(ctx context.Context, f stream.File) (n int64, err error) {
	for rec, err := range readRejected(ctx, r.st, f, "cause") {
		if err != nil {
			return 0, err
		}
		causes, ok := rec.Column(0).(*array.String)
		if !ok {
			return 0, fmt.Errorf("%s: causes are %v", f.Path, rec.Column(0).DataType())
		}
		for i := range causes.Len() {
			if r.again(causes.Value(i)) {
				n++
			}
		}
	}
	return n, nil
}

// readRejected yields columns of a rejected file, after a look whether it is
// what was committed.
func readRejected(ctx context.Context, st store.Store, f stream.File, columns ...string) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		in, err := st.Open(ctx, f.Path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer in.Close()
		if err := whole(in, f, inspect.Options{}); err != nil {
			yield(nil, fmt.Errorf("%s is damaged: %w: bring it back from a copy", f.Path, err))
			return
		}
		for rec, err := range inspect.Columns(ctx, in, columns...) {
			if err != nil {
				err = fmt.Errorf("%s: %w", f.Path, err)
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// rejectedSource makes messages of rejected files again. Each file is a
// partition, and its rows are numbered. Messages that are not to be tried again
// are rejected as they were.
type rejectedSource struct {
	st     store.Store
	inputs []input
	again  func(cause string) bool
}

// Available implements stream.Source.
func (s *rejectedSource) Available(context.Context) (out []stream.Extent, _ error) {
	for _, f := range s.inputs {
		out = append(out, stream.Extent{Range: stream.Range{Partition: f.Path, To: f.Rows}})
	}
	return out, nil
}

// chunkRows is how many messages are in a chunk. They are slices of a row group,
// whose memory counts once.
const chunkRows = 64

// Read implements stream.Source. All is read whole, or not at all.
func (s *rejectedSource) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		for _, r := range ranges {
			if !s.file(ctx, r, yield) {
				return
			}
		}
	}
}

// rejectedColumns are those of stream.MessageSchema in a rejected file, and the
// cause behind them.
var rejectedColumns = []string{"topic", "partition", "offset", "time", "key", "raw", "cause"}

func (s *rejectedSource) file(ctx context.Context, r stream.Range, yield func(stream.Chunk, error) bool) bool {
	fail := func(err error) bool {
		yield(stream.Chunk{}, err)
		return false
	}
	for _, f := range s.inputs {
		if f.Path != r.Partition {
			continue
		}
		if r.From != 0 || r.To != f.Rows {
			return fail(stream.Permanent(errSplit))
		}
		var next int64
		for rec, err := range readRejected(ctx, s.st, f.File, rejectedColumns...) {
			if err != nil {
				return fail(err)
			}
			messages, err := messagesOf(rec)
			if err != nil {
				return fail(stream.Permanent(fmt.Errorf("%s: %w", f.Path, err)))
			}
			more := s.group(messages, rec, f.Path, &next, yield)
			messages.Release()
			if !more {
				return false
			}
		}
	}
	return true
}

// group yields the messages of a row group, chunk by chunk.
func (s *rejectedSource) group(messages, rec arrow.Record, partition string, next *int64, yield func(stream.Chunk, error) bool) bool {
	causes := rec.Column(len(rejectedColumns) - 1).(*array.String)
	for from := int64(0); from < messages.NumRows(); from += chunkRows {
		to := min(from+chunkRows, messages.NumRows())
		part := messages.NewSlice(from, to)
		c := stream.Chunk{Messages: part, Accounts: []stream.Account{{
			Range: stream.Range{Partition: partition, From: *next, To: *next + to - from}, Read: to - from,
		}}}
		*next += to - from
		for i := from; i < to; i++ {
			if cause := causes.Value(int(i)); !s.again(cause) {
				c.Rejects = append(c.Rejects, stream.Reject{Row: int(i - from), Cause: cmp.Or(cause, "unknown")})
			}
		}
		more := yield(c, nil)
		part.Release()
		if !more {
			return false
		}
	}
	return true
}

// messagesOf makes messages of the columns of a rejected file. Their bytes are
// not copied.
func messagesOf(rec arrow.Record) (arrow.Record, error) {
	if _, ok := rec.Column(len(rejectedColumns) - 1).(*array.String); !ok {
		return nil, errors.New("column cause is no text")
	}
	topic, ok0 := rec.Column(0).(*array.String)
	partition, ok1 := rec.Column(1).(*array.Int32)
	offset, ok2 := rec.Column(2).(*array.Int64)
	time, ok3 := rec.Column(3).(*array.Timestamp)
	key, ok4 := rec.Column(4).(*array.Binary)
	raw, ok5 := rec.Column(5).(*array.Binary)
	if !ok0 || !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return nil, fmt.Errorf("its columns are those of no rejected file: %v", rec.Schema())
	}
	keys, values := bytesOf(key), bytesOf(raw)
	defer keys.Release()
	defer values.Release()
	b := stream.NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i := range int(rec.NumRows()) {
		m := stream.Message{Topic: topic.Value(i), Partition: partition.Value(i), Offset: offset.Value(i),
			Key: viewOf(key, keys, i), Value: viewOf(raw, values, i)}
		if time.IsValid(i) {
			m.Time = time.Value(i).ToTime(time.DataType().(*arrow.TimestampType).Unit)
		}
		b.Append(m)
	}
	return b.NewRecord(), nil
}

// bytesOf is the buffer that a column's values lie in.
func bytesOf(a *array.Binary) *memory.Buffer {
	if buf := a.Data().Buffers()[2]; buf != nil {
		buf.Retain()
		return buf
	}
	return memory.NewBufferBytes(nil)
}

// viewOf is a value where it lies.
func viewOf(a *array.Binary, buf *memory.Buffer, i int) stream.View {
	if a.IsNull(i) {
		return stream.View{}
	}
	return stream.View{Buffer: buf, From: int(a.ValueOffset64(i)), To: int(a.ValueOffset64(i)) + a.ValueLen(i)}
}
