package stream

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/store"
)

// waiting is an inbox with another Wait.
type waiting struct {
	*inbox
	wait   func(context.Context) error
	shared bool // there is a partition that another process reads
}

func (w waiting) Available(ctx context.Context) ([]Extent, error) {
	out, err := w.inbox.Available(ctx)
	if w.shared {
		out = append(out, Extent{Range: Range{Partition: "b"}, AssignedElsewhere: true})
	}
	return out, err
}

func (w waiting) Wait(ctx context.Context) error {
	w.mu.Lock()
	w.waits++
	w.mu.Unlock()
	return w.wait(ctx)
}

func (in *inbox) calls() (asked, waits int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.asked, in.waits
}

// A source that is a Waiter has no interval: a message is published when it comes.
func TestWaiter(t *testing.T) {
	for _, alone := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			in := newInbox("a")
			m := newJob(t, in, store.NewMemory())
			m.Transforms, m.Sink, m.Rejects, m.Alone, m.Interval = nil, discardRows, nil, alone, time.Hour
			inBackground(t, m)
			for i := range 5 {
				time.Sleep(10 * time.Minute)
				in.put("a", time.Now())
				time.Sleep(time.Millisecond)
				synctest.Wait()
				assert.EqualValues(t, i+1, m.Progress().Read)
			}
			assert.Equal(t, time.Duration(0), m.Progress().Latency.Max())
			asked, _ := in.calls()
			assert.LessOrEqual(t, asked, 12, "once in vain and once for each message")
		})
	}
}

// A Waiter that always returns at once keeps the engine no busier than half the
// interval would, once it has shown that.
func TestWaiterSpins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInbox("a")
		m := &MicroBatch{Source: waiting{in, func(context.Context) error { return nil }, false}, Log: quiet(), Sink: discardRows, Interval: 10 * time.Second}
		inBackground(t, m)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		asked, waits := in.calls()
		assert.Less(t, asked, 16, "soon at first")
		time.Sleep(time.Hour)
		synctest.Wait()
		asked2, waits2 := in.calls()
		assert.LessOrEqual(t, asked2-asked, 721)
		assert.LessOrEqual(t, waits2-waits, 721)
		in.put("a", time.Now())
		time.Sleep(5 * time.Second)
		synctest.Wait()
		assert.EqualValues(t, 1, m.Progress().Read)
	})
}

// A Waiter that returned too early for a while, or that returns in vain now and
// then, is prompt when it waits.
func TestWaiterRecovers(t *testing.T) {
	for _, every := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			in := newInbox("a")
			begun := time.Now()
			m := &MicroBatch{Source: waiting{in, func(ctx context.Context) error {
				if time.Since(begun) < time.Minute {
					time.Sleep(every)
					return nil
				}
				return in.Wait(ctx)
			}, false}, Log: quiet(), Sink: discardRows, Interval: 10 * time.Second}
			inBackground(t, m)
			time.Sleep(time.Minute)
			time.Sleep(every + every/10)
			if every == 0 {
				time.Sleep(20 * time.Second) // until it has waited
				asked, _ := in.calls()
				for now := asked; now == asked; now, _ = in.calls() { // until a plan
					time.Sleep(100 * time.Millisecond)
				}
			}
			in.put("a", time.Now())
			synctest.Wait()
			assert.EqualValues(t, 1, m.Progress().Read, every)
		})
	}
}

// If Wait fails, the interval applies, although the ledger is polled.
func TestWaiterFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInbox("a")
		m := &MicroBatch{Source: waiting{in, func(context.Context) error { return errFault }, true}, Log: quiet(), Sink: discardRows, Interval: 10 * time.Second}
		inBackground(t, m)
		time.Sleep(time.Second)
		in.put("a", time.Now())
		time.Sleep(8 * time.Second)
		assert.Zero(t, m.Progress().Read)
		time.Sleep(time.Hour)
		assert.EqualValues(t, 1, m.Progress().Read)
		asked, waits := in.calls()
		assert.InDelta(t, 361, asked, 2)
		assert.InDelta(t, 361, waits, 2, "once after each plan")
	})
}

// Drain does not wait for what comes later, also while it waits for others.
func TestWaiterDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInbox("a")
		in.put("a", time.Now())
		m := newJob(t, in, store.NewMemory())
		m.Transforms, m.Sink, m.Rejects, m.Alone = nil, discardRows, nil, false
		plannedElsewhere(t, m, Range{Partition: "a", From: 0, To: 1})
		require.NoError(t, m.Drain(t.Context()))
		_, waits := in.calls()
		assert.Zero(t, waits)
		assert.EqualValues(t, 1, m.Progress().Read)
	})
}

// While another process works on a batch, the ledger is still polled.
func TestWaiterBesideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInbox("a")
		in.put("a", time.Now())
		m := newJob(t, in, store.NewMemory())
		m.Transforms, m.Sink, m.Rejects, m.Alone, m.Interval = nil, discardRows, nil, false, time.Hour
		plannedElsewhere(t, m, Range{Partition: "a", From: 0, To: 1})
		inBackground(t, m)
		time.Sleep(takeoverAfter + pollInterval + time.Second)
		synctest.Wait()
		assert.EqualValues(t, 1, m.Progress().Read, "taken over")
	})
}
