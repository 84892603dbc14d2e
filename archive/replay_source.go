package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

var errSplit = errors.New("archive: a replay is one batch")

// input is a rejected file and the number of its messages to try again.
type input struct {
	ledger.File
	chosen int64
}

// countChosen counts the messages of a file to try again.
func (r *replay) countChosen(ctx context.Context, f ledger.File) (n int64, err error) {
	for rec, err := range readRejected(ctx, r.store, f, "cause") {
		if err != nil {
			return 0, err
		}
		causes, ok := rec.Column(0).(*array.String)
		if !ok {
			return 0, fmt.Errorf("%s: column cause is %v, not text", f.Path, rec.Column(0).DataType())
		}
		for i := range causes.Len() {
			if r.choose(causes.Value(i)) {
				n++
			}
		}
	}
	return n, nil
}

// readRejected yields columns of a rejected file, after it has compared the file
// with its entry in the commit.
func readRejected(ctx context.Context, st store.Store, f ledger.File, columns ...string) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		in, err := st.Open(ctx, f.Path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer in.Close()
		if err := layout.CheckFile(in, f, inspect.Options{}); err != nil {
			yield(nil, fmt.Errorf("%s is damaged: %w: restore it from a copy", f.Path, err))
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

// rejectedSource is a source of the messages of rejected files. Each file is a
// partition, whose offsets are the numbers of its rows. Messages not to be tried
// again are rejected with their cause.
type rejectedSource struct {
	store  store.Store
	inputs []input
	choose func(cause string) bool
}

// Available implements stream.Source.
func (s *rejectedSource) Available(context.Context) (out []stream.Extent, _ error) {
	for _, f := range s.inputs {
		out = append(out, stream.Extent{Range: ledger.Range{Partition: f.Path, To: f.Rows}})
	}
	return out, nil
}

// chunkRows is the number of messages in a chunk, which is a slice of a row
// group.
const chunkRows = 64

// Read implements stream.Source. It reads whole files only.
func (s *rejectedSource) Read(ctx context.Context, ranges []ledger.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		for _, r := range ranges {
			if !s.readFile(ctx, r, yield) {
				return
			}
		}
	}
}

// rejectedColumns are the columns of stream.MessageSchema in a rejected file,
// followed by the cause.
var rejectedColumns = []string{"topic", "partition", "offset", "time", "key", "raw", "cause"}

func (s *rejectedSource) readFile(ctx context.Context, r ledger.Range, yield func(stream.Chunk, error) bool) bool {
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
		for rec, err := range readRejected(ctx, s.store, f.File, rejectedColumns...) {
			if errors.Is(err, fs.ErrNotExist) { // another replay has replaced it
				err = stream.Permanent(err)
			}
			if err != nil {
				return fail(err)
			}
			messages, err := messagesOf(rec)
			if err != nil {
				return fail(stream.Permanent(fmt.Errorf("%s: %w", f.Path, err)))
			}
			more := s.yieldChunks(messages, rec, f.Path, &next, yield)
			messages.Release()
			if !more {
				return false
			}
		}
	}
	return true
}

// yieldChunks yields the messages of a row group, chunk by chunk.
func (s *rejectedSource) yieldChunks(messages, rec arrow.Record, partition string, next *int64, yield func(stream.Chunk, error) bool) bool {
	causes := rec.Column(len(rejectedColumns) - 1).(*array.String)
	for from := int64(0); from < messages.NumRows(); from += chunkRows {
		to := min(from+chunkRows, messages.NumRows())
		slice := messages.NewSlice(from, to)
		c := stream.Chunk{Messages: slice, Accounts: []ledger.Account{{
			Range: ledger.Range{Partition: partition, From: *next, To: *next + to - from}, Read: to - from,
		}}}
		*next += to - from
		for i := from; i < to; i++ {
			if cause := causes.Value(int(i)); !s.choose(cause) {
				c.Rejects = append(c.Rejects, stream.Reject{Row: int(i - from), Cause: cmp.Or(cause, "unknown")})
			}
		}
		more := yield(c, nil)
		slice.Release()
		if !more {
			return false
		}
	}
	return true
}

// messagesOf makes messages of the rejectedColumns of a file. Keys and values are
// not copied.
func messagesOf(rec arrow.Record) (arrow.Record, error) {
	if _, ok := rec.Column(len(rejectedColumns) - 1).(*array.String); !ok {
		return nil, errors.New("column cause is not text")
	}
	topic, ok0 := rec.Column(0).(*array.String)
	partition, ok1 := rec.Column(1).(*array.Int32)
	offset, ok2 := rec.Column(2).(*array.Int64)
	time, ok3 := rec.Column(3).(*array.Timestamp)
	key, ok4 := rec.Column(4).(*array.Binary)
	raw, ok5 := rec.Column(5).(*array.Binary)
	if !ok0 || !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return nil, fmt.Errorf("its columns are not those of a rejected file: %v", rec.Schema())
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

// bytesOf returns the buffer that holds a column's values.
func bytesOf(a *array.Binary) *memory.Buffer {
	if buf := a.Data().Buffers()[2]; buf != nil {
		buf.Retain()
		return buf
	}
	return memory.NewBufferBytes(nil)
}

// viewOf returns a value as a view of the buffer.
func viewOf(a *array.Binary, buf *memory.Buffer, i int) stream.View {
	if a.IsNull(i) {
		return stream.View{}
	}
	return stream.View{Buffer: buf, From: int(a.ValueOffset64(i)), To: int(a.ValueOffset64(i)) + a.ValueLen(i)}
}
