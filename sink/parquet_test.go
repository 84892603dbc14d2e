package sink

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

func TestTablesAndHours(t *testing.T) {
	mem := checked(t)
	p := &Parquet{Store: store.NewMemory()}
	r, files := stage(t, p, batchOf(
		[]stream.Rows{small(mem, "alerts/ztf", row{5, 1}, row{1, 0}, row{4, 1}), small(mem, "alerts/lsst", row{9, 1})},
		nil,
		[]stream.Rows{small(mem, "alerts/ztf"), small(mem, "alerts/ztf", row{3, 1}, row{2, 0})},
	))
	hour := time.Unix(3600, 0).UTC()
	us := func(n int) time.Time { return hour.Add(time.Duration(n) * time.Microsecond) }
	for i := range r.Files {
		assert.Regexp(t, fmt.Sprintf("^staging/abcd1234/000000000007/try/[a-z0-9]{8}-%d$", i), r.Files[i].StagedPath)
		r.Files[i].StagedPath = ""
		r.Files[i].Bytes = 0
	}
	assert.Equal(t, []stream.File{
		{Table: "alerts/lsst", Path: "alerts/lsst/1970/01/01/01/abcd1234-000000000007-0.parquet", Rows: 1, First: us(9), Last: us(9)},
		{Table: "alerts/ztf", Path: "alerts/ztf/1970/01/01/00/abcd1234-000000000007-1.parquet", Rows: 2, First: us(1).Add(-time.Hour), Last: us(2).Add(-time.Hour)},
		{Table: "alerts/ztf", Path: "alerts/ztf/1970/01/01/01/abcd1234-000000000007-2.parquet", Rows: 3, First: us(3), Last: us(5)},
	}, r.Files)
	want := func(rows ...row) []string {
		rec := small(memory.NewGoAllocator(), "", rows...).Record
		return recordRows(rec)
	}
	assert.Equal(t, map[string][]string{
		r.Files[0].Path: want(row{9, 1}),
		r.Files[1].Path: want(row{1, 0}, row{2, 0}),
		r.Files[2].Path: want(row{5, 1}, row{4, 1}, row{3, 1}),
	}, files)
	assert.Empty(t, names(p.Store, "staging"))
}

func TestNothingToWrite(t *testing.T) {
	p := &Parquet{Store: store.NewMemory()}
	r, files := stage(t, p, batchOf(nil, []stream.Rows{small(memory.DefaultAllocator, "t")}))
	assert.Empty(t, r.Files)
	assert.Empty(t, files)
	assert.Empty(t, names(p.Store, ""))
}

// The rows of a batch and their order do not depend on Memory. The records have
// several schemas of one table, some with views.
func TestMemoryChangesNoRow(t *testing.T) {
	for seed := range uint64(8) {
		mem := checked(t)
		d := newDice(seed, mem)
		hours := 1 + d.IntN(150)
		all := d.fields(6, 3)
		var schemas []*arrow.Schema
		for range 1 + d.IntN(4) {
			fields := []arrow.Field{{Name: eventColumn, Type: utc}}
			for _, i := range d.Perm(len(all))[:1+d.IntN(5)] {
				fields = append(fields, all[i])
			}
			schemas = append(schemas, arrow.NewSchema(fields, nil))
		}
		var records []arrow.Record
		want := map[string][]string{}
		for range 20 {
			rec := d.record(schemas[d.IntN(len(schemas))], d.IntN(20), hours)
			records = append(records, rec)
			for i, text := range recordRows(rec) {
				hour := int(rec.Column(0).(*array.Timestamp).Value(i) / 3600e6)
				want[dirOf("t", hour)] = append(want[dirOf("t", hour)], sortedWords(text))
			}
		}
		for _, memory := range []int64{0, 1, 3 << 10, 20 << 10, 100 << 10} {
			var chunks [][]stream.Rows
			for _, r := range records {
				r.Retain()
				chunks = append(chunks, []stream.Rows{{Table: "t", Record: r, From: make([]int32, r.NumRows())}})
			}
			p := &Parquet{Store: store.NewMemory(), Memory: memory, Spill: t.TempDir(), Compression: Compression(seed % 3), Workers: int(seed % 3)}
			r, files := stage(t, p, batchOf(chunks...))
			got := map[string][]string{}
			for _, f := range r.Files { // in the order of their numbers
				dir := f.Path[:len("t/1970/01/01/00")]
				for _, text := range files[f.Path] {
					got[dir] = append(got[dir], sortedWords(text))
				}
			}
			require.Equal(t, want, got, "seed %d, memory %d", seed, memory)
			left, err := os.ReadDir(p.Spill)
			require.NoError(t, err)
			assert.Empty(t, left)
		}
		for _, r := range records {
			r.Release()
		}
		if t.Failed() {
			return
		}
	}
}

// sortedWords makes rows independent of the order of columns.
func sortedWords(s string) string {
	words := []byte(s)
	slices.Sort(words)
	return string(words)
}

// wide returns a row of hour 0 with the given columns, whose values are id.
func wide(t testing.TB, mem memory.Allocator, id int, columns ...string) stream.Rows {
	fields := []arrow.Field{{Name: eventColumn, Type: utc}}
	text := `{"event_time": "1970-01-01 00:00:00"`
	for _, name := range columns {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64})
		text += fmt.Sprintf(`, %q: %d`, name, id)
	}
	return stream.Rows{Table: "t", Record: fromJSON(t, mem, "["+text+"}]", fields...)}
}

func ids(t *testing.T, rows []string) (ids []int) {
	for _, r := range rows {
		var s string
		var id int
		_, err := fmt.Sscanf(r[len(`event_time="1970-01-01 00:00:00Z"`):], `%1s="%d`, &s, &id)
		require.NoError(t, err, r)
		ids = append(ids, id)
	}
	return ids
}

func TestSchemaWidens(t *testing.T) {
	for _, c := range []struct {
		name   string
		memory int64 // 1 makes each row a row group
		rows   [][]string
		files  [][]int
	}{
		{"before anything is written", 0, [][]string{{"a"}, {"a", "b"}, {"b"}}, [][]int{{0, 1, 2}}},
		{"after a row group", 1, [][]string{{"a"}, {"a"}, {"a", "b"}, {"a", "b"}}, [][]int{{0, 1}, {2, 3}}},
		{"narrower ones follow", 1, [][]string{{"a", "b"}, {"a", "b", "c"}, {"a"}, {"a", "c"}, {"a", "b"}}, [][]int{{0}, {1}, {2, 3, 4}}},
		{"the file lets nulls in already", 1, [][]string{{"b"}, {"a"}, {"b"}, {"a"}, {"a", "b"}}, [][]int{{0}, {1, 2, 3, 4}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := checked(t)
			var chunks [][]stream.Rows
			for i, columns := range c.rows {
				chunks = append(chunks, []stream.Rows{wide(t, mem, i, columns...)})
			}
			r, files := stage(t, &Parquet{Store: store.NewMemory(), Memory: c.memory}, batchOf(chunks...))
			var got [][]int
			for _, f := range r.Files {
				got = append(got, ids(t, files[f.Path]))
			}
			assert.Equal(t, c.files, got)
		})
	}
}

// A directory whose rows fit its file continues it even if the table was widened
// by other directories: users complain most about small files.
func TestOtherHoursWiden(t *testing.T) {
	p := &Parquet{Store: store.NewMemory(), Memory: 1}
	mem := checked(t)
	field := nullable("x", arrow.PrimitiveTypes.Int32)
	rec := func(hour string, fields ...arrow.Field) stream.Rows {
		return stream.Rows{Table: "t", Record: fromJSON(t, mem, `[{"event_time": "1970-01-01 `+hour+`:00:00"}]`, append(fields, arrow.Field{Name: eventColumn, Type: utc})...)}
	}
	r, _ := stage(t, p, batchOf(
		[]stream.Rows{rec("00", field)},
		[]stream.Rows{rec("01", nullable("x", arrow.PrimitiveTypes.Int64), nullable("y", arrow.PrimitiveTypes.Int32))},
		[]stream.Rows{rec("00", field)},
	))
	require.Len(t, r.Files, 2)
	assert.EqualValues(t, 2, r.Files[0].Rows)
}

func TestReceiptSpansOneFile(t *testing.T) {
	mem := checked(t)
	first := small(mem, "t", row{1, 0}, row{2, 0})
	second := fromJSON(t, mem, `[{"event_time": "1970-01-01 00:30:00", "more": 1}]`, arrow.Field{Name: eventColumn, Type: utc}, nullable("more", arrow.PrimitiveTypes.Int64))
	r, _ := stage(t, &Parquet{Store: store.NewMemory(), Memory: 1}, batchOf([]stream.Rows{first}, []stream.Rows{{Table: "t", Record: second}}))
	require.Len(t, r.Files, 2)
	assert.Equal(t, int64(2), r.Files[0].Last.UnixMicro())
	assert.Equal(t, 30*time.Minute, r.Files[1].First.Sub(time.Unix(0, 0)))
}

func TestConflictsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		types []arrow.DataType
		want  string
	}{
		{"types", []arrow.DataType{arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String}, `sink: table "t": avroarrow: merge: x: utf8 does not fit into int32`},
		{"no form", []arrow.DataType{arrow.PrimitiveTypes.Uint8}, `sink: table "t": parquetfile: x: type uint8 is not supported`},
	} {
		var rows []stream.Rows
		for _, typ := range c.types {
			rows = append(rows, stream.Rows{Table: "t", Record: fromJSON(t, memory.DefaultAllocator, `[{"event_time": "1970-01-01 00:00:00"}]`, arrow.Field{Name: eventColumn, Type: utc}, nullable("x", typ))})
		}
		_, err := (&Parquet{Store: store.NewMemory(), Memory: 1}).Stage(t.Context(), batchOf(rows))
		assert.EqualError(t, err, c.want, c.name)
	}
}

func TestTableNames(t *testing.T) {
	for name, fine := range map[string]bool{
		"": true, "alerts": true, "alerts/ztf": true, "a/b/c d": true,
		".": false, "..": false, "../alerts": false, "alerts/../..": false, "/alerts": false, "alerts/": false, "a//b": false, "a/./b": false, "\xff": false,
	} {
		st := store.NewMemory()
		r, err := (&Parquet{Store: st}).Stage(t.Context(), batchOf([]stream.Rows{small(memory.DefaultAllocator, name, row{1, 0})}))
		if !fine {
			assert.ErrorContains(t, err, "must be a relative path", name)
			assert.Empty(t, names(st, ""), name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, dirOf(name, 0)+"/abcd1234-000000000007-0.parquet", r.Files[0].Path)
	}
}

func TestPublishAndSweep(t *testing.T) {
	st := store.NewMemory()
	p := &Parquet{Store: st, Staging: "staging/rows"}
	others := []string{
		"staging/rows/abcd1234/0000000000070/x", "staging/rows/abcd1234/000000000008/try/x-0",
		"staging/rows/other123/000000000007/try/x-0", "staging/rows2/abcd1234/000000000007/x",
	}
	for _, name := range append(others, "staging/rows/abcd1234/000000000007/dead/x-0", "t/x") {
		_, err := st.PutIfAbsent(t.Context(), name, []byte("x"))
		require.NoError(t, err)
	}
	r, err := p.Stage(t.Context(), batchOf([]stream.Rows{small(memory.DefaultAllocator, "t", row{1, 0}, row{2, 5})}))
	require.NoError(t, err)
	final := []string{"t/1970/01/01/00/abcd1234-000000000007-0.parquet", "t/1970/01/01/05/abcd1234-000000000007-1.parquet", "t/x"}
	assert.Equal(t, final[2:], names(st, "t/"), "nothing is visible yet")
	for range 2 {
		require.NoError(t, p.Publish(t.Context(), batch7, r))
		assert.Equal(t, final, names(st, "t/"))
	}
	for range 2 {
		require.NoError(t, p.Sweep(t.Context(), batch7))
		assert.Equal(t, others, names(st, "staging"), "another batch's, another ledger's, another directory's")
		assert.Equal(t, final, names(st, "t/"))
	}
	require.NoError(t, st.Delete(t.Context(), final[0]))
	assert.ErrorIs(t, p.Publish(t.Context(), batch7, r), os.ErrNotExist)
	assert.EqualError(t, p.Publish(t.Context(), batch7, stream.Receipt{Parts: []stream.Receipt{r}}),
		"sink: receipt from a Tee of 1 given to Parquet: restart with the sinks that staged the batch")
	assert.ErrorContains(t, p.Publish(t.Context(), batch7, stream.Receipt{Data: []byte("{}")}), "sink: receipt from another sink given to Parquet")
}

// By default, a job's sink and its rejects share the staging directory. Either
// sweeps it after both have published.
func TestSharedStaging(t *testing.T) {
	st := store.NewMemory()
	p := &Parquet{Store: st}
	a, err := p.Stage(t.Context(), batchOf([]stream.Rows{small(memory.DefaultAllocator, "a", row{1, 0})}))
	require.NoError(t, err)
	b, err := p.Stage(t.Context(), batchOf([]stream.Rows{small(memory.DefaultAllocator, "b", row{2, 0})}))
	require.NoError(t, err)
	require.NoError(t, p.Publish(t.Context(), batch7, a))
	require.NoError(t, p.Publish(t.Context(), batch7, b))
	assert.Len(t, names(st, ""), 2)
	require.NoError(t, p.Sweep(t.Context(), batch7))
	assert.Len(t, names(st, ""), 2)
}

func TestNoStore(t *testing.T) {
	_, err := (&Parquet{}).Stage(t.Context(), batchOf())
	assert.EqualError(t, err, "sink: Parquet needs a Store")
	_, err = (&Parquet{Store: store.NewMemory(), Compression: 3}).Stage(t.Context(), batchOf())
	assert.EqualError(t, err, "sink: invalid Compression(3)")
}

// mixed returns chunks of rows of many hours, in an order that needs spilling.
func mixed(mem memory.Allocator, chunks, hours int) (out [][]stream.Rows) {
	d := newDice(1, mem)
	for range chunks {
		var rows []row
		for range 16 {
			rows = append(rows, row{d.Int64N(1000), d.IntN(hours)})
		}
		out = append(out, []stream.Rows{small(mem, "t", rows...)})
	}
	return out
}

func TestStoreFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(f *faulty, n int)
		calls int // that a batch makes at least
	}{
		{"stage", func(f *faulty, n int) { f.stage = n }, 3},
		{"write", func(f *faulty, n int) { f.write = n }, 6},
		{"close", func(f *faulty, n int) { f.close = n }, 3},
		{"publish", func(f *faulty, n int) { f.publish = n }, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := checked(t)
			for _, memory := range []int64{0, 1 << 10} {
				for n := 1; n <= c.calls; n++ {
					st := &faulty{Memory: store.NewMemory()}
					c.fault(st, n)
					p := &Parquet{Store: st, Memory: memory, Spill: t.TempDir(), Workers: 1}
					before := openFiles(t)
					r, err := p.Stage(t.Context(), batchOf(mixed(mem, 10, 3)...))
					assert.Equal(t, 0, st.open, "files left open")
					if c.name == "write" {
						assert.Positive(t, st.aborted, "what is not wanted need not be synced")
					}
					assert.Equal(t, before, openFiles(t))
					if err == nil {
						err = p.Publish(t.Context(), batch7, r)
					} else {
						assert.Empty(t, r)
						assert.Empty(t, names(st, "t/"))
						assert.Empty(t, names(st, "staging/"), "an attempt that no commit can name leaves nothing")
					}
					require.ErrorIs(t, err, errDisk)
					require.NoError(t, p.Sweep(t.Context(), batch7))
					assert.Empty(t, names(st, "staging/"))
				}
			}
		})
	}
}

func TestAbandoned(t *testing.T) {
	mem := checked(t)
	files, routines := openFiles(t), runtime.NumGoroutine()
	dir := t.TempDir()
	st, err := store.OpenDir(dir)
	require.NoError(t, err)
	for _, memory := range []int64{0, 1 << 10} {
		p := &Parquet{Store: st, Memory: memory, Spill: dir + "/spill"}
		_, err := p.Stage(t.Context(), failing(errDisk, mixed(mem, 20, 200)...))
		assert.ErrorIs(t, err, errDisk)
		require.NoError(t, p.Sweep(t.Context(), batch7))
	}
	assert.Equal(t, files, openFiles(t))
	assert.LessOrEqual(t, runtime.NumGoroutine(), routines)
	left, err := os.ReadDir(dir + "/spill")
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestSpillFails(t *testing.T) {
	mem := checked(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/taken", nil, 0o600))
	_, err := (&Parquet{Store: store.NewMemory(), Memory: 1, Spill: dir + "/taken"}).Stage(t.Context(), batchOf(mixed(mem, 20, 200)...))
	assert.ErrorContains(t, err, "sink: spill rows of many hours to "+dir)
	_, err = newSpillFile(dir + "/taken")
	assert.Error(t, err)
}

func TestBatchesMakeTheSameFiles(t *testing.T) {
	var first map[string][]string
	for range 3 {
		_, files := stage(t, &Parquet{Store: store.NewMemory(), Memory: 2 << 10}, batchOf(mixed(memory.DefaultAllocator, 30, 40)...))
		if first == nil {
			first = files
		}
		assert.Equal(t, slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(files)))
		assert.Equal(t, first, files)
	}
}
