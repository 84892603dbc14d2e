package hats

import (
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/internal/healpix"
	"github.com/skyfinch/skyfinch/internal/recordsize"
)

// evenSky is twelve partitions with some thousand stars each.
func evenSky(t testing.TB) (dir string, sorted []star, p crossmatch.Positions) {
	rng := rand.New(rand.NewPCG(17, 18))
	var stars []star
	for i := range 24_000 {
		v := pix2vec(pixel{20, healpix.Nest(rng.Uint32N(1<<finest), rng.Uint32N(1<<finest), uint32(i%12)) >> 18})
		ra, dec := degrees(v)
		stars = append(stars, star{id: int64(i), ra: ra, dec: dec, name: "a star"})
		if i%7 == 0 {
			p.RA, p.Dec = append(p.RA, ra), append(p.Dec, dec)
		}
	}
	dir, sorted = writeCatalog(t, partitions(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), stars, 0.001)
	return dir, sorted, p
}

// TestMemory: concurrent calls together keep loaded partitions within the limit,
// and the answers are right.
func TestMemory(t *testing.T) {
	dir, sorted, p := evenSky(t)
	all := flat(t, sorted, false)
	c, ctx := openChecked(t, dir, Options{Columns: []string{"id", "name"}})
	got, err := c.Nearest(ctx, p, 1)
	require.NoError(t, err)
	got.Rows.Release()
	require.Len(t, c.cache.loaded, 12)
	whole := c.cache.used
	c.Close()

	// three and a half of twelve partitions
	limit := whole * 35 / 120
	c, ctx = openChecked(t, dir, Options{Columns: []string{"id", "name"}, CacheBytes: limit})
	mem := c.mem.(*memory.CheckedAllocator)
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			c.cache.mu.Lock()
			used, sum := c.cache.used, int64(0)
			for _, e := range c.cache.loaded {
				sum += e.bytes
			}
			c.cache.mu.Unlock()
			assert.LessOrEqual(t, used, limit)
			assert.LessOrEqual(t, sum, used)
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	var calls sync.WaitGroup
	for k := range 4 {
		calls.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(k), 0))
			for range 5 {
				from := rng.IntN(len(p.RA) - 500)
				part := crossmatch.Positions{RA: p.RA[from : from+500], Dec: p.Dec[from : from+500]}
				got, err := c.Nearest(ctx, part, crossmatch.Arcsecond)
				if assert.NoError(t, err) {
					assert.Equal(t, 500, same(t, all, sorted, part, crossmatch.Arcsecond, got))
					got.Rows.Release()
				}
			}
		})
	}
	calls.Wait()
	close(stop)
	watch.Wait()
	assert.Positive(t, len(c.cache.loaded))
	assert.Less(t, len(c.cache.loaded), 4)
	// The allocator sees columns, and positions; not the index.
	assert.LessOrEqual(t, int64(mem.CurrentAlloc()), c.cache.used)
}

// TestBytes: the size of a partition is that of its columns, its index, and the
// copies of columns of float32 or with nulls.
func TestBytes(t *testing.T) {
	for _, x := range []struct {
		o      Options
		copied int64 // bytes a row
	}{
		{Options{}, 0},
		{Options{Columns: []string{"id"}, PMRA: "pmra", PMDec: "pmdec", Epoch: 2016}, 8},
	} {
		var stars []star
		for i := range 1000 {
			stars = append(stars, star{id: int64(i), ra: 45 + float64(i)/1e4, dec: 20})
		}
		dir, _ := writeCatalog(t, partitions(0, 0), stars, 0)
		c, ctx := openChecked(t, dir, x.o)
		got, err := c.Nearest(ctx, crossmatch.Positions{RA: []float64{45}, Dec: []float64{20}}, 0)
		require.NoError(t, err)
		got.Rows.Release()
		p := c.cache.loaded[0]
		assert.Equal(t, p.catalog.Bytes()+recordsize.Of(p.read)+x.copied*1000, p.bytes)
		assert.Equal(t, p.bytes, c.cache.used)
	}
}

// TestLeastRecent: the least recently used partition is dropped, and loaded
// partitions are searched first.
func TestLeastRecent(t *testing.T) {
	c := newCache(100)
	var loads []int
	use := func(partition int) {
		e, err := c.get(t.Context(), partition, func(more reserve) (*content, error) {
			loads = append(loads, partition)
			return emptyContent(30), more(40) // temporarily more than it keeps
		})
		require.NoError(t, err)
		c.unpin(e)
	}
	for _, partition := range []int{1, 2, 3, 1, 4 /* drops 2 */, 1, 4, 3, 2 /* drops 1 */} {
		use(partition)
	}
	assert.Equal(t, []int{1, 2, 3, 4, 2}, loads)

	q := &query{catalog: &Catalog{cache: c}, visits: map[int][]int32{1: nil, 2: nil, 3: nil, 4: nil, 0: nil}}
	var there []int
	for partition := range c.loaded {
		there = append(there, partition)
	}
	loaded, others := q.order()
	assert.ElementsMatch(t, there, loaded)
	assert.Len(t, others, 5-len(there))
}

// TestPinned: a load waits for partitions in use.
func TestPinned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(100)
		load := func(more reserve) (*content, error) { return emptyContent(60), more(60) }
		first, err := c.get(t.Context(), 1, load)
		require.NoError(t, err)
		got := make(chan error)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := c.get(ctx, 2, load)
			got <- err
		}()
		synctest.Wait()
		assert.Len(t, c.loaded, 1)
		cancel()
		assert.ErrorIs(t, <-got, context.Canceled)
		go func() {
			e, err := c.get(t.Context(), 2, load)
			if err == nil {
				c.unpin(e)
			}
			got <- err
		}()
		synctest.Wait()
		again, err := c.get(t.Context(), 1, load) // a loaded partition does not wait
		require.NoError(t, err)
		c.unpin(again)
		synctest.Wait()
		assert.Len(t, c.loaded, 1)
		c.unpin(first)
		assert.NoError(t, <-got)
		assert.Len(t, c.loaded, 1)
		assert.True(t, c.has(2))
		assert.EqualValues(t, 60, c.used)
	})
}

// TestOneLoad: a call that needs a partition that is being loaded waits for that
// load, and loads it itself if the load fails.
func TestOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(100)
		loads := 0
		proceed := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		slow := func(reserve) (*content, error) {
			loads++
			<-proceed
			return emptyContent(1), ctx.Err()
		}
		quick := func(reserve) (*content, error) {
			loads++
			return emptyContent(1), nil
		}
		var wait sync.WaitGroup
		wait.Go(func() {
			_, err := c.get(ctx, 1, slow)
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		for range 5 {
			wait.Go(func() {
				_, err := c.get(t.Context(), 1, quick)
				assert.NoError(t, err)
			})
		}
		synctest.Wait()
		assert.Equal(t, 1, loads)
		cancel()
		close(proceed)
		wait.Wait()
		assert.Equal(t, 2, loads)
	})
}

func emptyContent(bytes int64) *content {
	catalog, err := crossmatch.NewCatalog(crossmatch.Rows{})
	if err != nil {
		panic(err)
	}
	return &content{bytes: bytes, read: starRecord(nil), catalog: catalog}
}

// TestDroppedIsClosed: a partition is closed when it is dropped, and not dropped
// while it is in use.
func TestDroppedIsClosed(t *testing.T) {
	dir, _, _ := evenSky(t)
	c, ctx := openChecked(t, dir, Options{Columns: []string{"id", "name"}})
	mem := c.mem.(*memory.CheckedAllocator)
	open := func(p *content) bool {
		_, err := p.catalog.AppendNearest(nil, crossmatch.Positions{}, 1)
		if err != nil {
			assert.ErrorIs(t, err, fs.ErrClosed)
		}
		return err == nil
	}
	get := func(partition int) *entry {
		e, err := c.cache.get(ctx, partition, func(more reserve) (*content, error) { return c.load(ctx, partition, more) })
		require.NoError(t, err)
		return e
	}
	first := get(0)
	alone := mem.CurrentAlloc()
	c.cache.limit = first.bytes*5/4 + 40<<10 // one, and what reading another takes
	c.cache.unpin(first)
	assert.True(t, open(first.content), "it stays")
	second := get(1)
	assert.False(t, open(first.content))
	assert.True(t, open(second.content))
	assert.Less(t, mem.CurrentAlloc(), alone*3/2)

	again := get(1)
	c.Close()
	assert.True(t, open(second.content))
	c.cache.unpin(second)
	assert.True(t, open(second.content), "it is still in use")
	assert.Positive(t, mem.CurrentAlloc())
	c.cache.unpin(again)
	assert.False(t, open(second.content))
	mem.AssertSize(t, 0)
	assert.Zero(t, c.cache.used)
	_, err := c.Nearest(ctx, crossmatch.Positions{RA: []float64{1}, Dec: []float64{1}}, 1)
	assert.ErrorIs(t, err, fs.ErrClosed)
}

// TestPanic: a load that panics, which a Transform survives, gives its memory back.
func TestPanic(t *testing.T) {
	c := newCache(100)
	assert.PanicsWithValue(t, "damaged", func() {
		_, _ = c.get(t.Context(), 1, func(more reserve) (*content, error) {
			assert.NoError(t, more(80))
			panic("damaged")
		})
	})
	assert.Zero(t, c.used)
	assert.True(t, c.tryReserve(100))
	c.used = 0
	e, err := c.get(t.Context(), 1, func(more reserve) (*content, error) { return emptyContent(80), more(80) })
	require.NoError(t, err)
	c.unpin(e)
	assert.EqualValues(t, 80, c.used)
}

// TestTooLarge: the error of a partition larger than the limit says what to do.
func TestTooLarge(t *testing.T) {
	dir, _, p := evenSky(t)
	c, ctx := openChecked(t, dir, Options{CacheBytes: 10_000})
	got, err := c.Nearest(ctx, p, crossmatch.Arcsecond)
	require.NoError(t, err)
	defer got.Rows.Release()
	assert.Equal(t, crossmatch.StatusFailed, got.Matches[0].Status)
	assert.ErrorIs(t, got.Cause, errTooLarge)
	assert.ErrorContains(t, got.Cause, "Options.CacheBytes")
	assert.ErrorContains(t, got.Cause, "Npix=0.parquet")
	assert.ErrorContains(t, got.Cause, "and 11 more partitions failed")
}

// TestConcurrent: of many concurrent calls some are cancelled.
func TestConcurrent(t *testing.T) {
	dir, sorted, p := evenSky(t)
	all := flat(t, sorted, false)
	c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}})
	p = crossmatch.Positions{RA: p.RA[:600], Dec: p.Dec[:600]}
	var calls sync.WaitGroup
	for k := range 8 {
		calls.Go(func() {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			if k%2 == 1 {
				go cancel()
			}
			got, err := c.Nearest(ctx, p, crossmatch.Arcsecond)
			if err != nil {
				assert.ErrorIs(t, err, context.Canceled)
				assert.Equal(t, 1, k%2)
				return
			}
			assert.Equal(t, 600, same(t, all, sorted, p, crossmatch.Arcsecond, got))
			got.Rows.Release()
		})
	}
	calls.Wait()
}

// TestMended: a partition that failed is tried again.
func TestMended(t *testing.T) {
	dir, sorted, p := evenSky(t)
	name := filepath.Join(dir, "stars", "dataset", "Norder=0", "Dir=0", "Npix=3.parquet")
	require.NoError(t, os.Rename(name, name+".away"))
	c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}})
	got, err := c.Nearest(ctx, p, crossmatch.Arcsecond)
	require.NoError(t, err)
	assert.ErrorIs(t, got.Cause, os.ErrNotExist)
	failed, there := 0, 0
	for i, m := range got.Matches {
		if find(partitions(0, 3), ang2pix(p.RA[i], p.Dec[i])) == 0 {
			there++
		}
		if m.Status == crossmatch.StatusFailed {
			failed++
			assert.True(t, got.Rows.Column(0).IsNull(i))
		} else {
			assert.Equal(t, crossmatch.StatusMatch, m.Status)
		}
	}
	got.Rows.Release()
	assert.Greater(t, there, 100)
	assert.InDelta(t, there, failed, 2) // one that is beside it may fail too
	require.NoError(t, os.Rename(name+".away", name))
	got, err = c.Nearest(ctx, p, crossmatch.Arcsecond)
	require.NoError(t, err)
	same(t, flat(t, sorted, false), sorted, p, crossmatch.Arcsecond, got)
	got.Rows.Release()
}
