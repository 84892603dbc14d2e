package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// The default times of Takeover.
const (
	takeoverAfter    = 5 * time.Second
	pollInterval     = 500 * time.Millisecond
	peerPollInterval = time.Second
)

// counter is a source whose message values are 1000·partition + offset. Chunk
// bounds are the multiples of chunk.
type counter struct {
	mem   memory.Allocator
	sizes map[string]int64 // by partition "0" to "9"
	open  bool             // the ends of partitions are unknown
	chunk int64

	mu     sync.Mutex
	reads  int
	fault  func(read int, at int64) error // before a chunk is yielded
	starts map[string]int64
}

func (s *counter) Available(context.Context) (out []Extent, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range 10 {
		p := fmt.Sprint(i)
		size, ok := s.sizes[p]
		if !ok {
			continue
		}
		e := Extent{Range: Range{Partition: p, To: size}, Start: s.starts[p]}
		if s.open {
			e.To = ledger.UnknownEnd
		}
		out = append(out, e)
	}
	return out, nil
}

func (s *counter) set(p string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes[p] = size
}

func (s *counter) Read(_ context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		s.mu.Lock()
		s.reads++
		read := s.reads
		s.mu.Unlock()
		for _, r := range ranges {
			if !s.readRange(read, r, yield) {
				return
			}
		}
	}
}

func (s *counter) readRange(read int, r Range, yield func(Chunk, error) bool) bool {
	s.mu.Lock()
	size := s.sizes[r.Partition]
	s.mu.Unlock()
	for from := r.From; from < min(r.To, size); {
		to := min((from/s.chunk+1)*s.chunk, r.To, size)
		if s.fault != nil {
			if err := s.fault(read, from); err != nil {
				yield(Chunk{}, err)
				return false
			}
		}
		rec := s.record(r.Partition, from, to)
		a := Account{Range: Range{Partition: r.Partition, From: from, To: to}, Read: to - from, End: s.open && to == size}
		more := yield(Chunk{Messages: rec, Accounts: []Account{a}}, nil)
		rec.Release()
		if !more {
			return false
		}
		from = to
	}
	if s.open && r.From >= size {
		return yield(Chunk{Accounts: []Account{{Range: Range{Partition: r.Partition, From: r.From, To: r.From}, End: true}}}, nil)
	}
	return true
}

func (s *counter) record(p string, from, to int64) arrow.Record {
	values := make([]int64, 0, to-from)
	for o := from; o < to; o++ {
		values = append(values, int64(p[0]-'0')*1000+o)
	}
	return numberRecord(s.mem, values...)
}

var numberSchema = arrow.NewSchema([]arrow.Field{{Name: "value", Type: arrow.PrimitiveTypes.Int64}}, nil)

func numberRecord(mem memory.Allocator, values ...int64) arrow.Record {
	b := array.NewRecordBuilder(mem, numberSchema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(values, nil)
	return b.NewRecord()
}

func numbersOf(r arrow.Record) []int64 {
	return Field(r, "value").(*array.Int64).Int64Values()
}

// jsonSink stages the numbers of a batch as a JSON file.
type jsonSink struct {
	store store.Store
	name  string
}

func (s *jsonSink) Stage(ctx context.Context, b Batch) (Receipt, error) {
	all := []int64{}
	for rows, err := range b.Rows {
		if err != nil {
			return Receipt{}, err
		}
		col := rows.Record.Column(int(rows.Record.NumCols()) - 1).(*array.Int64)
		all = append(all, col.Int64Values()...)
	}
	if len(all) == 0 {
		return Receipt{}, nil
	}
	f := File{
		StagedPath: fmt.Sprintf("staging/%s/%d/%s", s.name, b.Number, b.Attempt),
		Path:       fmt.Sprintf("%s/%s-%06d", s.name, b.Ledger, b.Number), Rows: int64(len(all)),
	}
	data, err := json.Marshal(all)
	if err != nil {
		return Receipt{}, err
	}
	f.Bytes = int64(len(data))
	w, err := s.store.Stage(ctx, f.StagedPath, f.Path)
	if err != nil {
		return Receipt{}, err
	}
	if _, err := w.Write(data); err != nil {
		w.Abort()
		return Receipt{}, err
	}
	return Receipt{Files: []File{f}}, w.Close()
}

func (s *jsonSink) Publish(ctx context.Context, _ BatchID, r Receipt) error {
	for f := range r.All() {
		if err := s.store.Publish(ctx, f.StagedPath, f.Path, f.Bytes); err != nil {
			return err
		}
	}
	return nil
}

func (s *jsonSink) Discard(ctx context.Context, r Receipt) {
	for f := range r.All() {
		s.store.Delete(ctx, f.StagedPath)
	}
}

func (s *jsonSink) Sweep(ctx context.Context, id BatchID) error {
	for e, err := range s.store.List(ctx, fmt.Sprintf("staging/%s/%d/", s.name, id.Number)) {
		if err != nil {
			return err
		}
		if err := s.store.Delete(ctx, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// published returns the numbers in the files of a directory, in the order of the
// batches.
func published(t *testing.T, s store.Store, name string) (all []int64) {
	for e, err := range s.List(context.Background(), name+"/") {
		require.NoError(t, err)
		data, err := s.Get(context.Background(), e.Name)
		require.NoError(t, err)
		var some []int64
		require.NoError(t, json.Unmarshal(data, &some))
		all = append(all, some...)
	}
	return all
}

// kind rejects numbers that end in 3, and drops those that end in 7.
func kind(_ context.Context, in Rows) (Result, error) {
	values := numbersOf(in.Record)
	out := Filter(in, func(row int) bool { return values[row]%10 != 3 && values[row]%10 != 7 })
	for i, v := range values {
		if v%10 == 3 {
			out.Rejects = append(out.Rejects, Reject{Row: i, Cause: "three"})
		}
	}
	return out, nil
}

var quick = Retry{Tries: 3, Min: time.Nanosecond, Max: time.Nanosecond}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// onPublished returns an observer that calls f after each publication.
func onPublished(f func()) func(Event) {
	return func(v Event) {
		if v.Kind == EventPublished {
			f()
		}
	}
}

// redirected is a store that can be exchanged while a ledger uses it.
type redirected struct{ store.Records }

// openThrough opens a ledger in s, which from then on reads and writes through
// another store.
func openThrough(t *testing.T, s, through store.Store) *ledger.Ledger {
	r := &redirected{s}
	l, err := ledger.Open(context.Background(), r, "ledger", nil)
	require.NoError(t, err)
	r.Records = through
	return l
}

// newJob returns a MicroBatch with small batches, alone on its ledger.
func newJob(t *testing.T, src Source, s store.Store) *MicroBatch {
	l, err := ledger.Open(context.Background(), s, "ledger", nil)
	require.NoError(t, err)
	return &MicroBatch{
		Source: src, Transforms: []Transform{TransformFunc(kind)}, Ledger: l,
		Sink: &jsonSink{s, "rows"}, Rejects: &jsonSink{s, "rejected"},
		Limits: Limits{Rows: 20}, Workers: 3, Retry: quick, Log: quiet(), Alone: true,
	}
}

// checkArchive requires that every message is where it belongs, once and in order
// within its partition, and that the accounts agree.
func checkArchive(t *testing.T, s store.Store, sizes map[string]int64) {
	t.Helper()
	last := map[int64]int64{}
	for _, v := range published(t, s, "rows") {
		before, seen := last[v/1000]
		require.True(t, !seen || before < v, "%d comes after %d", v, before)
		last[v/1000] = v
	}
	checkContent(t, s, sizes)
}

// checkContent is checkArchive without the order, which several processes need
// not keep.
func checkContent(t *testing.T, s store.Store, sizes map[string]int64) {
	t.Helper()
	l, err := ledger.Open(context.Background(), s, "ledger", nil)
	require.NoError(t, err)
	var sum Account
	for rec, err := range l.Batches(context.Background(), 1) {
		require.NoError(t, err)
		if rec.Commit == nil {
			continue
		}
		for _, a := range rec.Commit.Accounts {
			require.NoError(t, a.Check())
			require.Equal(t, a.Read, a.Written+a.Rejected+a.Dropped)
			sum.Add(a)
		}
	}
	var rows, rejects []int64
	var all int64
	for i := range 10 {
		all += sizes[fmt.Sprint(i)]
		for o := range sizes[fmt.Sprint(i)] {
			switch v := int64(i)*1000 + o; v % 10 {
			case 3:
				rejects = append(rejects, v)
			case 7:
			default:
				rows = append(rows, v)
			}
		}
	}
	require.ElementsMatch(t, rows, published(t, s, "rows"))
	require.ElementsMatch(t, rejects, published(t, s, "rejected"))
	require.Equal(t, []int64{all, int64(len(rows)), int64(len(rejects))}, []int64{sum.Read, sum.Written, sum.Rejected})
	require.Empty(t, published(t, s, "staging"), "staging is empty")
}
