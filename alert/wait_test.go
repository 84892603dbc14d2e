package alert

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// late is a registry that has an id from some time on, and may be down.
type late struct {
	mu    sync.Mutex
	from  map[uint32]time.Time
	down  error
	asked map[uint32]int
}

func newLate() *late { return &late{from: map[uint32]time.Time{}, asked: map[uint32]int{}} }

func (l *late) Schema(_ context.Context, id uint32) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[id]++
	from, ok := l.from[id]
	switch {
	case l.down != nil:
		return nil, l.down
	case ok && !time.Now().Before(from):
		return []byte(plain), nil
	case id == 9:
		return nil, ErrUnknownSchema
	}
	return nil, fmt.Errorf("alert: registry /some/where: %w %d", ErrUnknownSchema, id)
}

func (l *late) add(id uint32, after time.Duration) { l.from[id] = time.Now().Add(after) }

// took returns how long f takes.
func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func withID(id uint32) []byte { return confluent(id, ztfDatum(int64(id), goodJD)) }

// A message waits for a lagging registry, without needless requests.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLate()
		l.add(7, 3*time.Second)
		d := &Decoder{Registry: l}
		waited := took(func() { assert.Len(t, one(t, decode(t, d, values(withID(7), withID(7))...)).From, 2) })
		assert.InDelta(t, 3, waited.Seconds(), 1)
		assert.LessOrEqual(t, l.asked[7], 8)
		assert.Empty(t, d.cache.unknown)

		assert.Zero(t, took(func() { assert.Len(t, one(t, decode(t, d, values(withID(7))...)).From, 1) }))
	})
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLate()
		d := &Decoder{Registry: l}
		assert.Equal(t, defaultWait, took(func() {
			r := decode(t, d, values(withID(7), withID(7), withID(9))...)
			assert.Equal(t, map[int]string{0: "unknown schema id 7", 1: "unknown schema id 7", 2: "unknown schema id 9"}, causes(r))
		}), "the second id found no patience left")
		assert.Equal(t, 1, l.asked[9])

		asked := l.asked[7]
		assert.Zero(t, took(func() { assert.Len(t, decode(t, d, values(withID(7))...).Rejects, 1) }))
		assert.Equal(t, asked, l.asked[7], "it was asked for just now")
		time.Sleep(time.Hour)
		assert.Zero(t, took(func() { assert.Len(t, decode(t, d, values(withID(7))...).Rejects, 1) }), "it has had its time")
		assert.Equal(t, asked+1, l.asked[7])
		time.Sleep(askAgain - time.Millisecond)
		l.add(7, 0)
		assert.Len(t, decode(t, d, values(withID(7))...).Rejects, 1)
		time.Sleep(time.Millisecond)
		assert.Len(t, one(t, decode(t, d, values(withID(7))...)).From, 1)
		assert.Equal(t, asked+2, l.asked[7])
	})
}

// An id is waited for once, though the budget is restored.
func TestWaitIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Decoder{Registry: newLate(), SchemaWait: time.Minute}
		reject := func() { assert.Len(t, decode(t, d, values(withID(7))...).Rejects, 1) }
		assert.Equal(t, time.Minute, took(reject))
		time.Sleep(refill / 2)
		assert.Zero(t, took(reject))
	})
}

func TestSchemaWait(t *testing.T) {
	for set, want := range map[time.Duration]time.Duration{-1: 0, 0: defaultWait, time.Second / 20: time.Second / 20, time.Minute: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			d := &Decoder{Registry: newLate(), SchemaWait: set}
			assert.Equal(t, want, took(func() { assert.Len(t, decode(t, d, values(withID(7))...).Rejects, 1) }))
		})
	}
}

// Messages do not wait for an unusable schema.
func TestNoWaitForUnusable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		d := &Decoder{Registry: RegistryFunc(func(context.Context, uint32) ([]byte, error) {
			asked++
			_, err := readResponse(200, "", []byte(`{"schema":"x","schemaType":"JSON"}`), 8)
			return nil, fmt.Errorf("alert: registry /some/where: %w", err)
		})}
		assert.Zero(t, took(func() {
			r := decode(t, d, values(withID(8), withID(8))...)
			assert.Equal(t, map[int]string{0: `unknown schema id 8: its type is "JSON", not AVRO`, 1: `unknown schema id 8: its type is "JSON", not AVRO`}, causes(r))
		}))
		assert.Equal(t, 1, asked)
	})
}

func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Decoder{Registry: newLate()}
		d.once.Do(d.init)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		assert.Equal(t, 2*time.Second, took(func() {
			_, cause, err := d.cache.byID(ctx, 7)
			assert.NoError(t, cause)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.ErrorContains(t, err, "alert: waiting for schema id 7: ")
		}))
		assert.Equal(t, 8*time.Second, took(func() { assert.Len(t, decode(t, d, values(withID(7))...).Rejects, 1) }),
			"the time counts from when the id was met")
	})
}

// An outage while waiting does not make an id unknown.
func TestOutageWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLate()
		d := &Decoder{Registry: l}
		time.AfterFunc(2*time.Second, func() { l.mu.Lock(); l.down = errors.New("down"); l.mu.Unlock() })
		_, err := tryDecode(t, d, values(withID(7))...)
		require.EqualError(t, err, "down")
		assert.Zero(t, d.cache.wait.waiting)
		l.down = nil
		l.add(7, 0)
		assert.Len(t, one(t, decode(t, d, values(withID(7))...)).From, 1)
	})
}

// Ids that wait at the same time wait together.
func TestWaitIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLate()
		l.add(3, 4*time.Second)
		d := &Decoder{Registry: l, Alloc: checked(t)}
		defer d.Close()
		assert.Equal(t, defaultWait, took(func() {
			var wg sync.WaitGroup
			for id := range uint32(8) {
				wg.Go(func() {
					r := decode(t, d, values(withID(id), withID(id))...)
					if id == 3 {
						assert.Len(t, one(t, r).From, 2)
					} else {
						assert.Len(t, r.Rejects, 2)
					}
				})
			}
			wg.Wait()
		}))
	})
}

// A stream of invalid ids waits for 10 s once, and a seventh of the time in the
// long run.
func TestWaitIsBounded(t *testing.T) {
	for _, workers := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			d := &Decoder{Registry: newLate(), Alloc: checked(t)}
			defer d.Close()
			var mu sync.Mutex
			waited, calls := time.Duration(0), 0
			start := time.Now()
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() {
					for time.Since(start) < time.Hour {
						n := took(func() {
							assert.Len(t, decode(t, d, values(withID(rand.Uint32()), withID(rand.Uint32()))...).Rejects, 2)
						})
						assert.LessOrEqual(t, n, defaultWait)
						mu.Lock()
						waited, calls = waited+n, calls+1
						mu.Unlock()
						time.Sleep(time.Second)
					}
				})
			}
			wg.Wait()
			share := waited.Seconds() / 3600 / float64(workers)
			assert.InDelta(t, 1./7, share, 0.04, "of the time")
			assert.Greater(t, calls, 2800*workers)
			assert.Zero(t, d.cache.wait.waiting)
			requireBounded(t, d)
		})
	}
}

// After invalid ids, the budget is restored for valid ones.
func TestWaitBudgetIsRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLate()
		d := &Decoder{Registry: l}
		decode(t, d, values(withID(1))...)
		l.add(2, time.Second)
		assert.Len(t, decode(t, d, values(withID(2))...).Rejects, 1, "none is left")
		time.Sleep(refill)
		l.add(3, 9*time.Second)
		assert.Len(t, one(t, decode(t, d, values(withID(3))...)).From, 1)
	})
}

func TestManyUnknownIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Decoder{Registry: newLate()}
		var garbage []message
		for i := range uint32(maxUnknown + 10) {
			garbage = append(garbage, message{value: confluent(1000+i, []byte("x"))})
		}
		assert.Equal(t, defaultWait, took(func() { assert.Len(t, decode(t, d, garbage...).Rejects, len(garbage)) }))
		requireBounded(t, d)
	})
}
