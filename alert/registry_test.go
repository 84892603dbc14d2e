package alert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCacheRemembers(t *testing.T) {
	asked := 0
	c := &RegistryCache{Registry: RegistryFunc(func(_ context.Context, id uint32) ([]byte, error) {
		asked++
		return fmt.Appendf(nil, "%d", id), nil
	})}
	for range 3 {
		for _, id := range []uint32{0, 900, 1<<32 - 1} {
			text, err := c.Schema(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprint(id), string(text))
		}
	}
	assert.Equal(t, 3, asked)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Schema(ctx, 900)
	assert.NoError(t, err, "what is remembered needs no time")
}

func TestCacheForgetsErrors(t *testing.T) {
	answers := []error{errors.New("down"), fmt.Errorf("no: %w", ErrUnknownSchema), nil}
	c := &RegistryCache{Registry: RegistryFunc(func(context.Context, uint32) ([]byte, error) {
		err := answers[0]
		answers = answers[1:]
		return []byte("x"), err
	})}
	text, err := c.Schema(t.Context(), 1)
	assert.EqualError(t, err, "down")
	assert.Nil(t, text)
	_, err = c.Schema(t.Context(), 1)
	assert.ErrorIs(t, err, ErrUnknownSchema)
	_, err = c.Schema(t.Context(), 1)
	assert.NoError(t, err)
}

func TestCacheRefusesEmptySchemas(t *testing.T) {
	c := &RegistryCache{Registry: RegistryFunc(func(context.Context, uint32) ([]byte, error) { return nil, nil })}
	_, err := c.Schema(t.Context(), 7)
	assert.EqualError(t, err, "alert: registry: schema id 7: empty schema")
	assert.NotErrorIs(t, err, ErrUnknownSchema)
}

// slow responds after a second, unless the context is done.
type slow struct {
	asked atomic.Int32
	err   error
}

func (s *slow) Schema(ctx context.Context, id uint32) ([]byte, error) {
	s.asked.Add(1)
	select {
	case <-time.After(time.Second):
		return fmt.Appendf(nil, "%d", id), s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestCacheSharesRequests(t *testing.T) {
	for _, down := range []error{nil, errors.New("down")} {
		synctest.Test(t, func(t *testing.T) {
			s := &slow{err: down}
			c := &RegistryCache{Registry: s}
			start := time.Now()
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					text, err := c.Schema(t.Context(), uint32(i%2))
					assert.Equal(t, down, err)
					if down == nil {
						assert.Equal(t, fmt.Sprint(i%2), string(text))
					}
				})
			}
			wg.Wait()
			assert.EqualValues(t, 2, s.asked.Load())
			assert.Equal(t, time.Second, time.Since(start), "different ids do not wait for each other")
		})
	}
}

func TestCacheRetriesForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		c := &RegistryCache{Registry: s}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := c.Schema(ctx, 1)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait() // the first has put the question
		for range 5 {
			wg.Go(func() {
				text, err := c.Schema(t.Context(), 1)
				assert.NoError(t, err, "another's deadline is not mine")
				assert.Equal(t, "1", string(text))
			})
		}
		wg.Wait()
		assert.EqualValues(t, 2, s.asked.Load())
	})
}

func TestCacheWaiterIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &RegistryCache{Registry: &slow{}}
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := c.Schema(t.Context(), 1)
			assert.NoError(t, err)
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		start := time.Now()
		_, err := c.Schema(ctx, 1)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "schema id 1")
		assert.Equal(t, time.Second/2, time.Since(start))
		wg.Wait()
	})
}

func TestCacheSurvivesPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		c := &RegistryCache{Registry: RegistryFunc(func(context.Context, uint32) ([]byte, error) {
			if calls++; calls == 1 {
				time.Sleep(time.Second)
				panic("a registry's own")
			}
			return []byte("x"), nil
		})}
		var wg sync.WaitGroup
		wg.Go(func() {
			assert.Panics(t, func() { c.Schema(t.Context(), 1) })
		})
		synctest.Wait()
		text, err := c.Schema(t.Context(), 1) // waits for the one that panics
		assert.NoError(t, err)
		assert.Equal(t, "x", string(text))
		wg.Wait()
	})
}

func TestCacheLists(t *testing.T) {
	dir := schemaDir(t, "lsst-900.avsc")
	ids, err := (&RegistryCache{Registry: DirRegistry(dir)}).IDs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []uint32{900}, ids)
	ids, err = (&RegistryCache{Registry: &slow{}}).IDs(t.Context())
	assert.NoError(t, err)
	assert.Empty(t, ids)
}

func BenchmarkRegistryCache(b *testing.B) {
	c := &RegistryCache{Registry: RegistryFunc(func(context.Context, uint32) ([]byte, error) { return []byte("x"), nil })}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Schema(b.Context(), 900); err != nil {
			b.Fatal(err)
		}
	}
}
