package archive_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// rejectAndReplay archives n alerts as rejected messages, and replays them after other
// alerts have been archived.
func (s *sky) rejectAndReplay(n int64) {
	s.nights++
	service := s.service(&small{partition: "misread" + time.Now().String(), count: n})
	service.Surveys = []alert.Survey{alert.LSST()}
	require.NoError(s.t, service.Drain(s.t.Context()))
	require.EqualValues(s.t, n, service.Progress().Rejected)
	s.grow(150)
	service.Surveys = nil
	done, err := service.Replay(s.t.Context(), nil)
	require.NoError(s.t, err)
	require.EqualValues(s.t, n, done.Written)
}

// alerts returns the rows of the archive's tables.
func (s *sky) alerts() map[string]int { return values(s.t, filepath.Join(s.dir, "alerts")) }

// A copy through the source while the archive grows, is replayed, rewritten, sorted
// and pruned has each row once.
func TestSourceCopies(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(650)
	c := newCopier(t, &archive.Source{Dir: s.dir, Memory: 1 << 20})
	want := s.alerts()
	copied := func() map[string]int { return values(t, filepath.Join(c.dir, "alerts")) }
	step := func() {
		maps.Copy(want, s.alerts())
		c.drain()
		require.Equal(t, len(want), len(copied()))
		require.Equal(t, want, copied())
	}
	step()
	s.rejectAndReplay(120)
	step()
	s.rewrite("alerts/ztf", "", false)
	s.grow(100)
	step()
	s.grow(300)
	s.rewrite("alerts/ztf", "object_id", false, "2018/11/29/06", "2018/11/29/08")
	step()
	s.rewrite("alerts/ztf", "", true, "2018/11/29/08")
	s.rejectAndReplay(30)
	step()
	for _, a := range c.accounts() {
		assert.Zero(t, a.Compacted+a.Lost)
		assert.EqualValues(t, len(want), a.Written)
	}

	// What was pruned before it was read is accounted for as such.
	s.grow(90)
	rows := len(s.alerts())
	s.rewrite("alerts/ztf", "", true, "2018/11/29/06")
	pruned := rows - len(s.alerts())
	late := newCopier(t, &archive.Source{Dir: s.dir})
	late.drain()
	assert.Equal(t, s.alerts(), values(t, filepath.Join(late.dir, "alerts")))
	for _, a := range late.accounts() {
		assert.EqualValues(t, len(want)+90, a.Written+a.Compacted)
		assert.Greater(t, a.Compacted, int64(pruned))
	}
}

// A service that reads while the archive is rewritten under it gets each row once.
func TestSourceBesideRewrites(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.batch = 40
	s.grow(400)
	c := newCopier(t, &archive.Source{Dir: s.dir, Poll: time.Millisecond})
	c.job.Limits.Rows, c.job.Interval = 60, 20*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.job.Run(ctx) }()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		s.grow(int64(30 + rng.IntN(100)))
		s.rewrite("alerts/ztf", "", false)
	}
	want := s.alerts()
	assert.Eventually(t, func() bool { return c.job.Progress().Written == int64(len(want)) }, 20*time.Second, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	assert.Equal(t, want, values(t, filepath.Join(c.dir, "alerts")))
}

// Copies beside compaction in each order, of an archive that grows, have each row
// once.
func TestSourceBesideCompaction(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.batch = 40
	sources := []*archive.Source{{Dir: s.dir}, {Dir: s.dir, Memory: 100 << 10}, {Dir: s.dir, Times: timeRange(t, "event=,2018-11-29T08:00:00Z")}}
	s.grow(200)
	var copies []*copier
	for _, source := range sources {
		c := newCopier(t, source)
		c.job.Limits.Rows = 90
		copies = append(copies, c)
	}
	inTime := within(s.alerts(), "06", "07")
	for i, order := range []archive.Order{archive.CommitOrder, archive.ObjectOrder, archive.SkyOrder, archive.CommitOrder} {
		for k, c := range copies {
			source := &archive.Source{Dir: s.dir, Memory: sources[k].Memory, Times: sources[k].Times}
			c.job.Source = source
			part := int64(50 + 30*i)
			c.job.Transforms = []stream.Transform{stopAfter(part, stream.Permanent(errStopped))}
			if err := c.job.Drain(t.Context()); err != nil { // in the middle
				require.ErrorIs(t, err, errStopped)
			}
			c.job.Transforms = nil
			require.NoError(t, source.Close())
		}
		s.grow(100)
		compaction := &archive.Compaction{Dir: s.dir, Order: order}
		_, err := compaction.Run(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, len(s.files("alerts/ztf")), 6)
	}
	want := s.alerts()
	require.Len(t, want, 600)
	for k, c := range copies {
		c.job.Source = sources[k]
		c.drain()
		have := values(t, filepath.Join(c.dir, "alerts"))
		if k == 2 {
			assert.Equal(t, inTime, have)
		} else {
			assert.Equal(t, want, have)
		}
	}
}

var errStopped = errors.New("stopped")

// Real packets, or else simulated ones, of two surveys are copied value by value.
func TestSourceCopiesPackets(t *testing.T) {
	t.Parallel()
	dir, registry := filepath.Join(t.TempDir(), "sky"), new(sim.Registry)
	for _, source := range packets(t, registry) {
		service := &archive.Service{Dir: dir, Registry: registry, Job: stream.MicroBatch{Source: source, Limits: stream.Limits{Rows: 50}}}
		require.NoError(t, service.Drain(t.Context()))
		require.Zero(t, service.Progress().Rejected)
	}
	want := values(t, filepath.Join(dir, "alerts"))
	require.Greater(t, len(want), 150)
	s := &sky{t: t, dir: dir, store: openDir(t, dir)}
	for _, sorted := range []string{"as written", "", "object_id"} {
		if sorted != "as written" {
			s.rewrite("alerts/ztf", sorted, false)
			s.rewrite("alerts/lsst", sorted, false)
		}
		c := newCopier(t, &archive.Source{Dir: dir, Memory: 8 << 20})
		c.drain()
		got := values(t, filepath.Join(c.dir, "alerts"))
		require.Len(t, got, len(want), sorted)
		assert.True(t, maps.Equal(want, got), sorted)
		assert.Len(t, c.accounts(), 2)
	}
}

// packets returns sources of some alerts of ZTF and of LSST.
func packets(t *testing.T, registry *sim.Registry) (out []stream.Source) {
	for survey, set := range map[sim.Survey]string{sim.ZTF: "ztf-3.3", sim.LSST: "lsst-9.0"} {
		set = filepath.Join("../../shared/alerts", set)
		if _, err := os.Stat(set); err != nil {
			out = append(out, &sim.Source{Count: 120, Simulator: sim.Simulator{Survey: survey, Alerts: 120, Night: 3 * time.Hour, Registry: registry}})
			continue
		}
		dir := t.TempDir()
		r := sim.Replay{Patterns: []string{set}, Registry: registry, Vary: &sim.Vary{Span: 2 * time.Hour}}
		i := 0
		for p, err := range r.Packets(t.Context(), 120) {
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.bin", i)), p.Value, 0o666))
			i++
		}
		out = append(out, &files.Source{Patterns: []string{dir}})
	}
	return out
}

// What any release has archived can be read.
func TestSourceOfReleases(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"finished", "snapshot", "clock-ingest", "clock-night"} {
		dir := filepath.Join(unzip(t, "testdata/3237875/"+name+".zip"), "archive")
		c := newCopier(t, &archive.Source{Dir: dir})
		c.drain()
		want := values(t, filepath.Join(dir, "alerts"))
		assert.NotEmpty(t, want, name)
		assert.Equal(t, want, values(t, filepath.Join(c.dir, "alerts")), name)
	}
}
