package faultstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/store"
	"github.com/skyfinch/skyfinch/stream/streamtest"
)

var errFault = errors.New("fault")

// on returns a hook that fails operations of one kind.
func on(kind faultstore.Kind) func(faultstore.Op) error {
	return func(op faultstore.Op) error {
		if op.Kind == kind {
			return fmt.Errorf("%s %s: %w", op.Kind, op.Name, errFault)
		}
		return nil
	}
}

// use does each operation once and stops at the first error.
func use(s store.Store) error {
	ctx := context.Background()
	if _, err := s.PutIfAbsent(ctx, "record", []byte("r")); err != nil {
		return err
	}
	if _, err := s.Get(ctx, "record"); err != nil {
		return err
	}
	w, err := s.Stage(ctx, "staged", "final")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, "rows"); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := s.Publish(ctx, "staged", "final", 4); err != nil {
		return err
	}
	r, err := s.Open(ctx, "final")
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := r.ReadAt(make([]byte, 4), 0); err != nil {
		return err
	}
	if w, err = s.Stage(ctx, "given up", "final"); err != nil {
		return err
	}
	if err := w.Abort(); err != nil {
		return err
	}
	for _, err := range s.List(ctx, "") {
		if err != nil {
			return err
		}
	}
	return s.Delete(ctx, "record")
}

// names lists what a store holds.
func names(t *testing.T, s store.Store) (out []string) {
	for e, err := range s.List(context.Background(), "") {
		require.NoError(t, err)
		out = append(out, e.Name)
	}
	return out
}

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		kind          faultstore.Kind
		text          string
		before, after []string // the names that exist after the fault
	}{
		{faultstore.PutIfAbsent, "put record: fault", nil, []string{"record"}},
		{faultstore.Get, "get record: fault", []string{"record"}, []string{"record"}},
		{faultstore.Stage, "stage staged: fault", []string{"record"}, []string{"record", "staged"}},
		{faultstore.Write, "write staged: fault", []string{"record"}, []string{"record"}},
		{faultstore.Close, "close staged: fault", []string{"record"}, []string{"record", "staged"}},
		{faultstore.Publish, "publish final: fault", []string{"record", "staged"}, []string{"final", "record"}},
		{faultstore.Open, "open final: fault", []string{"final", "record"}, []string{"final", "record"}},
		{faultstore.Read, "read final: fault", []string{"final", "record"}, []string{"final", "record"}},
		{faultstore.Abort, "abort given up: fault", []string{"final", "record"}, []string{"final", "record"}},
		{faultstore.List, "list : fault", []string{"final", "record"}, []string{"final", "record"}},
		{faultstore.Delete, "delete record: fault", []string{"final", "record"}, []string{"final"}},
	} {
		t.Run(string(test.kind), func(t *testing.T) {
			s := store.NewMemory()
			err := use(&faultstore.Store{Store: s, Before: on(test.kind)})
			assert.EqualError(t, err, test.text)
			assert.Equal(t, test.before, names(t, s), "prevented")

			s = store.NewMemory()
			err = use(&faultstore.Store{Store: s, After: on(test.kind)})
			assert.EqualError(t, err, test.text)
			assert.Equal(t, test.after, names(t, s), "the answer is lost")
		})
	}
}

// Without hooks, or with hooks that return nil, the store behaves as before.
func TestTransparent(t *testing.T) {
	quiet := func(faultstore.Op) error { return nil }
	assert.NoError(t, streamtest.TestStore(&faultstore.Store{Store: store.NewMemory()}))
	assert.NoError(t, streamtest.TestStore(&faultstore.Store{Store: store.NewMemory(), Before: quiet, After: quiet}))
}

// Lock does nothing for a store without locks, and takes the lock of a Dir.
func TestLock(t *testing.T) {
	unlock, err := (&faultstore.Store{Store: store.NewMemory()}).Lock("lock", false)
	require.NoError(t, err)
	assert.NoError(t, unlock())
	d, err := store.OpenDir(t.TempDir())
	require.NoError(t, err)
	unlock, err = (&faultstore.Store{Store: d}).Lock("lock", false)
	require.NoError(t, err)
	_, err = d.Lock("lock", false)
	assert.ErrorIs(t, err, store.ErrLocked)
	assert.NoError(t, unlock())
}

func TestListStopsEarly(t *testing.T) {
	m := store.NewMemory()
	for i := range 3 {
		_, err := m.PutIfAbsent(context.Background(), fmt.Sprint(i), nil)
		require.NoError(t, err)
	}
	n := 0
	for range (&faultstore.Store{Store: m, After: on(faultstore.List)}).List(context.Background(), "") {
		n++
		break
	}
	assert.Equal(t, 1, n)
}
