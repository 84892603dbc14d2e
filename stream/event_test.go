package stream

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/internal/attempts"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// record makes a job collect its events, and returns a function that returns them
// and forgets them.
func record(m *MicroBatch) func() []Event {
	var mu sync.Mutex
	var all []Event
	m.Observe = func(v Event) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, v)
	}
	return func() []Event {
		mu.Lock()
		defer mu.Unlock()
		out := all
		all = nil
		return out
	}
}

// brief describes events without their times.
func brief(events []Event) (out []string) {
	for _, v := range events {
		text := fmt.Sprint(v.Kind, " ", v.Batch)
		if v.Stage != "" {
			text += " " + string(v.Stage)
		}
		if v.Err != nil {
			text += ": " + v.Err.Error()
		}
		if v.Cause != "" {
			text += fmt.Sprint(" ", v.Cause, " ", v.Counts.Rejected)
		}
		out = append(out, text)
	}
	return out
}

// both are the events of one stage that succeeds at once.
func both(batch int, stage Stage) []string {
	return []string{fmt.Sprint("begin ", batch, " ", stage), fmt.Sprint("end ", batch, " ", stage)}
}

func concat(lists ...[]string) (out []string) {
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// batchEvents are the events of a batch that succeeds at once, with some rejects.
func batchEvents(n, rejected int) []string {
	p := both(n, StagePublish)
	return concat(both(n, StagePlan),
		[]string{fmt.Sprint("begin ", n, " read"), fmt.Sprint("begin ", n, " transform"), fmt.Sprint("begin ", n, " stage")},
		[]string{fmt.Sprint("end ", n, " read"), fmt.Sprint("end ", n, " transform"), fmt.Sprint("end ", n, " stage")},
		both(n, StageCommit), p[:1], []string{fmt.Sprint("reject ", n, " three ", rejected), fmt.Sprint("published ", n)}, p[1:])
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 40}, chunk: 10}
		m := newJob(t, src, store.NewMemory())
		m.SnapshotEvery = 2
		src.fault = func(int, int64) error { time.Sleep(time.Second); return nil }
		m.Transforms = append(m.Transforms, timed(100*time.Millisecond))
		events := record(m)
		require.NoError(t, m.Drain(t.Context()))
		all := events()
		assert.Equal(t, concat(batchEvents(1, 2), batchEvents(2, 2), both(2, StageSnapshot), both(3, StagePlan), []string{"stop 0"}), brief(all))
		last := all[0].Time
		for _, v := range all {
			assert.False(t, v.Time.Before(last), "in order")
			last = v.Time
			switch {
			case v.Kind == EventEnd && v.Stage == StageRead:
				assert.Equal(t, []time.Duration{2 * time.Second, 2 * time.Second}, []time.Duration{v.Duration, v.Busy})
				assert.Equal(t, Counts{Read: 20, BytesIn: 160}, v.Counts)
			case v.Kind == EventEnd && v.Stage == StageTransform:
				assert.Positive(t, v.Busy)
				assert.GreaterOrEqual(t, v.Duration, 2*time.Second)
			case v.Kind == EventEnd && v.Stage == StageWrite:
				assert.Zero(t, v.Busy, "a sink that takes no time")
			case v.Kind == EventPublished:
				assert.Equal(t, []int64{20, 16, 2, 2, 2, 160}, []int64{v.Counts.Read, v.Counts.Written, v.Counts.Rejected, v.Counts.Dropped, v.Counts.Files, v.Counts.BytesIn})
			}
		}
		assert.EqualValues(t, 40, m.Progress().Read)
	})
}

// While there is nothing to do, one event says so, and the job's end is one.
func TestEventsOfWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{}, chunk: 10}
		m := newJob(t, src, store.NewMemory())
		events := record(m)
		require.NoError(t, m.Run(ctx))
		plan, wait := both(1, StagePlan), both(1, StageWait)
		want := concat(plan, wait, plan, wait, plan, wait)
		want[len(want)-1] += ": context deadline exceeded"
		assert.Equal(t, append(want, "stop 0: context deadline exceeded"), brief(events()))
	})
}

// A stage that fails says so, the others of its attempt were cut short, and the
// next attempt has stages of its own.
func TestEventsOfRetry(t *testing.T) {
	for stage, fail := range map[Stage]func(m *MicroBatch, err func() error){
		StageRead: func(m *MicroBatch, err func() error) {
			m.Source.(*counter).fault = func(int, int64) error { return err() }
		},
		StageTransform: func(m *MicroBatch, err func() error) {
			m.Transforms = []Transform{TransformFunc(func(_ context.Context, in Rows) (Result, error) { return Pass(in), err() })}
		},
		StageWrite:   func(m *MicroBatch, err func() error) { m.Sink = &failingSink{m.Sink, err, nil} },
		StagePublish: func(m *MicroBatch, err func() error) { m.Sink = &failingSink{m.Sink, nil, err} },
	} {
		for _, fatal := range []bool{false, true} {
			t.Run(fmt.Sprint(stage, " fatal=", fatal), func(t *testing.T) {
				m := newJob(t, &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 5}, chunk: 5}, store.NewMemory())
				fails := 1
				if fatal {
					fails = 3
				}
				fail(m, func() error {
					if fails--; fails >= 0 {
						return errFault
					}
					return nil
				})
				events := record(m)
				if err := m.Drain(t.Context()); fatal {
					require.ErrorIs(t, err, errFault)
				} else {
					require.NoError(t, err)
				}
				ended, retries := map[Stage]int{}, 0
				var stop Event
				for _, v := range events() {
					switch v.Kind {
					case EventEnd:
						if v.Err != nil && v.Err != context.Canceled {
							assert.ErrorIs(t, v.Err, errFault)
							ended[v.Stage]++
						}
					case EventRetry:
						retries++
						assert.Equal(t, []any{stage, int64(1), retries}, []any{v.Stage, v.Batch, v.Tries})
						assert.Equal(t, errFault, v.Err)
					case EventStop:
						stop = v
					}
				}
				want := map[Stage]int{stage: retries}
				if fatal {
					want[stage]++
					assert.Equal(t, []any{stage, int64(1), 3}, []any{stop.Stage, stop.Batch, stop.Tries})
					assert.ErrorIs(t, m.Status().LastError.Err, errFault)
					assert.Equal(t, EventStop, m.Status().LastError.Kind)
				} else {
					assert.NoError(t, stop.Err)
				}
				if stage == StagePublish {
					want[stage] -= retries // a stage that is no attempt goes on
				}
				for s, n := range want {
					assert.Equal(t, n, ended[s], s)
				}
				assert.Equal(t, len(want), max(len(ended), 1), "%v", ended)
			})
		}
	}
}

func TestEventsOfTakeover(t *testing.T) {
	for _, committed := range []bool{false, true} {
		t.Run(fmt.Sprint("committed=", committed), func(t *testing.T) {
			s := store.NewMemory()
			src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 5}, chunk: 5}
			first := newJob(t, src, s)
			first.Sink = &failingSink{first.Sink, nil, func() error { return Permanent(errFault) }}
			if !committed {
				src.fault = func(int, int64) error { return Permanent(errFault) }
			}
			require.ErrorIs(t, first.Drain(t.Context()), errFault)
			src.fault = nil
			m := newJob(t, src, s)
			events := record(m)
			require.NoError(t, m.Drain(t.Context()))
			all := brief(events())
			assert.Equal(t, "takeover 1", all[0])
			assert.Equal(t, 1, strings.Count(strings.Join(all, "\n"), "takeover"))
		})
	}
}

// Heartbeats and takeovers have the times of the settings.
func TestTakeoverTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := Takeover{Heartbeat: 10 * time.Second}
		g := newGroup(t, map[string]int64{"0": 20, "1": 0})
		a, b := g.member(), g.member()
		a.Takeover, b.Takeover = slow, slow
		hang := make(chan struct{})
		a.Transforms = []Transform{TransformFunc(func(_ context.Context, in Rows) (Result, error) { <-hang; return Pass(in), nil })}
		g.assign(a, b)
		b.start(b.Run)
		time.Sleep(100 * time.Millisecond)
		a.start(a.Run)
		g.until("a plan", time.Minute, func() bool { return g.left() != nil })
		batch := g.left().Batch
		g.assign(b)
		time.Sleep(58 * time.Second)
		seen := attempts.Status{Attempt: 1}
		_, err := attempts.Open(b.Ledger).Update(t.Context(), batch, &seen)
		require.NoError(t, err)
		assert.Equal(t, 5, seen.Heartbeats)
		require.NotNil(t, g.left(), "it has heartbeats")
		a.halt()
		took := g.until("taken over", time.Hour, g.all)
		assert.Greater(t, took, 40*time.Second)
		assert.LessOrEqual(t, took, 50*time.Second+10*time.Second+5*time.Second+1100*time.Millisecond)
		b.stop()
		close(hang)
		a.bury()
		checkContent(t, g.store, g.sizes)
	})
}

func TestTakeoverCheck(t *testing.T) {
	assert.Equal(t, Takeover{time.Second, 5 * time.Second, 500 * time.Millisecond}, Takeover{}.withDefaults())
	assert.Equal(t, peerPollInterval, Takeover{}.withDefaults().peerPoll())
	m := newJob(t, &counter{}, store.NewMemory())
	m.Takeover.Heartbeat = 2 * time.Second
	m.Takeover.After = 5 * time.Second
	assert.ErrorContains(t, m.Run(t.Context()), "Takeover.After is 5s, but must be at least 6s")
	m.Takeover = Takeover{Poll: 2 * time.Second}
	assert.ErrorContains(t, m.Drain(t.Context()), "at least 6s")
	m.Takeover = Takeover{Heartbeat: 2 * time.Second, After: 6 * time.Second}
	assert.NoError(t, m.Drain(t.Context()))
}

// plannedElsewhere puts a plan of another process.
func plannedElsewhere(t *testing.T, m *MicroBatch, ranges ...Range) {
	_, err := m.Ledger.PutPlan(t.Context(), &ledger.Plan{Batch: 1, Token: "theirs", Ranges: ranges})
	require.NoError(t, err)
}
