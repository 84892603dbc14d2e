package archive_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/store"
)

// dying returns a store that does n operations and then no more, as if its process had
// died before or after the next one, and a count of the operations.
func dying(st store.Store, n int64, after bool) (*faultstore.Store, *atomic.Int64) {
	var count atomic.Int64
	dead := errors.New("dead")
	return &faultstore.Store{Store: st,
		Before: func(faultstore.Op) error {
			if k := count.Add(1); k > n+1 || k == n+1 && !after {
				return dead
			}
			return nil
		},
		After: func(faultstore.Op) error {
			if count.Load() > n {
				return dead
			}
			return nil
		}}, &count
}

// copied returns a copy of an archive.
func (s *sky) copied() *sky {
	dir := filepath.Join(s.t.TempDir(), "sky")
	require.NoError(s.t, os.CopyFS(dir, os.DirFS(s.dir)))
	c := *s
	c.dir, c.store = dir, openDir(s.t, dir)
	return &c
}

// deaths returns some of the first n numbers, all of them in the long tests.
func deaths(n int64) (out []int64) {
	all := rand.Perm(int(n))
	if os.Getenv("SKYFINCH_LONG") == "" {
		all = all[:min(len(all), 12)]
	}
	for _, k := range all {
		out = append(out, int64(k))
	}
	return out
}

// A compaction that dies anywhere leaves each row; the next one, or the next start of a
// service, leaves it once.
func TestCompactDies(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.batch = 40
	s.grow(80)
	want := s.alerts()
	whole, ops := dying(s.copied().store, 1<<60, false)
	_, err := (&archive.Compaction{Store: whole, Order: archive.ObjectOrder}).Run(t.Context())
	require.NoError(t, err)
	for i, n := range deaths(ops.Load()) {
		t.Run(fmt.Sprintf("%d of %d", n, ops.Load()), func(t *testing.T) {
			s := s.copied()
			s.t = t
			st, _ := dying(s.store, n, i%2 == 0)
			_, err := (&archive.Compaction{Store: st, Order: archive.Order(i % 3)}).Run(t.Context())
			if err != nil { // an order may need fewer operations, and the last one may fail
				require.ErrorContains(t, err, "dead")
			}
			assert.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(s.alerts())), "plain readers miss nothing")
			copied := newCopier(t, &archive.Source{Dir: s.dir})
			if i%3 > 0 {
				require.NoError(t, s.service(&small{partition: "night1", count: 80}).Drain(t.Context()))
				assert.Equal(t, want, s.alerts(), "a service deletes what is replaced")
			}
			if i%3 < 2 {
				_, err = (&archive.Compaction{Dir: s.dir}).Run(t.Context())
				require.NoError(t, err)
				assert.Len(t, s.paths(), 3)
			}
			assert.Equal(t, want, s.alerts())
			copied.drain()
			assert.Equal(t, want, values(t, filepath.Join(copied.dir, "alerts")))
			s.sound()
		})
	}
}

// So does a prune: what it has begun is finished, and the rest stays.
func TestPruneDies(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.batch = 40
	s.grow(80)
	all := s.alerts()
	pruning := func(st store.Store) error {
		_, err := (&archive.Prune{Store: st, Keep: 1}).Run(t.Context())
		return err
	}
	whole, ops := dying(s.copied().store, 1<<60, false)
	require.NoError(t, pruning(whole))
	for i, n := range deaths(ops.Load()) {
		t.Run(fmt.Sprintf("%d of %d", n, ops.Load()), func(t *testing.T) {
			s := s.copied()
			s.t = t
			st, _ := dying(s.store, n, i%2 == 0)
			if err := pruning(st); err != nil {
				require.ErrorContains(t, err, "dead")
			}
			require.NoError(t, s.service(&small{partition: "night1", count: 80}).Drain(t.Context()))
			if left := s.alerts(); len(left) > 0 {
				assert.Equal(t, all, left, "it is one batch")
			}
			s.sound()
			require.NoError(t, pruning(s.store))
			assert.Empty(t, s.alerts())
			s.sound()
		})
	}
}

// Compactions whose store fails now and then return the error, lose nothing, and
// succeed in the end.
func TestCompactFaults(t *testing.T) {
	kinds := []faultstore.Kind{faultstore.PutIfAbsent, faultstore.Get, faultstore.Stage, faultstore.Write, faultstore.Close, faultstore.Publish,
		faultstore.Open, faultstore.Read, faultstore.List, faultstore.Delete}
	failed := errors.New("input/output error")
	for seed := range uint64(4) {
		s := newSky(t)
		s.batch = 40
		s.grow(160)
		want := s.alerts()
		st := &faultstore.Store{Store: s.store}
		st.Before, st.After = faultstore.Every(60, seed*31, failed, kinds...)
		tries := 0
		for ; tries < 200; tries++ {
			_, err := (&archive.Compaction{Store: st, Order: archive.Order(seed % 3)}).Run(t.Context())
			if err == nil {
				break
			}
			require.ErrorIs(t, err, failed)
			require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(s.alerts())))
		}
		assert.Positive(t, tries)
		assert.Less(t, tries, 200)
		_, err := (&archive.Compaction{Dir: s.dir}).Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, s.alerts())
		assert.Len(t, s.paths(), 3)
		s.sound()
	}
}

// In a store without locks, what a rewrite that died has staged is removed once no batch
// can name it any more. Its reservation is outdated in time.
func TestCompactSweepsOld(t *testing.T) {
	s := newSky(t)
	s.batch = 40
	s.store = store.NewMemory()
	s.grow(80)
	failing := &faultstore.Store{Store: s.store, Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.Delete || op.Kind == faultstore.PutIfAbsent && strings.HasSuffix(op.Name, ".plan") {
			return errors.New("dead")
		}
		return nil
	}}
	_, err := (&archive.Compaction{Store: failing}).Run(t.Context())
	require.ErrorContains(t, err, "dead")
	staged := func() (n int) {
		for _, err := range s.store.List(t.Context(), "staging/") {
			require.NoError(t, err)
			n++
		}
		return n
	}
	require.Equal(t, 1, staged())
	done, err := (&archive.Compaction{Store: s.store}).Run(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, done.Busy, "its directory is still reserved")
	assert.EqualValues(t, 2, done.Dirs)
	assert.Equal(t, 1, staged())
	archive.SetRewriteAge(t, 2)
	_, err = (&archive.Compaction{Store: s.store}).Run(t.Context())
	require.NoError(t, err)
	assert.Zero(t, staged())
}
