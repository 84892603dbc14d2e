package archive_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// starts returns where a new job begins, by table.
func starts(t *testing.T, s *archive.Source) map[string]int64 {
	out := map[string]int64{}
	for _, e := range extents(t, s) {
		_, table, _ := strings.Cut(e.Partition, "/")
		out[table] = e.Start
	}
	return out
}

// A new job begins with the first row, with a commit time, or now; a table that
// appears later is read from its beginning, and a job that goes on reads all.
func TestSourceSince(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(120)
	middle := time.Now()
	s.grow(50)
	now := &archive.Source{Dir: s.dir, Since: time.Now()}
	for want, source := range map[int64]*archive.Source{0: {Dir: s.dir}, 120: {Dir: s.dir, Since: middle}, 170: now} {
		assert.Equal(t, map[string]int64{"alerts/ztf": want}, starts(t, source))
	}
	c := newCopier(t, &archive.Source{Dir: s.dir, Since: middle})
	c.drain()
	assert.Len(t, values(t, filepath.Join(c.dir, "alerts")), 50)
	s.grow(30)
	assert.Equal(t, map[string]int64{"alerts/ztf": 170}, starts(t, now), "now is when it was first listed")
	c.job = c.process(&archive.Source{Dir: s.dir, Since: time.Now()})
	c.drain()
	assert.Len(t, values(t, filepath.Join(c.dir, "alerts")), 80, "the ledger counts, not Since")
}

// A named table may be missing from an archive that has no tables yet.
func TestSourceTables(t *testing.T) {
	s := newSky(t)
	service := s.service(&small{partition: "a", count: 5})
	service.Surveys = []alert.Survey{alert.LSST()} // all are rejected
	require.NoError(t, service.Drain(t.Context()))
	all, named := &archive.Source{Dir: s.dir}, &archive.Source{Dir: s.dir, Tables: []string{"ztf", "alerts/ztf"}}
	assert.Empty(t, extents(t, all), "rejected messages are not rows of alerts")
	assert.EqualValues(t, 0, extents(t, named)[0].To)
	_, err := (&archive.Source{Dir: s.dir, Tables: []string{"ztf"}, Times: timeRange(t, "night=20181129,")}).Available(t.Context())
	assert.ErrorContains(t, err, `no table "ztf": the archive has no alerts yet`)
	_, err = (&archive.Source{Dir: s.dir, Tables: []string{"rejected"}}).Available(t.Context())
	assert.ErrorContains(t, err, "rejected")
	s.grow(10)
	for _, source := range []*archive.Source{all, named} {
		e := extents(t, source)
		require.Len(t, e, 1)
		assert.EqualValues(t, 10, e[0].To)
	}
}

// Rows of files with fewer columns or narrower types have the table's schema, also
// within one chunk.
func TestSourceWidens(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(100)
	service := s.service(&small{partition: "wider", count: 100})
	service.Job.Transforms = []stream.Transform{&match{column: column(t, arrow.StructOf(
		arrow.Field{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true}, arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true}), `{"name": "Star", "n": 7}`)}}
	require.NoError(t, service.Drain(t.Context()))
	for _, columns := range [][]string{nil, {"alert_id", "cdsxmatch.n"}, {"cdsxmatch"}} {
		source := &archive.Source{Dir: s.dir, Columns: columns}
		e := extents(t, source)[0]
		var rows int64
		for c, err := range source.Read(t.Context(), []stream.Range{e.Range}) {
			require.NoError(t, err)
			assert.Equal(t, "alerts/ztf", c.Table)
			n := stream.Field(c.Messages, "cdsxmatch.n").(*array.Int32)
			for i := range n.Len() {
				require.Equal(t, rows+int64(i) >= 100, n.IsValid(i))
			}
			rows += int64(n.Len())
			if columns != nil {
				assert.EqualValues(t, len(columns), c.Messages.NumCols())
			}
			if stream.Field(c.Messages, "cdsxmatch.name") == nil {
				assert.Equal(t, "struct<n: int32>", c.Messages.Column(1).DataType().String())
			}
		}
		assert.EqualValues(t, 200, rows)
	}
}

// Processes that share a job share one table: while each is at work, the other plans
// the next rows.
func TestSourceShared(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(3000)
	c := newCopier(t, nil)
	var working [2]sync.Once
	var both sync.WaitGroup
	both.Add(2)
	var jobs []*stream.MicroBatch
	for i := range 2 {
		job := c.process(&archive.Source{Dir: s.dir})
		job.Alone = false
		job.Transforms = []stream.Transform{stream.TransformFunc(func(_ context.Context, in stream.Rows) (stream.Result, error) {
			working[i].Do(both.Done)
			both.Wait() // until the other has rows of another batch
			return stream.Pass(in), nil
		})}
		jobs = append(jobs, job)
	}
	var group sync.WaitGroup
	for _, j := range jobs {
		group.Go(func() { assert.NoError(t, j.Drain(t.Context())) })
	}
	group.Wait()
	c.job = jobs[0]
	assert.Equal(t, s.alerts(), values(t, filepath.Join(c.dir, "alerts")))
	for _, j := range jobs {
		assert.Positive(t, j.Progress().Written)
	}
}

// From the publication of a batch to the Stage of a service that reads the archive,
// with default settings, it takes at most a second, also after batches that brought
// no rows. Here only waiting takes time.
func TestSourceLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sky{t: t, store: store.NewMemory(), batch: 100, compression: sink.None} // zstd has goroutines of its own
		s.grow(50)
		staged := make(chan time.Time, 100)
		job := stream.MicroBatch{
			Source: &archive.Source{Store: s.store},
			Sink: stream.SinkFunc(func(context.Context, stream.Rows) error {
				staged <- time.Now()
				return nil
			}),
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- job.Run(ctx) }()
		<-staged
		for i := range 6 {
			for range 5 * (i % 3) { // without rows
				s.rewrite("alerts/ztf", "", false)
				time.Sleep(1370 * time.Millisecond)
			}
			time.Sleep(time.Duration(i%2) * time.Minute)
			s.grow(20)
			published := time.Now()
			assert.LessOrEqual(t, (<-staged).Sub(published), 250*time.Millisecond)
		}
		cancel()
		require.NoError(t, <-ended)
	})
}

// A file that is replaced while a range is being read is looked up again: the chunks
// are the same.
func TestSourceVanished(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(900)
	source := &archive.Source{Dir: s.dir, Memory: 1}
	r := extents(t, source)[0].Range
	want, _ := read(t, source, r)
	require.Len(t, want, 4)
	for i := range want {
		got, _ := readWhile(t, source, r, func(chunk int) {
			if chunk == i {
				s.rewrite("alerts/ztf", []string{"", "", "", "object_id"}[i], false)
			}
		})
		assert.Equal(t, want, got)
	}
}

// All memory is released, whether or not the reader goes on to the end.
func TestSourceReleases(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(600)
	s.rewrite("alerts/ztf", "object_id", false, "2018/11/29/07")
	for _, limit := range []int64{1 << 30, 100 << 10} {
		mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
		source := &archive.Source{Dir: s.dir, Memory: limit, Times: timeRange(t, "event=2018-11-29T06:45:00Z,")}
		source.SetAllocator(mem)
		r := extents(t, source)[0].Range
		for range source.Read(t.Context(), []stream.Range{r}) {
		}
		for range source.Read(t.Context(), []stream.Range{r}) {
			break
		}
		require.NoError(t, source.Close())
		mem.AssertSize(t, 0)
	}
}

// Decoded rows and open files are bounded, however many a range has: blocks that are
// read to their ends are dropped, and others if they do not fit.
func TestSourceMemory(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.batch = 50
	s.grow(1000) // 60 files
	for _, c := range []struct {
		name          string
		limit         int64
		blocks, files int
	}{
		{"small files", 1 << 30, 1, 16},
		{"three hours in turn", 1 << 30, 3, 3},
		{"three hours in turn", 1, 1, 3},
	} {
		if c.files == 3 && len(s.files("alerts/ztf")) > 3 {
			s.rewrite("alerts/ztf", "", false)
		}
		source := &archive.Source{Dir: s.dir, Memory: c.limit}
		bytes, blocks, files := archive.WindowOf(t, source, extents(t, source)[0].Range)
		assert.LessOrEqual(t, blocks, c.blocks, c.name)
		assert.LessOrEqual(t, bytes, int64(c.blocks)*200<<10, c.name)
		assert.Positive(t, bytes)
		assert.Equal(t, c.files, files)
	}
}

// A sorted file that is kept from one Read to the next is read again if the table has
// widened.
func TestSourceSortedWidens(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(100)
	s.rewrite("alerts/ztf", "object_id", false)
	source := &archive.Source{Dir: s.dir}
	defer source.Close()
	r := extents(t, source)[0].Range
	read(t, source, r)
	service := s.service(&small{partition: "wider", count: 10})
	service.Job.Transforms = []stream.Transform{&match{column: column(t, arrow.BinaryTypes.String, `"Star"`)}}
	require.NoError(t, service.Drain(t.Context()))
	for c, err := range source.Read(t.Context(), []stream.Range{r}) {
		require.NoError(t, err)
		assert.NotNil(t, stream.Field(c.Messages, "cdsxmatch"))
	}
}

// A Source writes nothing, so that others than the archiver's user may read.
func TestSourceReadOnly(t *testing.T) {
	s := newSky(t)
	s.grow(10)
	long := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	each := func(f func(name string)) {
		require.NoError(t, filepath.WalkDir(s.dir, func(name string, _ os.DirEntry, err error) error {
			f(name)
			return err
		}))
	}
	each(func(name string) { require.NoError(t, os.Chtimes(name, long, long)) })
	source := &archive.Source{Dir: s.dir}
	_, accounts := read(t, source, extents(t, source)[0].Range)
	assert.EqualValues(t, 10, accounts[0].Read)
	each(func(name string) {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, long, info.ModTime().UTC(), name)
	})
}
