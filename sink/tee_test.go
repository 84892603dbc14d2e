package sink

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// late reads each chunk after the other sinks had time to return from it.
type late struct {
	stream.Sink
	rows []string
}

func (l *late) Stage(_ context.Context, b stream.Batch) (stream.Receipt, error) {
	for rows, err := range b.Rows {
		if err != nil {
			return stream.Receipt{}, err
		}
		time.Sleep(time.Millisecond)
		l.rows = append(l.rows, recordRows(rows.Record)...)
	}
	return stream.Receipt{Files: []stream.File{{Path: "late"}}}, nil
}

func (l *late) Publish(context.Context, stream.BatchID, stream.Receipt) error { return nil }

func TestTee(t *testing.T) {
	mem := checked(t)
	st := store.NewMemory()
	slow := &late{}
	count := 0
	tee := Tee{
		&Parquet{Store: st, Staging: "staging/a", Memory: 2 << 10, Spill: t.TempDir()}, slow,
		stream.SinkFunc(func(_ context.Context, r stream.Rows) error { count += int(r.Record.NumRows()); return nil }),
	}
	var want []string
	chunks := mixed(mem, 40, 30)
	for _, c := range chunks {
		want = append(want, recordRows(c[0].Record)...)
	}
	r, err := tee.Stage(t.Context(), batchOf(chunks...))
	require.NoError(t, err)
	assert.Equal(t, want, slow.rows)
	assert.Equal(t, len(want), count)
	require.Len(t, r.Parts, 3)
	assert.Len(t, r.Parts[0].Files, 30)
	assert.Equal(t, "late", r.Parts[1].Files[0].Path)
	assert.Empty(t, r.Parts[2])

	require.NoError(t, tee.Publish(t.Context(), batch7, r))
	assert.Len(t, names(st, "t/"), 30)
	_, err = st.PutIfAbsent(t.Context(), "staging/a/abcd1234/000000000007/x", nil)
	require.NoError(t, err)
	require.NoError(t, tee.Sweep(t.Context(), batch7))
	assert.Empty(t, names(st, "staging"))

	assert.EqualError(t, tee[:2].Publish(t.Context(), batch7, r),
		"sink: receipt from 3 sinks given to a Tee of 2: restart with the sinks that staged the batch")
	assert.ErrorIs(t, Tee{&Parquet{Store: store.NewMemory()}}.Publish(t.Context(), batch7, stream.Receipt{Parts: r.Parts[:1]}), fs.ErrNotExist)
}

// sinkFunc makes a sink of a function that stages a batch.
type sinkFunc func(ctx context.Context, b stream.Batch) error

func (f sinkFunc) Stage(ctx context.Context, b stream.Batch) (stream.Receipt, error) {
	return stream.Receipt{}, f(ctx, b)
}
func (sinkFunc) Publish(context.Context, stream.BatchID, stream.Receipt) error { return nil }

// all reads all rows.
var all sinkFunc = func(_ context.Context, b stream.Batch) error {
	for _, err := range b.Rows {
		if err != nil {
			return err
		}
	}
	return nil
}

// sinkFailures are the ways in which one of several sinks may fail.
func sinkFailures() []sinkFailure {
	some := func(n int, end error) sinkFunc {
		return func(_ context.Context, b stream.Batch) error {
			left := n
			for rows, err := range b.Rows {
				if left--; left < 0 || err != nil {
					return end
				}
				_ = recordRows(rows.Record)
			}
			return end
		}
	}
	return []sinkFailure{
		{"at once", func(context.Context, stream.Batch) error { return errDisk }, nil, errDisk.Error()},
		{"in the middle", some(3, errDisk), nil, errDisk.Error()},
		{"at the end", some(10, errDisk), nil, errDisk.Error()},
		{"returns early", some(3, nil), nil, "sink: sink.sinkFunc returned before the end of the batch"},
		{"reads nothing", func(context.Context, stream.Batch) error { return nil }, nil, "sink: sink.sinkFunc returned before the end of the batch"},
		{"rows end in an error", all, errDisk, errDisk.Error()},
		{"hides the rows' error", some(20, nil), errDisk, errDisk.Error()},
		{"waits for the end of its context", func(ctx context.Context, _ stream.Batch) error { <-ctx.Done(); return ctx.Err() }, nil, "cancelled"},
	}
}

type sinkFailure struct {
	name string
	sink sinkFunc
	end  error // of the rows
	want string
}

// testFailures stages batches with a sink made of three, one of which fails. Each
// of them gets the rows of a record that pick returns true for.
func testFailures(t *testing.T, of func(sinks ...stream.Sink) stream.Sink, pick func(row int) bool) {
	for _, c := range sinkFailures() {
		for _, first := range []bool{true, false} {
			t.Run(c.name, func(t *testing.T) {
				mem := checked(t)
				routines := runtime.NumGoroutine()
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if c.want == "cancelled" {
					time.AfterFunc(5*time.Millisecond, func() { cancel(errors.New("cancelled")) })
				}
				slow := &late{}
				sinks := of(slow, c.sink, all)
				if first {
					sinks = of(c.sink, &late{}, slow)
				}
				var want []string
				chunks := mixed(mem, 10, 30)
				for _, c := range chunks {
					for i, r := range recordRows(c[0].Record) {
						if pick(i) {
							want = append(want, r)
						}
					}
				}
				r, err := sinks.Stage(ctx, failing(c.end, chunks...))
				assert.Equal(t, want[:len(slow.rows)], append([]string{}, slow.rows...), "rows are borrowed until all sinks have read them")
				require.Error(t, err)
				assert.Contains(t, []string{c.want, `sink: route "0": ` + c.want, `sink: route "1": ` + c.want}, err.Error())
				assert.Empty(t, r)
				assert.LessOrEqual(t, runtime.NumGoroutine(), routines+1)
			})
		}
	}
}

func TestTeeFails(t *testing.T) {
	testFailures(t, func(sinks ...stream.Sink) stream.Sink { return Tee(sinks) }, func(int) bool { return true })
}

func TestEmptyTee(t *testing.T) {
	mem := checked(t)
	r, err := Tee{}.Stage(t.Context(), batchOf(mixed(mem, 3, 3)...))
	require.NoError(t, err)
	assert.NoError(t, Tee{}.Publish(t.Context(), batch7, r))
}
