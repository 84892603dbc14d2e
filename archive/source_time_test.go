package archive_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/streamtest"
)

func timeRange(t *testing.T, s string) archive.TimeRange {
	r, err := archive.ParseTimeRange(s)
	require.NoError(t, err)
	return r
}

func TestParseTimeRange(t *testing.T) {
	for in, want := range map[string]string{
		"event=2026-09-18T03:00:00Z,2026-09-18T05:30:00+01:00": "event=2026-09-18T03:00:00Z,2026-09-18T04:30:00Z",
		"ingest=2026-09-18,":            "ingest=2026-09-18T00:00:00Z,",
		"ingest=,2026-09-18":            "ingest=,2026-09-18T00:00:00Z",
		"night=20260918,2026-09-20":     "night=20260918,20260920",
		"event=2026-09-18T03:00:00.5Z,": "event=2026-09-18T03:00:00.5Z,",
	} {
		r := timeRange(t, in)
		assert.Equal(t, want, r.String())
		assert.Equal(t, r, timeRange(t, want))
	}
	for in, want := range map[string]string{
		"":                            "it must be a clock and two times, such as event=2026-09-18,2026-09-19",
		"event=2026-09-18":            "it must be a clock and two times",
		"2026-09-18,2026-09-19":       "it must be a clock and two times",
		"event=1,2026-09-18":          `time "1": it must be a date or in RFC 3339 format`,
		"event=2026-09-18,2026-09-18": "it is empty: the second time must be after the first",
		"night=20260920,20260918":     "it is empty",
		"night=2026-09-18T03:00:00Z,": "2026-09-18T03:00:00Z is not a night",
		"dawn=2026-09-18,2026-09-19":  `"dawn"`,
		"event=2026-09-18,2026-09-19&night=20260918,20260919": "it has two clocks: choose one of event, ingest and night",
	} {
		_, err := archive.ParseTimeRange(in)
		assert.ErrorContains(t, err, want, in)
		assert.ErrorContains(t, err, fmt.Sprintf("archive: time range %q: ", in))
	}
}

func FuzzParseTimeRange(f *testing.F) {
	f.Add("event=2026-09-18T03:00:00Z,2026-09-18T05:30:00+01:00")
	f.Add("night=,20260918")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := archive.ParseTimeRange(s)
		if err != nil {
			return
		}
		again, err := archive.ParseTimeRange(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, again)
	})
}

// within returns the rows that have an hour of their event time among the given ones.
func within(all map[string]int, hours ...string) map[string]int {
	out := map[string]int{}
	for row, n := range all {
		for _, h := range hours {
			if strings.Contains(row, "event_time=2018-11-29 "+h+":") {
				out[row] = n
			}
		}
	}
	return out
}

// The rows of a time range are the same whatever clock the directories follow, and
// whatever becomes of the files. Those that come later do not belong to the batch.
func TestSourceTimes(t *testing.T) {
	t.Parallel()
	for _, clock := range []sink.Clock{sink.EventTime, sink.IngestTime, sink.Night} {
		s := newSky(t)
		s.clock = clock
		s.grow(650)
		middle := time.Now()
		s.grow(100)
		all := s.alerts()
		first, second := map[string]int{}, map[string]int{}
		for row := range all {
			if strings.Contains(row, "topic=night1 ") {
				first[row] = 1
			} else {
				second[row] = 1
			}
		}
		for times, want := range map[string]map[string]int{
			"event=2018-11-29T07:00:00Z,2018-11-29T08:00:00Z":        within(all, "07"),
			"event=2018-11-29T06:45:00Z,2018-11-29T08:30:00.000001Z": within(all, "07", "08"),
			"event=2018-11-29T08:30:00.000001Z,":                     {},
			"event=,2018-11-29T07:00:00Z":                            within(all, "06"),
			"event=2019-01-01,2020-01-01":                            {},
			"night=20181129,20181130":                                all,
			"night=,20181129":                                        {},
			"night=20181130,":                                        {},
			"ingest=," + middle.UTC().Format(time.RFC3339Nano):       first,
			"ingest=" + middle.UTC().Format(time.RFC3339Nano) + ",":  second,
			"ingest=2020-01-01,":                                     all,
		} {
			c := newCopier(t, &archive.Source{Dir: s.dir, Times: timeRange(t, times)})
			c.drain()
			assert.Equal(t, want, values(t, filepath.Join(c.dir, "alerts")), "%v: %s", clock, times)
			for name, a := range c.accounts() {
				assert.Contains(t, name, "&rows=750")
				assert.EqualValues(t, len(want), a.Written)
			}
		}
	}
}

// A batch that has begun is finished with the rows that it began with, although the
// archive has grown, and was rewritten and pruned.
func TestSourceTimesStay(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(900)
	want := within(s.alerts(), "06", "07")
	times := timeRange(t, "event=2018-11-29T06:00:00Z,2018-11-29T08:00:00Z")
	c := newCopier(t, &archive.Source{Dir: s.dir, Times: times})
	require.NoError(t, streamtest.TestSource(&archive.Source{Dir: s.dir, Times: times}))
	var stop error = stream.Permanent(fmt.Errorf("stopped"))
	c.job.Transforms = []stream.Transform{stopAfter(300, stop)}
	require.ErrorIs(t, c.job.Drain(t.Context()), stop)
	begun := len(values(t, filepath.Join(c.dir, "alerts")))
	require.Positive(t, begun)
	require.Less(t, begun, len(want))
	s.grow(300)
	s.rewrite("alerts/ztf", "object_id", false)
	c.job = c.process(&archive.Source{Dir: s.dir, Times: times})
	c.drain()
	assert.Equal(t, want, values(t, filepath.Join(c.dir, "alerts")))

	// A new job has the new rows; pruned ones keep their offsets.
	before := extents(t, &archive.Source{Dir: s.dir, Times: times})[0]
	s.rewrite("alerts/ztf", "", true, "2018/11/29/06")
	source := &archive.Source{Dir: s.dir, Times: times}
	require.Equal(t, before, extents(t, source)[0])
	_, accounts := read(t, source, before.Range)
	assert.EqualValues(t, 400, accounts[0].Compacted)
	for _, a := range accounts[1:] {
		assert.Equal(t, a.Len(), a.Read)
	}
}

// stopAfter is a transform that fails after n rows.
func stopAfter(n int64, err error) stream.Transform {
	var mu sync.Mutex
	return stream.TransformFunc(func(_ context.Context, in stream.Rows) (stream.Result, error) {
		mu.Lock()
		defer mu.Unlock()
		if n -= in.Record.NumRows(); n < 0 {
			return stream.Result{}, err
		}
		return stream.Pass(in), nil
	})
}

// Files that cannot have rows of the range are not opened, and columns that are not
// chosen are not read.
func TestSourceSkips(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(600)
	var mu sync.Mutex
	opened := map[string]bool{}
	st := &faultstore.Store{Store: s.store, Before: func(op faultstore.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if op.Kind == faultstore.Open && strings.HasPrefix(op.Name, "alerts/") {
			opened[strings.Split(op.Name, "/")[5]] = true
		}
		return nil
	}}
	for _, times := range []string{"event=2018-11-29T07:10:00Z,2018-11-29T07:50:00Z", "event=2018-11-29T07:40:00Z,2018-11-29T07:50:00Z"} {
		source := &archive.Source{Store: st, Times: timeRange(t, times)}
		e := extents(t, source)
		require.EqualValues(t, 200, e[0].To)
		read(t, source, e[0].Range)
	}
	assert.Equal(t, map[string]bool{"07": true}, opened)

	// The directory's clock is another: the times in the commits decide.
	s = newSky(t)
	s.clock, st.Store = sink.IngestTime, s.store
	s.grow(600)
	clear(opened)
	source := &archive.Source{Store: st, Times: timeRange(t, "event=2018-11-29T08:40:00Z,2018-11-29T09:00:00Z")}
	e := extents(t, source)
	require.EqualValues(t, 600, e[0].To)
	_, accounts := read(t, source, e[0].Range)
	assert.EqualValues(t, 600, accounts[0].Compacted)
	assert.Empty(t, opened)
}

// Two processes that start a batch job at the same time, while the archive grows,
// agree on its rows.
func TestSourceTimesRace(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(300)
	times := timeRange(t, "event=2018-11-29T06:00:00Z,2018-11-29T08:00:00Z")
	want := within(s.alerts(), "06", "07")
	c := newCopier(t, &archive.Source{Dir: s.dir, Times: times})
	var once sync.Once
	slow := &faultstore.Store{Store: openDir(t, c.dir), Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.PutIfAbsent && strings.HasSuffix(op.Name, "0001.plan") {
			once.Do(c.drain) // the other process has listed more rows, but plans later
		}
		return nil
	}}
	source := &archive.Source{Dir: s.dir, Times: times}
	require.EqualValues(t, 200, extents(t, c.job.Source)[0].To)
	s.grow(90)
	second := c.process(source)
	l, err := ledger.Open(t.Context(), slow, "ledger", nil)
	require.NoError(t, err)
	second.Ledger = l
	require.NoError(t, second.Drain(t.Context()))
	assert.Equal(t, want, values(t, filepath.Join(c.dir, "alerts")))
	assert.Len(t, c.accounts(), 1)
}
