package crossmatch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// troubled is a catalogue that fails after a few calls.
type troubled struct {
	*Catalog
	left    atomic.Int64
	trouble func(context.Context, Answer) (Answer, error)
}

func (x *troubled) Nearest(ctx context.Context, p Positions, radius Angle) (Answer, error) {
	a, err := x.Catalog.Nearest(ctx, p, radius)
	if err != nil || x.left.Add(-1) >= 0 {
		return a, err
	}
	return x.trouble(ctx, a)
}

// If one of several catalogues misbehaves, Apply, Match and Retry release the answers of
// all of them.
func TestTransformReleasesOnFailure(t *testing.T) {
	errNo := errors.New("no")
	for name, trouble := range map[string]func(context.Context, Answer) (Answer, error){
		"an error":           func(_ context.Context, a Answer) (Answer, error) { a.Rows.Release(); return Answer{}, errNo },
		"an error, and rows": func(_ context.Context, a Answer) (Answer, error) { return a, errNo },
		"few matches":        func(_ context.Context, a Answer) (Answer, error) { a.Matches = a.Matches[1:]; return a, nil },
		"few rows": func(_ context.Context, a Answer) (Answer, error) {
			defer a.Rows.Release()
			a.Rows = a.Rows.NewSlice(1, a.Rows.NumRows())
			return a, nil
		},
		"no rows": func(_ context.Context, a Answer) (Answer, error) { a.Rows.Release(); a.Rows = nil; return a, nil },
		"a panic": func(_ context.Context, a Answer) (Answer, error) { a.Rows.Release(); panic(errNo) },
		"patience": func(ctx context.Context, a Answer) (Answer, error) {
			a.Rows.Release()
			<-ctx.Done()
			return Answer{}, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			mem := checkedMemory(t)
			rec := fromJSON(t, mem, `[{"ra": 10, "dec": 0}, {"ra": 20, "dec": 0}, {"ra": null, "dec": 0}]`, raField, decField)
			tr := &Transform{Memory: mem}
			var x *troubled
			for i := range 4 {
				j := Join{Name: fmt.Sprint("c", i), Matcher: namedCatalog(t, mem, fmt.Sprint(i), 10, 30), Radius: Arcsecond}
				if i == 2 {
					x = &troubled{Catalog: j.Matcher.(*Catalog), trouble: allFail}
					j.Matcher = x
				}
				tr.Joins = append(tr.Joins, j)
			}
			failed, err := tr.Match(t.Context(), rec)
			require.NoError(t, err)
			defer failed.Release()
			assert.Equal(t, "failed|failed|invalid", text(failed)["c2_match"])

			x.trouble = trouble
			for what, do := range map[string]func(ctx context.Context) error{
				"match": func(ctx context.Context) error { got, err := tr.Match(ctx, rec); return released(got, err) },
				"again": func(ctx context.Context) error { got, err := tr.Retry(ctx, failed); return released(got, err) },
				"apply": func(ctx context.Context) error {
					got, err := tr.Apply(ctx, stream.Rows{Record: rec})
					got.Release()
					return err
				},
			} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				if name == "patience" {
					ctx, cancel = context.WithTimeout(t.Context(), 5*time.Millisecond)
				}
				x.left.Store(0)
				var panicked any
				err := func() error {
					defer func() { panicked = recover() }()
					return do(ctx)
				}()
				cancel()
				assert.Equal(t, name == "a panic", panicked != nil, what)
				if panicked == nil {
					assert.Error(t, err, what)
				}
				x.left.Store(1)
				assert.NoError(t, do(t.Context()), "the next time")
			}
		})
	}
}

// allFail returns the answer of an unavailable catalogue.
func allFail(_ context.Context, a Answer) (Answer, error) {
	a.Rows.Release()
	for i := range a.Matches {
		if a.Matches[i].Status != StatusInvalid {
			a.Matches[i] = Match{Row: -1, Status: StatusFailed, Separation: nan}
		}
	}
	return Answer{Matches: a.Matches, Cause: errors.New("away")}, nil
}

func released(rec arrow.Record, err error) error {
	if rec != nil {
		rec.Release()
	}
	return err
}

// A closed catalogue is an error, and nothing leaks.
func TestTransformClosed(t *testing.T) {
	mem := checkedMemory(t)
	rec := fromJSON(t, mem, `[{"ra": 10, "dec": 0}, {"ra": 20, "dec": 0}]`, raField, decField)
	c := namedCatalog(t, mem, "x", 10, 20)
	tr := &Transform{Memory: mem, Joins: []Join{{Name: "c", Matcher: c, Radius: Arcsecond}}}
	one, err := tr.Match(t.Context(), rec)
	require.NoError(t, err)
	defer one.Release()
	require.NoError(t, c.Close())
	for range 3 { // pooled memory still works
		_, err = tr.Match(t.Context(), rec)
		assert.ErrorIs(t, err, fs.ErrClosed)
		_, err = tr.MatchAll(t.Context(), rec, 0)
		assert.ErrorIs(t, err, fs.ErrClosed)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = tr.MatchAll(ctx, rec, 0)
		assert.ErrorIs(t, err, context.Canceled)
	}
	assert.Equal(t, "x0|x1", text(one)["c_name"], "what was answered stays")
}
