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
	"github.com/skyfinch/skyfinch/internal/chunk"
	"github.com/skyfinch/skyfinch/internal/ocf"
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

// countChosen returns the number of messages of a file to try again.
func (r *replay) countChosen(ctx context.Context, f ledger.File) (n int64, err error) {
	for rec, err := range readRejected(ctx, r.rewriter.store, f, "cause") {
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

// Read implements stream.Source. It reads whole files only.
func (s *rejectedSource) Read(ctx context.Context, ranges []ledger.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		out := chunk.NewBuilder(memory.DefaultAllocator, chunk.DefaultRows, chunk.DefaultBytes, chunk.Yield(ctx, yield))
		defer out.Release()
		if err := s.read(ctx, ranges, out); err != nil && err != chunk.ErrStopped {
			yield(stream.Chunk{}, err)
		}
	}
}

func (s *rejectedSource) read(ctx context.Context, ranges []ledger.Range, out *chunk.Builder) error {
	for _, r := range ranges {
		if err := s.readFile(ctx, r, out); err != nil {
			return err
		}
	}
	return nil
}

// rejectedColumns are the columns of stream.MessageSchema in a rejected file,
// followed by the cause.
var rejectedColumns = []string{"topic", "partition", "offset", "time", "key", "raw", "cause"}

func (s *rejectedSource) readFile(ctx context.Context, r ledger.Range, out *chunk.Builder) error {
	for _, f := range s.inputs {
		if f.Path != r.Partition {
			continue
		}
		if r.From != 0 || r.To != f.Rows {
			return stream.Permanent(errSplit)
		}
		var next int64
		for rec, err := range readRejected(ctx, s.store, f.File, rejectedColumns...) {
			if errors.Is(err, fs.ErrNotExist) { // another replay has replaced it
				err = stream.Permanent(err)
			}
			if err != nil {
				return err
			}
			m, err := newRejectedRows(rec)
			if err != nil {
				return stream.Permanent(fmt.Errorf("%s: %w", f.Path, err))
			}
			err = s.add(out, m, r, &next)
			m.release()
			if err == nil {
				err = out.Flush() // before the memory for the next rows is taken
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// maxWeight bounds the weight of a message: decoders decompress no more.
const maxWeight = 64 << 20

// add adds rejected messages to the next chunks.
func (s *rejectedSource) add(out *chunk.Builder, rows *rejectedRows, r ledger.Range, next *int64) error {
	for i := range rows.causes.Len() {
		m := rows.message(i)
		size, weight := int64(m.Key.To-m.Key.From+m.Value.To-m.Value.From), int64(0)
		cause := rows.causes.Value(i)
		again := s.choose(cause)
		if again && m.Value.Buffer != nil {
			weight = ocf.WeightOf(m.Value.Buffer.Bytes()[m.Value.From:m.Value.To], maxWeight)
		}
		if err := out.Add(m, size, weight); err != nil {
			return err
		}
		if !again {
			out.Reject(cmp.Or(cause, "unknown"))
		}
		a := out.Account(r, *next)
		a.To++
		a.Read++
		*next++
	}
	return nil
}

// rejectedRows are rows of a rejected file. Their keys and values are not copied.
type rejectedRows struct {
	topic        *array.String
	partition    *array.Int32
	offset       *array.Int64
	time         *array.Timestamp
	key, raw     *array.Binary
	causes       *array.String
	keys, values *memory.Buffer
}

// newRejectedRows returns the rows of a record of the rejectedColumns, which must
// be released.
func newRejectedRows(rec arrow.Record) (*rejectedRows, error) {
	r := new(rejectedRows)
	var ok [7]bool
	r.topic, ok[0] = rec.Column(0).(*array.String)
	r.partition, ok[1] = rec.Column(1).(*array.Int32)
	r.offset, ok[2] = rec.Column(2).(*array.Int64)
	r.time, ok[3] = rec.Column(3).(*array.Timestamp)
	r.key, ok[4] = rec.Column(4).(*array.Binary)
	r.raw, ok[5] = rec.Column(5).(*array.Binary)
	r.causes, ok[6] = rec.Column(6).(*array.String)
	if ok != [7]bool{true, true, true, true, true, true, true} {
		return nil, fmt.Errorf("its columns are not those of a rejected file: %v", rec.Schema())
	}
	r.keys, r.values = bytesOf(r.key), bytesOf(r.raw)
	return r, nil
}

func (r *rejectedRows) release() {
	r.keys.Release()
	r.values.Release()
}

func (r *rejectedRows) message(i int) stream.Message {
	m := stream.Message{Topic: r.topic.Value(i), Partition: r.partition.Value(i), Offset: r.offset.Value(i),
		Key: viewOf(r.key, r.keys, i), Value: viewOf(r.raw, r.values, i)}
	if r.time.IsValid(i) {
		m.Time = r.time.Value(i).ToTime(r.time.DataType().(*arrow.TimestampType).Unit)
	}
	return m
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
