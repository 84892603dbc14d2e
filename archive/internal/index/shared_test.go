package index_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// written records the content of the segments that are put, and that all writers put
// the same.
type written struct {
	store.Store
	t    *testing.T
	mu   sync.Mutex
	data map[string]string
}

func (s *written) PutIfAbsent(ctx context.Context, name string, data []byte) ([]byte, error) {
	if strings.HasPrefix(name, layout.Ledger+"/index/") {
		s.mu.Lock()
		if before, ok := s.data[name]; ok {
			assert.Equal(s.t, before, string(data), "%s differs between writers", name)
		}
		s.data[name] = string(data)
		s.mu.Unlock()
	}
	return s.Store.PutIfAbsent(ctx, name, data)
}

// Processes save the index and read it while the archive grows. All put the same
// segments, and all that read see what the ledger says.
func TestSavedByMany(t *testing.T) {
	index.SetSegments(t, 4, 3)
	rng := rand.New(rand.NewPCG(3, 4))
	w := newWorld(t)
	st := &written{Store: w.Store, t: t, data: map[string]string{}}
	plain := w.open() // never reads a segment
	var views sync.Map
	var ended atomic.Bool
	var group sync.WaitGroup
	check := func(x *index.Index) {
		if want, ok := views.Load(x.Through()); ok {
			assert.Empty(t, difference(want.(string), view(t, x)), "through %d", x.Through())
		}
		assert.Empty(t, x.Unusable())
	}
	views.Store(int64(0), view(t, plain))
	for i := range 4 {
		group.Go(func() {
			open := index.OpenToSave
			if i == 3 {
				open = index.Open
			}
			for last := false; !last; {
				last = ended.Load()
				x, err := open(t.Context(), st, w.Ledger)
				require.NoError(t, err)
				check(x)
				for range i { // it goes on with what it has
					_, err := x.Update(t.Context())
					require.NoError(t, err)
					check(x)
				}
			}
		})
	}
	for range 120 {
		w.step(rng, plain)
		_, err := plain.Update(t.Context())
		require.NoError(t, err)
		views.Store(plain.Through(), view(t, plain))
	}
	ended.Store(true)
	group.Wait()
	assert.Equal(t, view(t, plain), view(t, w.open()))
	assert.LessOrEqual(t, len(w.segments()), 8, "%v", w.segments())
	assert.Contains(t, w.segments(), "000000000001-000000000108")
}

// saved returns an archive with a saved index, and what it says.
func saved(t *testing.T, batches int) (w *world, want string) {
	index.SetSegments(t, 4, 3)
	rng := rand.New(rand.NewPCG(1, 2))
	w = newWorld(t)
	x := w.open()
	for range batches {
		w.step(rng, x)
	}
	_, err := x.Update(t.Context())
	require.NoError(t, err)
	want = view(t, x)
	require.Empty(t, difference(want, view(t, w.openToSave())))
	return w, want
}

// A segment that is joined to others while a reader reads does not send it to the ledger.
func TestJoinBesideReader(t *testing.T) {
	w, want := saved(t, 35)
	require.Equal(t, []string{"000000000001-000000000012", "000000000013-000000000024", "000000000025-000000000028", "000000000029-000000000032"}, w.segments())
	rng := rand.New(rand.NewPCG(5, 6))
	joined, ledgerReads := false, 0
	st := &faultstore.Store{Store: w.Store}
	st.Before = func(op faultstore.Op) error {
		if op.Kind == faultstore.Get && strings.HasSuffix(op.Name, "index/000000000001-000000000012") && !joined {
			joined = true
			x := w.openToSave()
			w.step(rng, x) // completes the segment through 36
			_, err := x.Update(t.Context())
			require.NoError(t, err)
			want = view(t, x)
		}
		if op.Kind == faultstore.Get && strings.HasSuffix(op.Name, ".commit") {
			ledgerReads++
		}
		return nil
	}
	l, err := ledger.Open(t.Context(), st, layout.Ledger, nil)
	require.NoError(t, err)
	x, err := index.Open(t.Context(), st, l)
	require.NoError(t, err)
	assert.Equal(t, []string{"000000000001-000000000036"}, w.segments())
	assert.Empty(t, difference(want, view(t, x)))
	assert.Zero(t, ledgerReads)
}

// A segment that cannot be used is named, and the ledger is read instead.
func TestUnusableSegments(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(data []byte) []byte
		says   string
		again  bool // a process that saves writes it again
	}{
		{"flipped", func(data []byte) []byte { data[len(data)/2] ^= 1; return data }, "its checksum is wrong", true},
		{"cut", func(data []byte) []byte { return data[:len(data)-9] }, "its checksum is wrong", true},
		{"empty", func([]byte) []byte { return nil }, "it does not begin as a segment does", true},
		{"other", func([]byte) []byte { data, _ := exampleSegment(t); return data }, "it is another segment", true},
		{"files", func(data []byte) []byte {
			frames := index.Frames(data)
			frames[1] = frames[1][:len(frames[1])-1]
			return index.Seal(frames...)
		}, "it is cut short", true},
		{"newer", func([]byte) []byte { return []byte("skyfinch index 2\n...") }, "this version does not know its form", false},
		{"missing", nil, "", true},
	} {
		for i := range 4 {
			t.Run(fmt.Sprintf("%s %d", c.name, i), func(t *testing.T) {
				w, want := saved(t, 35)
				name := layout.Ledger + "/index/" + w.segments()[i]
				intact, err := w.Get(t.Context(), name)
				require.NoError(t, err)
				require.NoError(t, w.Delete(t.Context(), name))
				if c.damage != nil {
					_, err = w.PutIfAbsent(t.Context(), name, c.damage(append([]byte{}, intact...)))
					require.NoError(t, err)
				}
				for _, open := range []func() *index.Index{w.open, w.openToSave} {
					x := open()
					assert.Empty(t, difference(want, view(t, x)))
					if c.says == "" {
						assert.Empty(t, x.Unusable())
					} else if assert.Len(t, x.Unusable(), 1) {
						assert.ErrorContains(t, x.Unusable()[0], name+": "+c.says)
						assert.ErrorContains(t, x.Unusable()[0], "the ledger was read instead")
					}
				}
				now, err := w.Get(t.Context(), name)
				require.NoError(t, err)
				assert.Equal(t, c.again, string(now) == string(intact))
				if c.again {
					assert.Empty(t, w.open().Unusable())
					assert.Len(t, w.segments(), 4, "%v", w.segments())
				}
			})
		}
	}
}

// An index in a store that cannot be written, or whose segments cannot be read, is that
// of the ledger.
func TestIndexOfFailingStore(t *testing.T) {
	for _, kind := range []faultstore.Kind{faultstore.PutIfAbsent, faultstore.Delete, faultstore.Get, faultstore.List} {
		w, want := saved(t, 35)
		require.NoError(t, w.Delete(t.Context(), layout.Ledger+"/index/"+w.segments()[1]))
		names := w.segments()
		broken := errors.New("broken")
		st := &faultstore.Store{Store: w.Store, Before: func(op faultstore.Op) error {
			if op.Kind == kind && strings.HasPrefix(op.Name, layout.Ledger+"/index/") {
				return broken
			}
			return nil
		}}
		for _, open := range []func(context.Context, store.Store, *ledger.Ledger) (*index.Index, error){index.Open, index.OpenToSave} {
			x, err := open(t.Context(), st, w.Ledger)
			require.NoError(t, err, kind)
			assert.Empty(t, difference(want, view(t, x)), kind)
			if kind == faultstore.Get || kind == faultstore.List {
				require.NotEmpty(t, x.Unusable(), kind)
				assert.ErrorIs(t, x.Unusable()[0], broken)
			}
		}
		assert.Subset(t, w.segments(), names, kind)
	}
}

// What a process left that died while it joined segments is deleted.
func TestLeftSegments(t *testing.T) {
	w, want := saved(t, 35)
	first := layout.Ledger + "/index/" + w.segments()[0]
	data, err := w.Get(t.Context(), first)
	require.NoError(t, err)
	left := layout.Ledger + "/index/000000000005-000000000008"
	unknown := layout.Ledger + "/index/000000000001-000000000040"
	_, err = w.PutIfAbsent(t.Context(), unknown, data)
	require.NoError(t, err)
	_, err = w.PutIfAbsent(t.Context(), left, data)
	require.NoError(t, err)
	x := w.open()
	assert.Empty(t, difference(want, view(t, x)))
	assert.Empty(t, x.Unusable())
	assert.Len(t, w.segments(), 6)
	assert.Empty(t, difference(want, view(t, w.openToSave())))
	assert.Len(t, w.segments(), 5)
	assert.NotContains(t, w.segments(), path.Base(left))
}

// Save saves what is not saved, and reads no batch if that is little.
func TestSave(t *testing.T) {
	w, want := saved(t, 36)
	for _, name := range w.segments() {
		require.NoError(t, w.Delete(t.Context(), layout.Ledger+"/index/"+name))
	}
	reads := 0
	st := &faultstore.Store{Store: w.Store, Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.Get && strings.HasSuffix(op.Name, ".commit") {
			reads++
		}
		return nil
	}}
	l, err := ledger.Open(t.Context(), st, layout.Ledger, nil)
	require.NoError(t, err)
	require.NoError(t, index.Save(t.Context(), st, l))
	assert.Equal(t, []string{"000000000001-000000000036"}, w.segments())
	assert.Empty(t, difference(want, view(t, w.open())))
	w.put()
	w.put()
	w.put()
	reads = 0
	require.NoError(t, index.Save(t.Context(), st, l))
	assert.Zero(t, reads)
	w.put()
	require.NoError(t, index.Save(t.Context(), st, l))
	assert.Equal(t, []string{"000000000001-000000000036", "000000000037-000000000040"}, w.segments())
	for range 4 {
		w.put()
	}
	require.NoError(t, w.PutSnapshot(t.Context(), ledger.Snapshot{Through: w.batch, Settled: map[string]ledger.Settled{"p": {}}}))
	require.NoError(t, w.Truncate(t.Context()))
	require.NoError(t, index.Save(t.Context(), st, l))
	assert.Contains(t, w.segments(), "000000000041-000000000044", "no batch has a record of its own")
}
