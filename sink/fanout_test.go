package sink

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/recordsize"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// idsOf returns the ids of small alerts.
func idsOf(r stream.Rows) []int64 { return r.Record.Column(0).(*array.Int64).Int64Values() }

// byDivisor routes each alert to the routes whose divisors divide its id; 0 divides none.
func byDivisor(divisors ...int64) func(context.Context, stream.Rows, [][]int32) error {
	return func(_ context.Context, rows stream.Rows, chosen [][]int32) error {
		for row, id := range idsOf(rows) {
			for i, d := range divisors {
				if d > 0 && id%d == 0 {
					chosen[i] = append(chosen[i], int32(row))
				}
			}
		}
		return nil
	}
}

func TestFanOut(t *testing.T) {
	mem := checked(t)
	st := store.NewMemory()
	parquet := func(table string) *Parquet {
		return &Parquet{Store: st, Staging: "staging/" + table, Memory: 2 << 10, Spill: t.TempDir()}
	}
	counts, slow := map[int64]int{}, &late{}
	two, seven := parquet("two"), parquet("seven")
	f := &FanOut{Routes: []Route{
		{"two", two}, {"late", slow}, {"never", parquet("never")}, {"seven", seven},
		{"count", stream.SinkFunc(func(_ context.Context, r stream.Rows) error {
			for _, id := range idsOf(r) {
				counts[id]++
			}
			return nil
		})},
	}, Choose: byDivisor(2, 3, 0, 7, 1)}
	chunks := mixed(mem, 40, 1)
	var want []string
	rows, n := map[int64]int{}, map[int64]int64{}
	for _, c := range chunks {
		for i, id := range idsOf(c[0]) {
			rows[id]++
			for _, d := range []int64{2, 7} {
				if id%d == 0 {
					n[d]++
				}
			}
			if id%3 == 0 {
				want = append(want, recordRows(c[0].Record)[i])
			}
		}
	}
	r, err := f.Stage(t.Context(), batchOf(chunks...))
	require.NoError(t, err)
	assert.Equal(t, rows, counts)
	assert.Equal(t, want, slow.rows)

	// Routes without files are left out, and the others are named.
	require.Len(t, r.Parts, 3)
	data, err := json.Marshal(r)
	require.NoError(t, err)
	var back stream.Receipt
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, []string{"two", "late", "seven"}, []string{back.Parts[0].Route, back.Parts[1].Route, back.Parts[2].Route})
	assert.Equal(t, n[2], back.Parts[0].Files[0].Rows)
	assert.Equal(t, n[7], back.Parts[2].Files[0].Rows)
	assert.Empty(t, names(st, "t/"))

	// After a restart there may be other routes, in another order.
	gone := &FanOut{Routes: []Route{{"new", &late{}}, {"seven", seven}, {"late", slow}}}
	assert.EqualError(t, gone.Publish(t.Context(), batch7, back),
		`sink: batch 7 has rows for the route "two", which is gone: restart with that route, and remove it once the batch is published`)
	assert.Empty(t, names(st, "t/"), "all or nothing")
	other := &FanOut{Routes: []Route{{"new", &late{}}, {"seven", seven}, {"two", two}, {"late", slow}}}
	back.Parts[0].Files[0].Path, back.Parts[2].Files[0].Path = "t/two", "t/seven" // they would have one name
	require.NoError(t, other.Publish(t.Context(), batch7, back))
	require.NoError(t, other.Publish(t.Context(), batch7, back), "again")
	assert.Equal(t, []string{"t/seven", "t/two"}, names(st, "t/"))

	_, err = st.PutIfAbsent(t.Context(), "staging/seven/abcd1234/000000000007/x", nil)
	require.NoError(t, err)
	require.NoError(t, f.Sweep(t.Context(), batch7))
	assert.Empty(t, names(st, "staging"))
}

func TestFanOutFails(t *testing.T) {
	for name, pick := range map[string]func(int) bool{
		"all rows": func(int) bool { return true }, "some rows": func(row int) bool { return row%3 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			testFailures(t, func(sinks ...stream.Sink) stream.Sink {
				f := &FanOut{}
				for i, s := range sinks {
					f.Routes = append(f.Routes, Route{fmt.Sprint(i), s})
				}
				f.Choose = func(_ context.Context, rows stream.Rows, chosen [][]int32) error {
					for row := range int(rows.Record.NumRows()) {
						for i := range chosen {
							if pick(row) {
								chosen[i] = append(chosen[i], int32(row))
							}
						}
					}
					return nil
				}
				return f
			}, pick)
		})
	}
}

// A failed batch leaves no staged files.
func TestFanOutDiscards(t *testing.T) {
	mem := checked(t)
	st := store.NewMemory()
	f := &FanOut{Routes: []Route{{"ok", &Parquet{Store: st}}, {"bad", &Parquet{Store: &faulty{Memory: st, close: 1}}}}, Choose: byDivisor(1, 1)}
	_, err := f.Stage(t.Context(), batchOf(mixed(mem, 5, 5)...))
	assert.ErrorIs(t, err, errDisk)
	assert.ErrorContains(t, err, `sink: route "bad": `)
	assert.Empty(t, names(st, ""))
}

func TestInvalidFanOut(t *testing.T) {
	mem := memory.NewGoAllocator()
	ok := Route{"a", &late{}}
	choose := func(index ...int32) func(context.Context, stream.Rows, [][]int32) error {
		return func(_ context.Context, _ stream.Rows, chosen [][]int32) error {
			chosen[0] = append(chosen[0], index...)
			return nil
		}
	}
	for _, c := range []struct {
		f    FanOut
		want string
	}{
		{FanOut{Routes: []Route{ok}}, "sink: FanOut needs Choose"},
		{FanOut{Routes: []Route{ok, {"", &late{}}}, Choose: choose()}, `sink: FanOut: route 1 ("") needs a Name and a Sink`},
		{FanOut{Routes: []Route{{"b", nil}}, Choose: choose()}, `sink: FanOut: route 0 ("b") needs a Name and a Sink`},
		{FanOut{Routes: []Route{ok, ok}, Choose: choose()}, `sink: FanOut: two routes are named "a"`},
		{FanOut{Routes: []Route{ok}, Choose: choose(3, 3)}, `sink: FanOut: Choose: route "a": row 3 after row 3 of 16: the rows must be in ascending order`},
		{FanOut{Routes: []Route{ok}, Choose: choose(16)}, `sink: FanOut: Choose: route "a": row 16 after row -1 of 16: the rows must be in ascending order`},
		{FanOut{Routes: []Route{ok}, Choose: func(context.Context, stream.Rows, [][]int32) error { return errDisk }}, errDisk.Error()},
	} {
		_, err := c.f.Stage(t.Context(), batchOf(mixed(mem, 2, 2)...))
		assert.EqualError(t, err, c.want)
	}

	part := stream.Receipt{Files: []stream.File{{Path: "x"}}}
	f := &FanOut{Routes: []Route{ok}}
	assert.EqualError(t, f.Publish(t.Context(), batch7, part), "sink: receipt from another sink given to a FanOut: restart with the sinks that staged the batch")
	assert.EqualError(t, f.Publish(t.Context(), batch7, stream.Receipt{Parts: []stream.Receipt{part}}),
		"sink: receipt from a Tee of 1 given to a FanOut: restart with the sinks that staged the batch")
	part.Route = "a"
	whole := stream.Receipt{Parts: []stream.Receipt{part}}
	assert.EqualError(t, Tee{&late{}}.Publish(t.Context(), batch7, whole), "sink: receipt from a FanOut given to a Tee of 1: restart with the sinks that staged the batch")
	assert.EqualError(t, (&Parquet{}).Publish(t.Context(), batch7, whole), "sink: receipt from a FanOut given to Parquet: restart with the sinks that staged the batch")
	assert.NoError(t, f.Publish(t.Context(), batch7, whole))
}

// A FanOut within a Tee within a FanOut publishes what it staged.
func TestNestedFanOut(t *testing.T) {
	mem := checked(t)
	st := store.NewMemory()
	inner := &FanOut{Routes: []Route{{"odd", &late{}}, {"even", &Parquet{Store: st}}}, Choose: byDivisor(0, 2)}
	outer := &FanOut{Routes: []Route{{"x", Tee{&late{}, inner}}}, Choose: byDivisor(1)}
	r, err := outer.Stage(t.Context(), batchOf(mixed(mem, 5, 1)...))
	require.NoError(t, err)
	require.NoError(t, outer.Publish(t.Context(), batch7, r))
	assert.Len(t, names(st, "t/"), 1)
}

// A copy does not keep the rows alive that were not chosen, and says from which
// rows of the input its rows were made.
func TestFanOutCopies(t *testing.T) {
	checked(t)
	whole := alertRecord(alertSchema(), 1, 64, 1)
	want := recordRows(whole)
	var kept arrow.Record
	f := &FanOut{Routes: []Route{{"a", stream.SinkFunc(func(_ context.Context, r stream.Rows) error {
		assert.Equal(t, []int32{19, 105}, r.From)
		r.Record.Retain()
		kept = r.Record
		return nil
	})}}, Choose: func(_ context.Context, _ stream.Rows, chosen [][]int32) error {
		chosen[0] = append(chosen[0], 9, 52)
		return nil
	}}
	rows := stream.Rows{Table: "t", Record: whole}
	for i := range int32(64) {
		rows.From = append(rows.From, 2*i+1)
	}
	_, err := f.Stage(t.Context(), batchOf([]stream.Rows{rows}))
	require.NoError(t, err)
	defer kept.Release()
	assert.Less(t, recordsize.Of(kept), int64(200_000), "two alerts of about 60 kB")
	assert.Equal(t, []string{want[9], want[52]}, recordRows(kept))
}

// BenchmarkFanOut gives 64 alerts at a time to none of 20 routes, or one alert to
// each, and to one sink without a FanOut.
func BenchmarkFanOut(b *testing.B) {
	r := alertRecord(alertSchema(), 1, 64, 1)
	none := stream.SinkFunc(func(context.Context, stream.Rows) error { return nil })
	batch := func(n int) stream.Batch {
		return stream.Batch{Rows: func(yield func(stream.Rows, error) bool) {
			for i := 0; i < n && yield(stream.Rows{Table: "t", Record: r}, nil); i++ {
			}
		}}
	}
	f := &FanOut{}
	for i := range 20 {
		f.Routes = append(f.Routes, Route{fmt.Sprint(i), none})
	}
	for _, chosen := range []int{0, 1, 64} {
		b.Run(fmt.Sprint(chosen, " of 64"), func(b *testing.B) {
			f.Choose = func(_ context.Context, _ stream.Rows, out [][]int32) error {
				for i := range out {
					for row := range int32(chosen) {
						out[i] = append(out[i], row)
					}
				}
				return nil
			}
			b.ReportAllocs()
			_, err := f.Stage(b.Context(), batch(b.N))
			require.NoError(b, err)
		})
	}
	b.Run("no FanOut", func(b *testing.B) {
		_, err := none.Stage(b.Context(), batch(b.N))
		require.NoError(b, err)
	})
}

// A sink may keep rows whose record it retains, with From.
func TestFanOutRetained(t *testing.T) {
	mem := checked(t)
	var kept []stream.Rows
	keep := stream.SinkFunc(func(_ context.Context, r stream.Rows) error {
		r.Record.Retain()
		kept = append(kept, r)
		return nil
	})
	f := &FanOut{Routes: []Route{{"keep", keep}}, Choose: byDivisor(2)}
	chunks := mixed(mem, 40, 1)
	var want [][]int32
	for _, c := range chunks {
		var from []int32
		for i, id := range idsOf(c[0]) {
			if id%2 == 0 {
				from = append(from, int32(i))
			}
		}
		if len(from) > 0 && len(from) < int(c[0].Record.NumRows()) {
			want = append(want, from)
		}
	}
	require.Greater(t, len(want), 1)
	_, err := f.Stage(t.Context(), batchOf(chunks...))
	require.NoError(t, err)
	var got [][]int32
	for _, r := range kept {
		if r.From != nil {
			got = append(got, r.From)
		}
		r.Record.Release()
	}
	assert.Equal(t, want, got)
}
