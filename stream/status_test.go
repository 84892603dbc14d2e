package stream

import (
	"context"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// inbox is a source of messages with times. It is a Waiter.
type inbox struct {
	mu     sync.Mutex
	times  map[string][]time.Time // by partition
	listed map[string]int
	more   chan struct{} // closed when something comes in
	asked  int           // calls of Available
	waits  int           // calls of Wait
}

func newInbox(partitions ...string) *inbox {
	in := &inbox{times: map[string][]time.Time{}, listed: map[string]int{}, more: make(chan struct{})}
	for _, p := range partitions {
		in.times[p] = nil
	}
	return in
}

// put adds a message for each time.
func (in *inbox) put(partition string, times ...time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.times[partition] = append(in.times[partition], times...)
	close(in.more)
	in.more = make(chan struct{})
}

func (in *inbox) Available(context.Context) (out []Extent, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.asked++
	for p, times := range in.times {
		in.listed[p] = len(times)
		out = append(out, Extent{Range: Range{Partition: p, To: int64(len(times))}})
	}
	return out, nil
}

func (in *inbox) Wait(ctx context.Context) error {
	in.mu.Lock()
	in.waits++
	in.mu.Unlock()
	for {
		in.mu.Lock()
		more := in.more
		for p, times := range in.times {
			if len(times) > in.listed[p] {
				more = nil
			}
		}
		in.mu.Unlock()
		if more == nil {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (in *inbox) Read(_ context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for _, r := range ranges {
			b := NewMessageBuilder(memory.DefaultAllocator)
			in.mu.Lock()
			for o := r.From; o < r.To; o++ {
				value := memory.NewBufferBytes(make([]byte, 1000))
				b.Append(Message{Topic: r.Partition, Offset: o, Time: in.times[r.Partition][o], Value: View{value, 0, 1000}})
			}
			in.mu.Unlock()
			rec := b.NewRecord()
			more := yield(Chunk{Messages: rec, Accounts: []Account{{Range: r, Read: r.Len()}}}, nil)
			rec.Release()
			b.Release()
			if !more {
				return
			}
		}
	}
}

// held is a source, not a Waiter, that does not read while hold is full.
type held struct {
	Source
	hold chan struct{}
}

func (h held) Read(ctx context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	h.hold <- struct{}{}
	<-h.hold
	return h.Source.Read(ctx, ranges)
}

// discardRows is a sink that forgets its rows.
var discardRows = SinkFunc(func(context.Context, Rows) error { return nil })

// inBackground runs a job until the test ends.
func inBackground(t *testing.T, m *MicroBatch) {
	ctx, cancel := context.WithCancel(context.Background())
	end := make(chan error, 1)
	go func() { end <- m.Run(ctx) }()
	t.Cleanup(func() { cancel(); assert.NoError(t, <-end) })
}

// The lag counts messages until they are published, and knows the age of the
// oldest from the times of messages and of listings.
func TestStatusLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInbox("a", "b")
		begun := time.Now()
		in.put("a", begun.Add(-time.Hour), begun.Add(-time.Minute))
		step, hold := make(chan struct{}), make(chan struct{}, 1)
		m := &MicroBatch{
			Source: held{in, hold}, Log: quiet(), Interval: 10 * time.Second,
			Transforms: []Transform{TransformFunc(func(_ context.Context, in Rows) (Result, error) { <-step; return Pass(in), nil })},
			Sink:       discardRows,
		}
		inBackground(t, m)
		at := func(what string, messages int64, age time.Duration) {
			t.Helper()
			synctest.Wait()
			assert.Equal(t, []Lag{{"a", messages, age}, {"b", 0, 0}}, m.Status().Lag, what)
		}
		at("read, not published", 2, time.Hour)
		time.Sleep(5 * time.Second)
		at("it grows", 2, time.Hour+5*time.Second)
		step <- struct{}{}
		at("published", 0, 0)
		in.put("a", time.Now())
		in.put("a", time.Now().Add(time.Second))
		at("not listed yet", 0, 0)
		time.Sleep(5 * time.Second) // the next plan is due
		at("read", 2, 5*time.Second)
		step <- struct{}{}
		at("published", 0, 0)
		in.put("a", time.Now().Add(time.Hour)) // a wrong clock
		time.Sleep(10 * time.Second)
		step <- struct{}{}
		in.put("a", time.Now())
		hold <- struct{}{}
		time.Sleep(10 * time.Second)
		at("listed, not read", 1, 10*time.Second)
		<-hold
		at("read", 1, 10*time.Second)
		step <- struct{}{}
	})
}

// What has not been read is as old as the last message before it, or as the last
// time when all was published.
func TestLagAge(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		lag  partitionLag
		want time.Duration
	}{
		{partitionLag{}, 0},
		{partitionLag{messages: 1}, unknownAge},
		{partitionLag{messages: 1, after: now.Add(-time.Minute)}, time.Minute},
		{partitionLag{messages: 1, after: now.Add(-time.Minute), oldest: now.Add(-time.Second)}, time.Second},
		{partitionLag{messages: 1, oldest: now.Add(time.Second)}, 0}, // clocks differ
		{partitionLag{oldest: now.Add(-time.Second)}, 0},
	} {
		assert.Equal(t, c.want, c.lag.age(now))
	}
}

// Messages that have not been read came after the last listing of which all has
// been published.
func TestLagAfterListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m meter
		m.begin()
		list := func(c *protocol.Coverage, to int64) Lag {
			m.listed([]Extent{{Range: Range{Partition: "a", To: to}}, {Range: Range{Partition: "b"}, AssignedElsewhere: true}}, c, time.Now())
			time.Sleep(time.Minute)
			require.Len(t, m.status().Lag, 1, "b is not for this process")
			return m.status().Lag[0]
		}
		assert.Equal(t, Lag{"a", 0, 0}, list(new(protocol.Coverage), 0))
		assert.Equal(t, Lag{"a", 5, 2 * time.Minute}, list(new(protocol.Coverage), 5))
		done := Account{Range: Range{Partition: "a", To: 5}, Read: 5}
		m.planDone(&ledger.Plan{Ranges: []Range{done.Range}}, &ledger.Commit{Accounts: []Account{done}})
		assert.Equal(t, Lag{"a", 0, 0}, m.status().Lag[0])
		settled := new(protocol.Coverage)
		require.NoError(t, settled.Settle(done))
		assert.Equal(t, Lag{"a", 2, 2 * time.Minute}, list(settled, 7))
		assert.Equal(t, Lag{"a", 2, 3 * time.Minute}, list(settled, 7))
	})
}

// A backlog has an unknown age until its first message has been read, and then
// the time of the last one that was published.
func TestStatusBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInbox()
		begun := time.Now()
		for i := range 30 {
			in.put("a", begun.Add(time.Duration(i-3600)*time.Second))
		}
		m := &MicroBatch{Source: in, Log: quiet(), Limits: Limits{Rows: 10}, Sink: discardRows}
		var lags []Lag
		m.Observe = func(v Event) {
			if s := m.Status(); v.Kind == EventPublished || v.Kind == EventBegin && v.Stage == StageRead && v.Batch == 1 {
				lags = append(lags, s.Lag...)
			}
		}
		require.NoError(t, m.Drain(t.Context()))
		assert.Equal(t, []Lag{{"a", 30, unknownAge}, {"a", 20, 3591 * time.Second}, {"a", 10, 3581 * time.Second}, {"a", 0, 0}}, lags)
	})
}

func TestStatusRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing sync.Mutex
		fails := true
		s := store.NewMemory()
		m := newJob(t, &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 5}, chunk: 5}, s)
		m.Retry = Retry{Tries: 100, Min: time.Second, Max: 8 * time.Second}
		m.Sink = &failingSink{m.Sink, func() error {
			failing.Lock()
			defer failing.Unlock()
			if fails {
				return errFault
			}
			return nil
		}, nil}
		assert.Zero(t, m.Status().Stage, "it does not run")
		inBackground(t, m)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		st := m.Status()
		assert.Equal(t, []any{StageWrite, int64(1)}, []any{st.Stage, st.Batch})
		assert.Greater(t, st.Tries, 2)
		assert.Less(t, st.Tries, 10)
		assert.Greater(t, st.NextTry, st.Time)
		assert.Equal(t, errFault, st.LastError.Err)
		assert.Equal(t, st.Tries, st.LastError.Tries)
		assert.LessOrEqual(t, st.Time.Sub(st.LastError.Time), 8*time.Second)
		failing.Lock()
		fails = false
		failing.Unlock()
		time.Sleep(8 * time.Second)
		synctest.Wait()
		st = m.Status()
		assert.Equal(t, []any{StageWait, int64(2), 0, time.Time{}}, []any{st.Stage, st.Batch, st.Tries, st.NextTry})
		assert.Equal(t, errFault, st.LastError.Err, "until another one")
		assert.EqualValues(t, 1, st.Progress.Batches)
	})
}

// What hangs is the Stage, although the stages of an attempt overlap.
func TestStatusStage(t *testing.T) {
	for _, stage := range []Stage{StagePlan, StageRead, StageTransform, StageWrite, StageCommit, StagePublish} {
		t.Run(string(stage), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store.NewMemory()
				hang := make(chan struct{})
				wait := func() error { <-hang; return nil }
				src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 15}, chunk: 5}
				m := newJob(t, src, s)
				record := map[Stage]string{StagePlan: "plan", StageCommit: "commit"}[stage]
				switch stage {
				case StagePlan, StageCommit:
					m.Ledger = openThrough(t, s, &faultstore.Store{Store: s, Before: func(op faultstore.Op) error {
						if op.Kind == faultstore.PutIfAbsent && op.Name == "ledger/000000000001."+record {
							return wait()
						}
						return nil
					}})
				case StageRead:
					src.fault = func(_ int, at int64) error {
						if at == 10 {
							return wait()
						}
						return nil
					}
				case StageTransform:
					m.Transforms = append(m.Transforms, TransformFunc(func(_ context.Context, in Rows) (Result, error) {
						if numbersOf(in.Record)[0] >= 10 {
							<-hang
						}
						return Pass(in), nil
					}))
				case StageWrite:
					m.Sink = &failingSink{m.Sink, wait, nil}
				case StagePublish:
					m.Sink = &failingSink{m.Sink, nil, wait}
				}
				inBackground(t, m)
				synctest.Wait()
				since := time.Now()
				time.Sleep(time.Minute)
				st := m.Status()
				assert.Equal(t, []any{stage, int64(1), since}, []any{st.Stage, st.Batch, st.Since})
				close(hang)
				synctest.Wait()
				assert.Equal(t, StageWait, m.Status().Stage)
			})
		})
	}
}

// A sink that hangs is the Stage, also if nothing else may be read meanwhile.
func TestStatusStageWhenFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		m := &MicroBatch{
			Source: &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 15}, chunk: 5}, Log: quiet(), Limits: Limits{InFlight: 1},
			Sink: SinkFunc(func(context.Context, Rows) error { <-hang; return nil }),
		}
		inBackground(t, m)
		time.Sleep(time.Minute)
		synctest.Wait()
		st := m.Status()
		assert.Equal(t, []any{StageWrite, st.Time.Add(-time.Minute)}, []any{st.Stage, st.Since})
		close(hang)
	})
}

func TestStatusRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInbox("a")
		m := &MicroBatch{Source: in, Log: quiet(), Sink: discardRows}
		inBackground(t, m)
		for range 200 {
			time.Sleep(500 * time.Millisecond)
			in.put("a", time.Now(), time.Now())
		}
		synctest.Wait()
		for _, r := range []Rate{m.Status().ReadRate, m.Status().PublishRate} {
			assert.InDelta(t, 4, r.Messages, 0.1)
			assert.InDelta(t, 4000, r.Bytes, 100)
		}
		time.Sleep(30 * time.Second)
		assert.InDelta(t, 2, m.Status().ReadRate.Messages, 0.1)
		time.Sleep(31 * time.Second)
		assert.Zero(t, m.Status().ReadRate)
	})
}

func TestMeanRate(t *testing.T) {
	var r meanRate
	r.add(0, 10, 100)
	assert.Equal(t, Rate{10, 100}, r.mean(time.Millisecond), "at least a second")
	assert.Equal(t, Rate{5, 50}, r.mean(2*time.Second))
	assert.Equal(t, Rate{0, 0}, r.mean(60*time.Second))
	r.add(60*time.Second, 30, 300) // in the slot of the first
	assert.Equal(t, Rate{0.5, 5}, r.mean(61*time.Second-1).rounded())
}

func (r Rate) rounded() Rate {
	return Rate{float64(int(r.Messages*10+0.5)) / 10, float64(int(r.Bytes + 0.5))}
}

// Status may be called from any goroutine.
func TestStatusConcurrently(t *testing.T) {
	in := newInbox("a", "b")
	for i := range 500 {
		in.put([]string{"a", "b"}[i%2], time.Now())
	}
	m := &MicroBatch{Source: in, Log: quiet(), Limits: Limits{Rows: 7}, Sink: discardRows}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					m.Status()
					m.Progress()
				}
			}
		})
	}
	require.NoError(t, m.Drain(t.Context()))
	close(stop)
	readers.Wait()
	assert.EqualValues(t, 500, m.Status().Progress.Read)
	assert.Empty(t, m.Status().Stage)
}
