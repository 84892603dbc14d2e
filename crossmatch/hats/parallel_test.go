package hats

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// TestSideBySide: loads run side by side, at most maxLoads of them.
func TestSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(1000)
		var running atomic.Int32
		proceed := make(chan struct{})
		var calls sync.WaitGroup
		for i := range 10 {
			calls.Go(func() {
				e, err := c.get(t.Context(), i, func(more reserve) (*content, error) {
					running.Add(1)
					defer running.Add(-1)
					<-proceed
					return emptyContent(30), more(30)
				})
				if assert.NoError(t, err) {
					c.unpin(e)
				}
			})
		}
		synctest.Wait()
		assert.EqualValues(t, maxLoads, running.Load())
		close(proceed)
		calls.Wait()
		assert.Len(t, c.loaded, 10)
		assert.EqualValues(t, 300, c.used)
	})
}

// TestShortMemory: loads that run out of memory together all finish, and the
// limit holds.
func TestShortMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(100)
		var calls sync.WaitGroup
		for i := range 50 {
			calls.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 1))
				e, err := c.get(t.Context(), i%20, func(more reserve) (*content, error) {
					size := 10 + rng.Int64N(80)
					for n := int64(0); n < size; n += 10 {
						if err := more(min(10, size-n)); err != nil {
							return nil, err
						}
						c.mu.Lock()
						used := c.used
						c.mu.Unlock()
						assert.LessOrEqual(t, used, int64(100))
						runtime.Gosched()
					}
					return emptyContent(size), nil
				})
				if assert.NoError(t, err) {
					c.unpin(e)
				}
			})
		}
		calls.Wait()
		assert.LessOrEqual(t, c.used, int64(100))
		assert.Empty(t, c.loading)
		assert.Empty(t, c.patient)
		assert.Empty(t, c.extra)
	})
}

// TestEach: each number is done once, and a panic reaches the caller.
func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 100} {
		done := make([]atomic.Int32, n)
		each(n, func(i int) { done[i].Add(1) })
		for i := range done {
			assert.EqualValues(t, 1, done[i].Load())
		}
		if n > 0 {
			assert.PanicsWithValue(t, "damaged", func() { each(n, func(int) { panic("damaged") }) })
		}
	}
}

// TestSomeFailSideBySide: the cause is the first partition's, whichever failed
// first.
func TestSomeFailSideBySide(t *testing.T) {
	dir, _, p := evenSky(t)
	for _, n := range []string{"2", "5", "9"} {
		require.NoError(t, os.Remove(filepath.Join(dir, "stars", "dataset", "Norder=0", "Dir=0", "Npix="+n+".parquet")))
	}
	for range 5 {
		c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}})
		got, err := c.Nearest(ctx, p, crossmatch.Arcsecond)
		require.NoError(t, err)
		assert.ErrorContains(t, got.Cause, "Npix=2.parquet")
		assert.ErrorContains(t, got.Cause, "and 2 more partitions failed")
		got.Rows.Release()
	}
}

// TestCanceledSideBySide: a context that is done ends the loads of its call.
func TestCanceledSideBySide(t *testing.T) {
	dir, _, p := evenSky(t)
	c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}})
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(errors.New("enough"))
	_, err := c.Nearest(ctx, p, crossmatch.Arcsecond)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, c.cache.loaded)
}

// TestImplausibleEpoch: a damaged time of observation counts as unknown, and does
// not make a call load the whole catalogue.
func TestImplausibleEpoch(t *testing.T) {
	stars := []star{{id: 1, ra: 45, dec: 20, pmRA: 100}, {id: 2, ra: 225, dec: -20, pmRA: 100}}
	dir, sorted := writeCatalog(t, partitions(0, 0, 10), stars, 0)
	all := flat(t, sorted, true)
	for _, year := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 1000, 3000, -1e5, 60_000, 2_460_000, 999_999, 1e300} {
		c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}, PMRA: "pmra", PMDec: "pmdec", Epoch: 2016})
		p := crossmatch.Positions{RA: []float64{45}, Dec: []float64{20}, Epoch: []float64{year}}
		got, err := c.Nearest(ctx, p, crossmatch.Arcsecond)
		require.NoError(t, err)
		unknown := crossmatch.Positions{RA: p.RA, Dec: p.Dec}
		assert.Equal(t, 1, same(t, all, sorted, unknown, crossmatch.Arcsecond, got), "%v", year)
		got.Rows.Release()
		assert.Len(t, c.cache.loaded, 1, "%v", year)
		assert.Equal(t, math.IsNaN(year), math.IsNaN(p.Epoch[0]), "the caller's epochs stay")
	}
}
