package stream

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// blocked is a counter that cannot read one partition from an offset on.
type blocked struct {
	*counter
	partition string
	at        atomic.Int64 // −1 if it can
	tries     atomic.Int64
}

func newBlocked(c *counter, partition string, at int64) *blocked {
	s := &blocked{counter: c, partition: partition}
	s.at.Store(at)
	return s
}

func (s *blocked) Read(ctx context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		at := s.at.Load()
		for _, r := range ranges {
			cut := r
			if r.Partition == s.partition && at >= 0 {
				cut.To = at
			}
			if cut.From < cut.To && !s.readRange(1, cut, yield) {
				return
			}
			if cut.To < r.To {
				s.tries.Add(1)
				rest := Range{Partition: r.Partition, From: max(r.From, at), To: r.To}
				if !yield(Chunk{}, &UnreadableError{rest, &fs.PathError{Op: "open", Path: r.Partition, Err: fs.ErrPermission}}) {
					return
				}
			}
		}
	}
}

// What cannot be read keeps nothing else from being processed, and a drain says
// that it is not complete.
func TestUnreadablePartition(t *testing.T) {
	for _, open := range []bool{false, true} {
		s := store.NewMemory()
		src := newBlocked(&counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 30, "1": 40, "2": 20}, chunk: 5, open: open}, "1", 10)
		job := newJob(t, src, s)
		job.Limits.Rows = 25
		err := job.Drain(t.Context())
		require.ErrorIs(t, err, fs.ErrPermission)
		assert.ErrorContains(t, err, "open 1: ")
		assert.EqualValues(t, 60, job.Progress().Read, "everything else")
		src.at.Store(-1)
		again := newJob(t, src, s)
		require.NoError(t, again.Drain(t.Context()))
		assert.EqualValues(t, 30, again.Progress().Read, "and the rest later, once")
	}
}

// A service tries again, ever more rarely, and warns once.
func TestUnreadableIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newBlocked(&counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 30, "1": 40}, chunk: 5}, "1", 0)
		var log strings.Builder
		job := newJob(t, src, store.NewMemory())
		job.Interval, job.Log = time.Second, slog.New(slog.NewTextHandler(&log, nil))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- job.Run(ctx) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.EqualValues(t, 30, job.Progress().Read)
		assert.Less(t, src.tries.Load(), int64(6))
		assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
		src.at.Store(-1)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		assert.EqualValues(t, 70, job.Progress().Read)
		assert.Equal(t, 2, strings.Count(log.String(), "level=WARN"), log.String())
		stop()
		assert.NoError(t, <-done)
	})
}

// A batch without its only partition is decided too.
func TestNothingReadable(t *testing.T) {
	s := store.NewMemory()
	src := newBlocked(&counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"1": 40}, chunk: 5}, "1", 0)
	require.ErrorAs(t, newJob(t, src, s).Drain(t.Context()), new(*UnreadableError))
	src.at.Store(-1)
	job := newJob(t, src, s)
	require.NoError(t, job.Drain(t.Context()))
	assert.EqualValues(t, 40, job.Progress().Read)
}

// A source is not asked for the rest of a partition that another source began.
func TestRestOfAnotherSource(t *testing.T) {
	var c protocol.Coverage
	require.NoError(t, fold(&c, &ledger.Plan{Ranges: []Range{{Partition: "/data/x.avro", To: ledger.UnknownEnd}}}))
	require.NoError(t, c.Settle(Account{Range: Range{Partition: "/data/x.avro", To: 3}}))
	in := planInput{limits: Limits{}.withDefaults(), owns: func(p string) bool { return p[0] != '/' }}
	ranges, _, _, err := choose(&c, []Extent{{Range: Range{Partition: "k", To: 5}}}, in)
	require.NoError(t, err)
	assert.Equal(t, []Range{{Partition: "k", To: 5}}, ranges)
}

func TestForeignIsPermanent(t *testing.T) {
	s := store.NewMemory()
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 30}, chunk: 5}
	tries := 0
	src.fault = func(int, int64) error { tries++; return &ForeignError{"0"} }
	err := newJob(t, src, s).Drain(t.Context())
	var foreign *ForeignError
	require.True(t, errors.As(err, &foreign))
	assert.Equal(t, 1, tries)
	assert.ErrorContains(t, err, "0 belongs to another source: a job with that source planned it")
}
