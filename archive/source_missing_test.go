package archive_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// A file that a user has removed is an error that names it, or lost by choice.
func TestSourceMissing(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(300)
	gone := s.files("alerts/ztf")[4]
	require.NoError(t, os.Remove(filepath.Join(s.dir, gone.Path)))
	c := newCopier(t, &archive.Source{Dir: s.dir})
	err := c.job.Drain(t.Context())
	var missing *archive.MissingError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, &archive.MissingError{Archive: s.dir, File: gone.Path, Batch: gone.Batch, Rows: gone.Rows}, missing)
	var failed *stream.BatchError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 1, failed.Tries, "to try again does not help")

	c.job.RecordLost = true
	assert.ErrorAs(t, c.job.Drain(t.Context()), &missing, "the source decides")
	c.job = c.process(&archive.Source{Dir: s.dir, RecordLost: true})
	var lost *stream.LostError
	require.ErrorAs(t, c.job.Drain(t.Context()), &lost, "and so does the job")
	assert.EqualValues(t, gone.Rows, lost.Len(), "of exactly these rows")
	c.job.RecordLost = true
	c.drain()
	assert.Equal(t, s.alerts(), values(t, filepath.Join(c.dir, "alerts")))
	for _, a := range c.accounts() {
		assert.EqualValues(t, gone.Rows, a.Lost)
	}
}

// Nothing is lost while the archive cannot be read.
func TestSourceUnreadableRoot(t *testing.T) {
	s := newSky(t)
	s.grow(100)
	hide := func(name string) (back func()) {
		from, to := filepath.Join(s.dir, name), s.dir+".hidden"
		require.NoError(t, os.Rename(from, to))
		require.NoError(t, os.Mkdir(from, 0o777)) // an empty mount point
		return func() {
			require.NoError(t, os.Remove(from))
			require.NoError(t, os.Rename(to, from))
		}
	}
	for name, want := range map[string]string{
		"ledger":     "its ledger is gone: is its disk still mounted?",
		"alerts":     "alerts/ztf has no files, not even alerts/ztf/",
		"alerts/ztf": "alerts/ztf has no files, not even alerts/ztf/",
	} {
		source := &archive.Source{Dir: s.dir, RecordLost: true}
		r := extents(t, source)[0].Range
		back := hide(name)
		if name == "ledger" {
			require.NoError(t, os.Rename(filepath.Join(s.dir, "alerts"), s.dir+".alerts"))
		}
		var err error
		for c, failed := range source.Read(t.Context(), []stream.Range{r}) {
			if err = failed; err == nil {
				assert.Zero(t, c.Accounts[0].Lost)
			}
		}
		assert.ErrorContains(t, err, want)
		if name == "ledger" {
			require.NoError(t, os.Rename(s.dir+".alerts", filepath.Join(s.dir, "alerts")))
		}
		back()
		_, accounts := read(t, source, r)
		assert.EqualValues(t, 100, accounts[0].Read)
	}
}

// A damaged file is named, with what to do.
func TestSourceDamaged(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(100)
	f := s.files("alerts/ztf")[0]
	name := filepath.Join(s.dir, f.Path)
	good, err := os.ReadFile(name)
	require.NoError(t, err)
	flipped := append([]byte(nil), good...)
	flipped[len(good)/3] ^= 1
	for what, data := range map[string][]byte{"bytes, not": good[:len(good)/2], "": flipped, "PAR1": make([]byte, len(good))} {
		require.NoError(t, os.WriteFile(name, data, 0o666))
		c := newCopier(t, &archive.Source{Dir: s.dir})
		c.job.Retry.Tries = 1
		err := c.job.Drain(t.Context())
		assert.ErrorContains(t, err, "file "+f.Path+" of batch 1 is damaged: ")
		assert.ErrorContains(t, err, what)
		assert.ErrorContains(t, err, ": restore it from a copy")
		require.NoError(t, os.WriteFile(name, good, 0o666))
		c.drain()
		assert.Equal(t, s.alerts(), values(t, filepath.Join(c.dir, "alerts")))
	}

	// A store that fails is no damage.
	broken := &faultstore.Store{Store: s.store, Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.Read && strings.HasPrefix(op.Name, "alerts/") {
			return os.ErrPermission
		}
		return nil
	}}
	c := newCopier(t, &archive.Source{Store: broken})
	c.job.Retry.Tries = 1
	err = c.job.Drain(t.Context())
	assert.ErrorIs(t, err, os.ErrPermission)
	assert.ErrorContains(t, err, "archive: the store: file "+f.Path+" of batch 1: ")
	assert.NotContains(t, err.Error(), "damaged")
}

// claimed puts the plan of a batch that an archiver has not decided yet.
func (s *sky) claimed() (decide func()) {
	ctx, l := s.t.Context(), s.ledger()
	n, err := l.LastRecord(ctx)
	require.NoError(s.t, err)
	p, err := l.PutPlan(ctx, &ledger.Plan{Batch: n + 1, Token: "slow", Ranges: []ledger.Range{{Partition: "slow", To: 10}}})
	require.NoError(s.t, err)
	require.Equal(s.t, "slow", p.Token)
	return func() {
		c := &ledger.Commit{Batch: n + 1, Token: "slow"}
		_, err := l.PutCommit(ctx, c)
		require.NoError(s.t, err)
		require.NoError(s.t, layout.Publish(ctx, s.store, l, c))
		require.NoError(s.t, l.PutDone(ctx, n+1))
	}
}

// A rewrite may have removed its inputs although a batch before it is not published
// yet: then its outputs have no row numbers. The source waits, and after a while
// reads its other ranges.
func TestSourceWaitsForStableRewrite(t *testing.T) {
	s := newSky(t)
	s.grow(200)
	source := &archive.Source{Dir: s.dir, Poll: time.Millisecond}
	r := extents(t, source)[0].Range
	decide := s.claimed()
	s.rewrite("alerts/ztf", "", false)
	archive.SetRewriteTimeout(t, 20*time.Millisecond)
	var unreadable *stream.UnreadableError
	for _, err := range source.Read(t.Context(), []stream.Range{r}) {
		require.ErrorAs(t, err, &unreadable)
	}
	assert.Equal(t, r, unreadable.Range)
	assert.ErrorContains(t, unreadable, " has replaced alerts/ztf/2018/11/29/06/")
	archive.SetRewriteTimeout(t, time.Minute)
	time.AfterFunc(50*time.Millisecond, decide)
	_, accounts := read(t, source, r)
	assert.EqualValues(t, 200, accounts[0].Read)
}

func TestSourceBadInput(t *testing.T) {
	s := newSky(t)
	s.grow(10)
	newer := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(newer, "ledger"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(newer, "ledger", "ledger.json"), []byte(`{"id":"12345678","version":"2"}`), 0o666))
	empty := t.TempDir()
	when := time.Date(2018, 11, 29, 7, 0, 0, 0, time.UTC)
	for want, source := range map[string]*archive.Source{
		"archive: a Dir or a Store is needed":                                                                                                 {},
		"archive: no archive in " + empty + ": it has no ledger: file does not exist":                                                         {Dir: empty},
		"archive: the store: no archive: its ledger is missing: file does not exist":                                                          {Store: store.NewMemory()},
		"archive: " + newer + `: its ledger has version "2", which this program does not know: install a newer version`:                       {Dir: newer},
		"archive: " + s.dir + `: no table "lsst": the archive has ztf`:                                                                        {Dir: s.dir, Tables: []string{"ztf", "lsst"}},
		"archive: " + s.dir + `: table alerts/ztf: no column "object-id", did you mean object_id?`:                                            {Dir: s.dir, Columns: []string{"ra", "object-id"}},
		`archive: Source: time range "event=2018-11-29T07:00:00Z,2018-11-29T07:00:00Z": it is empty: the second time must be after the first`: {Dir: s.dir, Times: archive.TimeRange{From: when, To: when}},
		"archive: Source: set Since for a stream, or Times for a batch, not both":                                                             {Dir: s.dir, Since: when, Times: archive.TimeRange{From: when}},
	} {
		_, err := source.Available(t.Context())
		require.EqualError(t, err, want)
		var failed *stream.BatchError
		require.ErrorAs(t, newCopier(t, source).job.Drain(t.Context()), &failed)
		assert.Equal(t, 1, failed.Tries, want)
		if err := source.Wait(t.Context()); err != nil { // it does not look at the columns
			assert.EqualError(t, err, want)
		}
	}
}

// A partition of another archive is foreign, and not lost.
func TestSourceForeign(t *testing.T) {
	s, other := newSky(t), newSky(t)
	s.grow(10)
	other.grow(10)
	source := &archive.Source{Dir: s.dir, RecordLost: true}
	foreign := extents(t, &archive.Source{Dir: other.dir})[0]
	assert.False(t, source.Owns(foreign.Partition))
	extents(t, source)
	assert.False(t, source.Owns(foreign.Partition))
	for _, name := range []string{foreign.Partition, "", "x", s.ledger().ID(), s.ledger().ID() + "/", s.ledger().ID() + "/alerts/ztf?rows=1",
		s.ledger().ID() + "/alerts/ztf?night=20181129,&rows=-1", s.ledger().ID() + "/alerts/ztf?night=2018-11-29,&rows=1"} {
		assert.False(t, source.Owns(name), name)
		for _, err := range source.Read(t.Context(), []stream.Range{{Partition: name, To: 10}}) {
			var f *stream.ForeignError
			assert.ErrorAs(t, err, &f, name)
		}
	}
	assert.True(t, source.Owns(s.ledger().ID()+"/alerts/ztf?night=20181129,&rows=1"), "of an earlier job")
}

// A row number that the archive does not have is an error, not a loss.
func TestSourceOlderCopy(t *testing.T) {
	s := newSky(t)
	s.grow(10)
	source := &archive.Source{Dir: s.dir, RecordLost: true}
	r := extents(t, source)[0].Range
	r.To++
	for _, err := range source.Read(context.Background(), []stream.Range{r}) {
		assert.ErrorContains(t, err, "table alerts/ztf has 10 rows, but this job has planned 11")
	}
}

// An archive that was deleted and begun anew under a running job has other rows under
// the same numbers.
func TestSourceOfAnotherArchive(t *testing.T) {
	s := newSky(t)
	s.grow(10)
	source := &archive.Source{Dir: s.dir}
	extents(t, source)
	require.NoError(t, os.RemoveAll(s.dir))
	s.store = openDir(t, s.dir)
	s.grow(250)
	_, err := source.Available(t.Context())
	assert.ErrorContains(t, err, "it is no longer the archive with the ledger ")
}
