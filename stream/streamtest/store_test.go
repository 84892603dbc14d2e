package streamtest_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/stream/store"
	"github.com/skyfinch/skyfinch/stream/streamtest"
)

// Each of these stores has one fault, which TestStore must report.

type overwrites struct{ store.Store }

func (s overwrites) PutIfAbsent(ctx context.Context, name string, data []byte) ([]byte, error) {
	s.Delete(ctx, name)
	return s.Store.PutIfAbsent(ctx, name, data)
}

type boasts struct{ store.Store }

func (s boasts) PutIfAbsent(ctx context.Context, name string, data []byte) ([]byte, error) {
	_, err := s.Store.PutIfAbsent(ctx, name, data)
	return data, err
}

type shows struct{ store.Store }

func (s shows) Stage(ctx context.Context, name, final string) (store.Writer, error) {
	s.PutIfAbsent(ctx, final, nil)
	return s.Store.Stage(ctx, name, final)
}

type forgets struct{ store.Store }

func (s forgets) Publish(ctx context.Context, name, final string, size int64) error {
	if _, err := s.Get(ctx, name); err != nil {
		return err
	}
	return s.Store.Publish(ctx, name, final, size)
}

type trusts struct{ store.Store }

func (s trusts) Publish(ctx context.Context, name, final string, size int64) error {
	if _, err := s.Get(ctx, name); err != nil {
		if _, err := s.Get(ctx, final); err == nil {
			return nil // whatever its size
		}
	}
	return s.Store.Publish(ctx, name, final, size)
}

type copies struct{ store.Store }

func (s copies) Publish(ctx context.Context, name, final string, size int64) error {
	data, err := s.Get(ctx, name)
	if err != nil {
		return s.Store.Publish(ctx, name, final, size)
	}
	if err := s.Store.Publish(ctx, name, final, size); err != nil {
		return err
	}
	_, err = s.PutIfAbsent(ctx, name, data)
	return err
}

// walks lists as a walk of directories would.
type walks struct{ store.Store }

func (s walks) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	var all []store.Entry
	for e := range s.Store.List(ctx, prefix) {
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b store.Entry) int {
		return slices.Compare(strings.Split(a.Name, "/"), strings.Split(b.Name, "/"))
	})
	return func(yield func(store.Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

type complains struct{ store.Store }

func (s complains) Delete(ctx context.Context, name string) error {
	if _, err := s.Get(ctx, name); err != nil {
		return err
	}
	return s.Store.Delete(ctx, name)
}

// keeps completes aborted files.
type keeps struct{ store.Store }

type keptWriter struct{ store.Writer }

func (s keeps) Stage(ctx context.Context, name, final string) (store.Writer, error) {
	w, err := s.Store.Stage(ctx, name, final)
	return keptWriter{w}, err
}

func (w keptWriter) Abort() error { w.Writer.Close(); return nil }

// undoes removes a closed file when it is aborted.
type undoes struct{ store.Store }

type undoneWriter struct {
	store.Writer
	undo func()
}

func (s undoes) Stage(ctx context.Context, name, final string) (store.Writer, error) {
	w, err := s.Store.Stage(ctx, name, final)
	return undoneWriter{w, func() { s.Delete(ctx, name) }}, err
}

func (w undoneWriter) Abort() error { w.undo(); return w.Writer.Abort() }

// drifts reads from the wrong offset if the offset is odd.
type drifts struct{ store.Store }

type driftReader struct{ store.Reader }

func (s drifts) Open(ctx context.Context, name string) (store.Reader, error) {
	r, err := s.Store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return driftReader{r}, nil
}

func (r driftReader) ReadAt(p []byte, off int64) (int, error) { return r.Reader.ReadAt(p, off+off%2) }

func TestStoreFindsBreaches(t *testing.T) {
	for name, test := range map[string]struct {
		store  store.Store
		breach string
	}{
		"overwrites": {overwrites{store.NewMemory()}, `records: a put of an existing name returns "second"`},
		"boasts":     {boasts{store.NewMemory()}, "racers received their own record"},
		"shows":      {shows{store.NewMemory()}, `stage: a staged file is visible as ["table/a"]`},
		"keeps":      {keeps{store.NewMemory()}, `abort: an aborted file left ["staging/1/a"]`},
		"undoes":     {undoes{store.NewMemory()}, "abort: Publish after Abort after Close: "},
		"drifts":     {drifts{store.NewMemory()}, "open: table/x: wrong bytes"},
		"forgets":    {forgets{store.NewMemory()}, "publish: Publish, repeatedly: "},
		"trusts":     {trusts{store.NewMemory()}, "publish: Publish of a missing file over one of another size"},
		"copies":     {copies{store.NewMemory()}, `publish: a published file is still staged as ["staging/x"]`},
		"walks":      {walks{store.NewMemory()}, `list: List "" yields `},
		"complains":  {complains{store.NewMemory()}, "delete: Delete of a missing name: "},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, streamtest.TestStore(test.store), test.breach)
		})
	}
}

func TestStoreMustBeEmpty(t *testing.T) {
	s := store.NewMemory()
	s.PutIfAbsent(context.Background(), "x", nil)
	assert.EqualError(t, streamtest.TestStore(s), `streamtest: the store is not empty: ["x"]`)
}
