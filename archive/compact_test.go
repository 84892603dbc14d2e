package archive_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/sink"
)

// paths returns the paths of the files of the tables of alerts.
func (s *sky) paths() (out []string) {
	require.NoError(s.t, filepath.WalkDir(filepath.Join(s.dir, "alerts"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	}))
	return out
}

// sound requires that an audit finds nothing.
func (s *sky) sound() *audit.Report {
	s.t.Helper()
	r := look(s.t, audit.Options{Dir: s.dir, Deep: true})
	require.Empty(s.t, r.Findings)
	return r
}

// perDir returns the greatest number of files in a directory.
func perDir(files []string) (most int) {
	count := map[string]int{}
	for _, f := range files {
		count[filepath.Dir(f)]++
		most = max(most, count[filepath.Dir(f)])
	}
	return most
}

func TestCompact(t *testing.T) {
	for _, order := range []archive.Order{archive.CommitOrder, archive.ObjectOrder, archive.SkyOrder} {
		for _, memory := range []int64{0, 200 << 10} { // with the second, rows are spilled
			t.Run(fmt.Sprint(order, memory), func(t *testing.T) {
				s := newSky(t)
				s.grow(650)
				s.rejectAndReplay(70)
				want := s.alerts()
				before := len(s.paths())
				c := &archive.Compaction{Dir: s.dir, Order: order, Memory: memory}
				done, err := c.Run(t.Context())
				require.NoError(t, err)
				assert.EqualValues(t, 3, done.Dirs)
				assert.EqualValues(t, before, done.Files)
				assert.EqualValues(t, len(want), done.Rows)
				assert.Len(t, s.paths(), 3)
				assert.Equal(t, want, s.alerts())
				s.sound()

				again, err := c.Run(t.Context())
				require.NoError(t, err)
				assert.Equal(t, archive.Compacted{}, again, "a second run changes nothing")

				copied := newCopier(t, &archive.Source{Dir: s.dir, Memory: 1 << 20})
				copied.drain()
				assert.Equal(t, want, values(t, filepath.Join(copied.dir, "alerts")))

				s.grow(300)
				want = s.alerts()
				c.Size, c.Order = 1<<20, (order+1)%3
				_, err = c.Run(t.Context())
				require.NoError(t, err)
				assert.LessOrEqual(t, perDir(s.paths()), 2)
				assert.Equal(t, want, s.alerts())
				s.sound()
				copied.drain()
				assert.Equal(t, want, values(t, filepath.Join(copied.dir, "alerts")))
			})
		}
	}
}

// Large files are divided, and not read again.
func TestCompactSizes(t *testing.T) {
	s := newSky(t)
	s.grow(900)
	want := s.alerts()
	var size int64
	for _, f := range s.paths() {
		info, err := os.Stat(f)
		require.NoError(t, err)
		size += info.Size()
	}
	c := &archive.Compaction{Dir: s.dir, Size: size / 10}
	done, err := c.Run(t.Context())
	require.NoError(t, err)
	assert.Greater(t, done.NewFiles, done.Dirs)
	assert.Equal(t, want, s.alerts())
	s.sound()
	files := s.paths()
	s.grow(30)
	_, err = c.Run(t.Context())
	require.NoError(t, err)
	for _, f := range files {
		if info, err := os.Stat(f); assert.NoError(t, err) {
			assert.Greater(t, info.Size(), size/20)
		}
	}
	s.sound()
}

func TestCompactQuietAndGrace(t *testing.T) {
	s := newSky(t)
	s.grow(400)
	before := s.paths()
	c := &archive.Compaction{Dir: s.dir, Quiet: time.Hour}
	done, err := c.Run(t.Context())
	require.NoError(t, err)
	assert.Zero(t, done.Dirs, "the hours are not quiet")

	want := s.alerts()
	c.Quiet, c.Grace = 0, time.Hour
	_, err = c.Run(t.Context())
	require.NoError(t, err)
	assert.Len(t, s.paths(), len(before)+3, "replaced files stay for an hour")
	assert.EqualValues(t, len(before), s.sound().Pending)
	copied := newCopier(t, &archive.Source{Dir: s.dir})
	copied.drain()
	assert.Equal(t, want, values(t, filepath.Join(copied.dir, "alerts")), "a Source sees each row once")
	for _, f := range before { // they may be gone already
		require.NoError(t, os.Remove(f))
	}
	s.sound()
}

// Two compactors and a service work at once.
func TestCompactBesideOthers(t *testing.T) {
	s := newSky(t)
	s.batch = 30
	s.grow(600)
	c := newCopier(t, &archive.Source{Dir: s.dir, Poll: time.Millisecond})
	c.job.Limits.Rows, c.job.Interval = 60, 20*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.job.Run(ctx) }()
	var compactors sync.WaitGroup
	stop := make(chan struct{})
	for i := range 2 {
		compactors.Go(func() {
			for {
				_, err := (&archive.Compaction{Dir: s.dir, Order: archive.Order(i)}).Run(t.Context())
				if !assert.NoError(t, err) {
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for range 4 {
		s.grow(120)
	}
	s.rejectAndReplay(60)
	close(stop)
	compactors.Wait()
	want := s.alerts()
	assert.Len(t, want, 600+4*120+150+60)
	assert.Eventually(t, func() bool { return c.job.Progress().Written == int64(len(want)) }, 20*time.Second, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	assert.Equal(t, want, values(t, filepath.Join(c.dir, "alerts")))
	_, err := (&archive.Compaction{Dir: s.dir}).Run(t.Context())
	require.NoError(t, err)
	s.sound()
}

func TestCompactDamage(t *testing.T) {
	s := newSky(t)
	s.grow(400)
	files := s.paths()
	bad := files[0]
	data, err := os.ReadFile(bad)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(bad, data, 0o666))
	missing := files[len(files)-1]
	require.NoError(t, os.Remove(missing))
	done, err := (&archive.Compaction{Dir: s.dir}).Run(t.Context())
	require.Error(t, err)
	for _, f := range []string{bad, missing} {
		assert.Contains(t, err.Error(), strings.TrimPrefix(f, s.dir+"/"))
	}
	assert.Equal(t, 2, strings.Count(err.Error(), "restore it from a copy"))
	assert.EqualValues(t, 1, done.Dirs, "the other hour")

	full := errors.New("no space left on device")
	st := &faultstore.Store{Store: s.store, Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.Stage {
			return full
		}
		return nil
	}}
	s.grow(400)
	done, err = (&archive.Compaction{Store: st}).Run(t.Context())
	require.ErrorIs(t, err, full)
	assert.Equal(t, 1, strings.Count(err.Error(), full.Error()), "it stops at once")

	_, err = (&archive.Compaction{Dir: t.TempDir()}).Run(t.Context())
	assert.ErrorContains(t, err, "no archive in")
}

// Tables of other clocks, and packets of two surveys.
func TestCompactPackets(t *testing.T) {
	for _, clock := range []sink.Clock{sink.IngestTime, sink.Night} {
		s := newSky(t)
		s.clock = clock
		s.grow(300)
		want := s.alerts()
		_, err := (&archive.Compaction{Dir: s.dir, Order: archive.SkyOrder}).Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, perDir(s.paths()))
		assert.Equal(t, want, s.alerts())
		s.sound()
	}
}

// A service compacts in the background.
func TestServiceCompacts(t *testing.T) {
	s := newSky(t)
	s.batch = 20
	service := s.service(&small{partition: "night", count: 300})
	service.Compact = &archive.Compaction{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	assert.Eventually(t, func() bool { return service.Progress().Written == 300 && perDir(s.paths()) <= 2 }, 20*time.Second, 20*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	assert.Len(t, s.alerts(), 300)
	s.sound()
}

// A deep audit finds that compacted files have other rows than those they replaced, and
// a repair deletes replaced files that are due.
func TestAuditCompacted(t *testing.T) {
	s := newSky(t)
	s.grow(400)
	c := &archive.Compaction{Dir: s.dir, Grace: time.Nanosecond, Order: archive.SkyOrder}
	_, err := c.Run(t.Context())
	require.NoError(t, err)
	r := s.sound()
	assert.Positive(t, r.Pending)
	r = look(t, audit.Options{Dir: s.dir, Repair: true})
	assert.Empty(t, r.Findings)
	assert.NotEmpty(t, r.Repairs)
	assert.Zero(t, r.Pending)
	assert.Len(t, s.paths(), 3)
	s.sound()

	commits, err := filepath.Glob(s.dir + "/ledger/*.commit")
	require.NoError(t, err)
	for _, name := range commits {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		if at := strings.Index(string(data), `"rows_hash":"`); at > 0 {
			sum := string(data[at+13 : at+45])
			wrong := strings.Map(func(r rune) rune { return rune("123456789abcdef0"[strings.IndexRune("0123456789abcdef", r)]) }, sum)
			require.NoError(t, os.WriteFile(name, []byte(strings.ReplaceAll(string(data), sum, wrong)), 0o666))
			r = look(t, audit.Options{Dir: s.dir, Deep: true})
			require.Len(t, r.Findings, 1)
			assert.Contains(t, r.Findings[0].What, "not those that it replaced")
			return
		}
	}
	t.Error("no commit has a hash")
}

// A file with columns that the ledger's schema does not have is not merged: they would
// be lost.
func TestCompactUnknownColumns(t *testing.T) {
	dir := filepath.Join(unzip(t, "testdata/3237875/finished.zip"), "archive")
	newest := slices.Max(glob(t, dir+"/ledger/schema/files.alerts.ztf.*"))
	require.NotContains(t, newest, ".000001")
	require.NoError(t, os.Remove(newest))
	before := values(t, dir)
	_, err := (&archive.Compaction{Dir: dir, Order: archive.SkyOrder}).Run(t.Context())
	assert.ErrorContains(t, err, "it has columns that the table's schema in the ledger does not have: ")
	assert.Equal(t, before, values(t, dir))
}

// A service stops before it publishes a batch. If that takes too long, a compaction
// publishes the batch and replaces its files; then the service goes on. If not, the batch
// is left to the service, which would not count it otherwise.
func TestCompactBesideStalled(t *testing.T) {
	for _, timeout := range []time.Duration{50 * time.Millisecond, time.Hour} {
		archive.SetPublishTimeout(t, timeout)
		s := newSky(t)
		s.grow(200)
		var once sync.Once
		stalled, goOn := make(chan bool), make(chan bool)
		service := s.service(&small{partition: "stalled", count: 100})
		service.Store = &faultstore.Store{Store: s.store, After: func(op faultstore.Op) error {
			if op.Kind == faultstore.PutIfAbsent && strings.HasSuffix(op.Name, ".commit") {
				once.Do(func() { close(stalled); <-goOn })
			}
			return nil
		}}
		served, compacted := make(chan error, 1), make(chan error, 1)
		go func() { served <- service.Drain(t.Context()) }()
		<-stalled
		go func() {
			_, err := (&archive.Compaction{Dir: s.dir}).Run(t.Context())
			compacted <- err
		}()
		counted := int64(0)
		if timeout < time.Hour {
			require.NoError(t, <-compacted)
			assert.Len(t, s.paths(), 3)
			close(goOn)
		} else {
			assert.Never(t, func() bool { return len(compacted) > 0 }, 200*time.Millisecond, 20*time.Millisecond)
			close(goOn)
			require.NoError(t, <-compacted)
			counted = 100
		}
		require.NoError(t, <-served)
		assert.Equal(t, counted, service.Progress().Written)
		assert.Len(t, s.alerts(), 300)
		assert.Len(t, s.paths(), 3)
		s.sound()
	}
}
