package hats

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// patient is a context that is done after a number of calls of Err.
type patient struct {
	context.Context
	left atomic.Int64
}

func (p *patient) Err() error {
	if p.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestEndsInTheMidst: wherever a call is cancelled, it leaks nothing, and the next
// call succeeds.
func TestEndsInTheMidst(t *testing.T) {
	dir, sorted, p := evenSky(t)
	all := flat(t, sorted, false)
	c, ctx := openChecked(t, dir, Options{Columns: []string{"id", "name"}})
	part := crossmatch.Positions{RA: p.RA[:40], Dec: p.Dec[:40]}
	whole, err := c.Nearest(ctx, part, crossmatch.Degree)
	require.NoError(t, err)
	whole.Rows.Release()
	limit := c.cache.used * 35 / 120 // so that each call loads some
	c, ctx = openChecked(t, dir, Options{Columns: []string{"id", "name"}, CacheBytes: limit})
	mem := c.mem.(*memory.CheckedAllocator)
	for n := range int64(1000) {
		impatient := &patient{Context: ctx}
		impatient.left.Store(n)
		got, err := c.Nearest(impatient, part, crossmatch.Degree)
		if err == nil {
			assert.Greater(t, n, int64(20), "Err is called often")
			same(t, all, sorted, part, crossmatch.Degree, got)
			got.Rows.Release()
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		require.Nil(t, got.Rows)
		for partition, e := range c.cache.loaded {
			require.Zero(t, e.pins, "partition %d after %d", partition, n)
		}
		require.LessOrEqual(t, c.cache.used, limit)
		require.LessOrEqual(t, int64(mem.CurrentAlloc()), c.cache.used, "after %d", n)
	}
}

// TestCutInTheMidst: wherever a partition or its margin is truncated, its positions
// fail and nothing leaks.
func TestCutInTheMidst(t *testing.T) {
	dir, _, p := evenSky(t)
	places := 30
	if testing.Short() {
		places = 7
	}
	for _, part := range []string{"stars", "margin"} {
		name := filepath.Join(dir, part, "dataset", "Norder=0", "Dir=0", "Npix=3.parquet")
		whole, err := os.ReadFile(name)
		require.NoError(t, err)
		for i := range places {
			require.NoError(t, os.WriteFile(name, whole[:len(whole)*i/places], 0o666))
			c, ctx := openChecked(t, dir, Options{Columns: []string{"id", "name"}, CacheBytes: 4 << 20})
			got, err := c.Nearest(ctx, crossmatch.Positions{RA: p.RA[:200], Dec: p.Dec[:200]}, crossmatch.Arcsecond)
			require.NoError(t, err)
			require.ErrorContains(t, got.Cause, "Npix=3.parquet")
			for i, m := range got.Matches {
				if find(partitions(0, 3), ang2pix(p.RA[i], p.Dec[i])) == 0 {
					require.Equal(t, crossmatch.StatusFailed, m.Status)
				}
			}
			got.Rows.Release()
			c.Close()
			c.mem.(*memory.CheckedAllocator).AssertSize(t, 0)
		}
		// Damage in the middle of pages.
		for at := len(whole) / places; at < len(whole)*9/10; at += len(whole) / places {
			changed := append([]byte(nil), whole...)
			clear(changed[at : at+16])
			require.NoError(t, os.WriteFile(name, changed, 0o666))
			c, ctx := openChecked(t, dir, Options{Columns: []string{"id", "name"}, CacheBytes: 4 << 20})
			got, err := c.Nearest(ctx, crossmatch.Positions{RA: p.RA[:200], Dec: p.Dec[:200]}, crossmatch.Arcsecond)
			require.NoError(t, err)
			got.Rows.Release()
		}
		require.NoError(t, os.WriteFile(name, whole, 0o666))
	}
}
