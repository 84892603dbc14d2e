package archive_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/internal/alerttest"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

const goodAlerts, badAlerts = 8, 3

var errDied = stream.Permanent(errors.New("the process has died"))

// containers is a source of n alerts, with some files of junk between them.
func containers(t *testing.T, junk, n int) *files.Source {
	dir := filepath.Join(t.TempDir(), "night")
	require.NoError(t, alerttest.WriteZTF(dir, n, 3))
	for i := range junk {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06dx.avro", i*7)), []byte(fmt.Sprintf("junk %d", i)), 0o666))
	}
	return &files.Source{Patterns: []string{dir}}
}

// look audits without a grace period.
func look(t *testing.T, o audit.Options) *audit.Report {
	o.Grace = -1
	r, err := audit.Run(t.Context(), o)
	require.NoError(t, err)
	return r
}

// misread makes an archive in which every message is rejected: the process that
// wrote it did not know ZTF. Three of eleven are junk.
func misread(t *testing.T) (dir string, fixed *archive.Service) {
	dir = filepath.Join(t.TempDir(), "sky")
	s := &archive.Service{
		Job: stream.MicroBatch{Source: containers(t, badAlerts, goodAlerts), Limits: stream.Limits{Rows: 4}},
		Dir: dir, Surveys: []alert.Survey{alert.LSST()},
	}
	require.NoError(t, s.Drain(t.Context()))
	require.EqualValues(t, goodAlerts+badAlerts, s.Progress().Rejected)
	return dir, &archive.Service{Job: stream.MicroBatch{Source: s.Job.Source}, Dir: dir}
}

// seen reads a table as a reader would, and counts each message.
func seen(t *testing.T, dir, table string) map[string]int {
	out := map[string]int{}
	filepath.WalkDir(filepath.Join(dir, table), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		require.True(t, strings.HasSuffix(path, ".parquet"), path)
		f, err := file.OpenParquetFile(path, false)
		require.NoError(t, err, "a reader sees whole files only")
		defer f.Close()
		r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		require.NoError(t, err)
		all, err := r.ReadTable(context.Background())
		require.NoError(t, err)
		defer all.Release()
		topic, offset := all.Schema().FieldIndices("topic")[0], all.Schema().FieldIndices("offset")[0]
		tr := array.NewTableReader(all, -1)
		defer tr.Release()
		for tr.Next() {
			rec := tr.Record()
			for i := range int(rec.NumRows()) {
				out[fmt.Sprintf("%s@%d", filepath.Base(rec.Column(topic).(*array.String).Value(i)), rec.Column(offset).(*array.Int64).Value(i))]++
			}
		}
		return nil
	})
	return out
}

// checkReplayed checks an archive after a complete replay.
func checkReplayed(t *testing.T, dir string) {
	alerts, rejected := seen(t, dir, "alerts"), seen(t, dir, "rejected")
	assert.Len(t, alerts, goodAlerts)
	assert.Len(t, rejected, badAlerts)
	for m, n := range alerts {
		assert.Equal(t, 1, n, m)
		assert.NotContains(t, m, "x")
		assert.NotContains(t, rejected, m)
	}
	for m, n := range rejected {
		assert.Equal(t, 1, n, m)
		assert.Contains(t, m, "x")
	}
	r := look(t, audit.Options{Dir: dir, Deep: true})
	assert.Empty(t, r.Findings)
	assert.EqualValues(t, goodAlerts, r.Replayed)
	assert.NoDirExists(t, filepath.Join(dir, "staging"))
}

func TestReplay(t *testing.T) {
	dir, s := misread(t)
	got, err := s.Replay(t.Context(), nil)
	require.NoError(t, err)
	assert.EqualValues(t, goodAlerts, got.Written)
	assert.EqualValues(t, badAlerts, got.Rejected)
	assert.EqualValues(t, goodAlerts+badAlerts, got.Read)
	assert.EqualValues(t, goodAlerts+badAlerts, got.Chosen)
	checkReplayed(t, dir)

	again, err := s.Replay(t.Context(), nil)
	require.NoError(t, err)
	assert.EqualValues(t, 0, again.Written)
	assert.EqualValues(t, badAlerts, again.Read)
	assert.Zero(t, again.Files, "what is rejected again stays where it is")
	checkReplayed(t, dir)

	require.NoError(t, s.Drain(t.Context()), "the archive goes on")
	assert.Zero(t, s.Progress().Read)
	checkReplayed(t, dir)
}

// Messages that are not chosen stay rejected.
func TestReplayOfSome(t *testing.T) {
	dir, s := misread(t)
	none, err := s.Replay(t.Context(), func(string) bool { return false })
	require.NoError(t, err)
	assert.Equal(t, archive.Replayed{}, none)
	var causes []string
	got, err := s.Replay(t.Context(), func(cause string) bool {
		causes = append(causes, cause)
		return strings.Contains(cause, "survey")
	})
	require.NoError(t, err)
	assert.EqualValues(t, goodAlerts, got.Chosen, "%q", causes)
	assert.EqualValues(t, goodAlerts, got.Written)
	assert.EqualValues(t, badAlerts, got.Rejected)
	checkReplayed(t, dir)
}

// A replay may run beside a service, which the lock of the service does not
// exclude.
func TestReplayBesideService(t *testing.T) {
	dir, s := misread(t)
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	unlock, err := d.Lock("ledger/lock", false)
	require.NoError(t, err)
	got, err := s.Replay(t.Context(), nil)
	require.NoError(t, err)
	assert.EqualValues(t, goodAlerts, got.Written)
	require.NoError(t, unlock())
	checkReplayed(t, dir)
	_, err = (&archive.Service{Dir: filepath.Join(dir, "none")}).Replay(t.Context(), nil)
	assert.ErrorContains(t, err, "no archive in")
}

// TestReplayDiesAnywhere ends a replay at each of its operations on the store,
// before it and after it, and has it finished by another replay, by a service,
// or by an audit that repairs and a replay. Without SKYFINCH_LONG it does so at
// a third of the operations.
func TestReplayDiesAnywhere(t *testing.T) {
	finish := map[string]func(t *testing.T, dir string, s *archive.Service){
		"replay": func(*testing.T, string, *archive.Service) {},
		"service": func(t *testing.T, _ string, s *archive.Service) {
			require.NoError(t, s.Drain(t.Context()))
		},
		"audit": func(t *testing.T, dir string, _ *archive.Service) {
			assert.Empty(t, look(t, audit.Options{Dir: dir, Repair: true}).Findings)
			assert.Empty(t, look(t, audit.Options{Dir: dir}).Findings, "after a repair all holds")
		},
	}
	for name, finish := range finish {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := 0
			for _, after := range []bool{false, true} {
				for step := 1; ; step++ {
					if os.Getenv("SKYFINCH_LONG") == "" && step%3 != len(name)%3 {
						continue
					}
					dir, s := misread(t)
					if !dies(t, dir, s, step, after) {
						break
					}
					steps++
					alerts, rejected := seen(t, dir, "alerts"), seen(t, dir, "rejected")
					for m, n := range alerts {
						require.Equal(t, 1, n, m)
						rejected[m] += 0
					}
					require.Len(t, rejected, goodAlerts+badAlerts, "step %d: a message is lost", step)
					finish(t, dir, s)
					_, err := s.Replay(t.Context(), nil)
					require.NoError(t, err)
					checkReplayed(t, dir)
					if t.Failed() {
						t.Fatalf("step %d, after %v", step, after)
					}
				}
			}
			t.Logf("died %d times", steps)
			require.Greater(t, steps, 10)
		})
	}
}

// dies runs a replay whose store fails for good from an operation on. It
// reports whether the replay reached it.
func dies(t *testing.T, dir string, s *archive.Service, step int, after bool) bool {
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	n := 0
	var mu sync.Mutex
	hook := func(op faultstore.Op) error {
		mu.Lock()
		defer mu.Unlock()
		switch op.Kind {
		case faultstore.Get, faultstore.List, faultstore.Open, faultstore.Read:
			if n < step {
				return nil
			}
		case faultstore.Abort:
			return nil
		default:
			n++
		}
		if n >= step {
			return errDied
		}
		return nil
	}
	f := &faultstore.Store{Store: d}
	if after {
		f.After = hook
	} else {
		f.Before = hook
	}
	dying := &archive.Service{Job: stream.MicroBatch{Source: s.Job.Source, Workers: 1}, Store: f}
	_, err = dying.Replay(t.Context(), nil)
	if n < step {
		require.NoError(t, err)
		return false
	}
	return true
}

// TestReplayRaces runs two replays of the same files, with and without locks: no
// file is replaced twice, and what one replays the other does not miss.
func TestReplayRaces(t *testing.T) {
	for i := range 6 {
		dir, s := misread(t)
		d, err := store.OpenDir(dir)
		require.NoError(t, err)
		var st store.Store = d
		if i%2 == 0 {
			st = struct{ store.Store }{d} // without a lock
		}
		type outcome struct {
			archive.Replayed
			err error
		}
		outcomes := make(chan outcome, 2)
		for range 2 {
			r := &archive.Service{Job: stream.MicroBatch{Source: s.Job.Source}, Store: st}
			go func() {
				done, err := r.Replay(t.Context(), nil)
				outcomes <- outcome{done, err}
			}()
		}
		first, second := <-outcomes, <-outcomes
		require.NoError(t, first.err)
		require.NoError(t, second.err)
		assert.EqualValues(t, goodAlerts, first.Written+second.Written)
		_, err = s.Replay(t.Context(), nil)
		require.NoError(t, err)
		checkReplayed(t, dir)
	}
}

// TestReplayBehindUndecided replays while a service has a batch in progress, and
// the first replay dies before it has published its own, later batch.
func TestReplayBehindUndecided(t *testing.T) {
	dir, s := misread(t)
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	l, err := ledger.Open(t.Context(), d, "ledger", nil)
	require.NoError(t, err)
	last, err := l.LastRecord(t.Context())
	require.NoError(t, err)
	inProgress := &ledger.Plan{Batch: last + 1, Token: "service", Ranges: []ledger.Range{{Partition: "k/topic@id/0", To: 10}}}
	_, err = l.PutPlan(t.Context(), inProgress)
	require.NoError(t, err)
	var died atomic.Bool
	dying := &archive.Service{Job: stream.MicroBatch{Source: s.Job.Source, Workers: 1}, Store: &faultstore.Store{Store: d, Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.Publish && strings.Contains(op.Name, "alerts/") {
			died.Store(true)
		}
		if died.Load() {
			return errDied
		}
		return nil
	}}}
	_, err = dying.Replay(t.Context(), nil)
	require.ErrorIs(t, err, errDied)

	for range 2 {
		_, err = s.Replay(t.Context(), nil)
		require.NoError(t, err)
		alerts, rejected := seen(t, dir, "alerts"), seen(t, dir, "rejected")
		assert.Len(t, alerts, goodAlerts)
		assert.Len(t, rejected, badAlerts)
	}
	r := look(t, audit.Options{Dir: dir, Deep: true})
	assert.Empty(t, r.Findings)
}

// mortal is a store that fails for good from its n-th change on.
func mortal(d store.Store, n int) *faultstore.Store {
	var mu sync.Mutex
	return &faultstore.Store{Store: d, Before: func(op faultstore.Op) error {
		mu.Lock()
		defer mu.Unlock()
		switch op.Kind {
		case faultstore.Get, faultstore.List, faultstore.Open, faultstore.Read, faultstore.Abort:
		default:
			n--
		}
		if n < 0 && op.Kind != faultstore.Abort {
			return errDied
		}
		return nil
	}}
}

// TestReplaysAndRepairDie runs two replays and an audit that repairs at once, and
// has each die at a random step, or at none.
func TestReplaysAndRepairDie(t *testing.T) {
	t.Parallel()
	rounds := 10
	if os.Getenv("SKYFINCH_LONG") != "" {
		rounds = 60
	}
	for seed := range uint64(rounds) {
		rng := rand.New(rand.NewPCG(seed, 1))
		dir, s := misread(t)
		d, err := store.OpenDir(dir)
		require.NoError(t, err)
		var all sync.WaitGroup
		for range 2 {
			r := &archive.Service{Job: stream.MicroBatch{Source: s.Job.Source, Workers: 1}, Store: mortal(d, rng.IntN(60))}
			all.Go(func() { r.Replay(t.Context(), nil) })
		}
		repair := audit.Options{Store: mortal(d, rng.IntN(12)), Repair: true, Grace: time.Duration(rng.IntN(200)) * time.Millisecond}
		all.Go(func() {
			for range 3 {
				if r, err := audit.Run(t.Context(), repair); err == nil {
					assert.Empty(t, r.Findings, "seed %d: while all are at work", seed)
				}
			}
		})
		all.Wait()
		alerts, rejected := seen(t, dir, "alerts"), seen(t, dir, "rejected")
		for m, n := range alerts {
			require.Equal(t, 1, n, "seed %d: %s", seed, m)
			rejected[m] += 0
		}
		require.Len(t, rejected, goodAlerts+badAlerts, "seed %d: a message is lost", seed)
		assert.Empty(t, look(t, audit.Options{Dir: dir, Repair: true}).Findings, "seed %d", seed)
		_, err = s.Replay(t.Context(), nil)
		require.NoError(t, err, "seed %d", seed)
		checkReplayed(t, dir)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A file that is published and replaced while an audit runs is not missing.
func TestReplayDuringAudit(t *testing.T) {
	dir, s := misread(t)
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	n, published := 0, atomic.Bool{}
	dying := &archive.Service{Store: &faultstore.Store{Store: d, Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.Publish && strings.HasPrefix(op.Name, "rejected/") {
			published.Store(true)
		}
		if published.Load() {
			return errDied
		}
		return nil
	}}}
	_, err = dying.Replay(t.Context(), func(string) bool { n++; return n%2 == 0 })
	require.ErrorIs(t, err, errDied, "some are alerts, others stay rejected")
	var once sync.Once
	audited := &faultstore.Store{Store: d, Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.Open && strings.HasPrefix(op.Name, "schema/") { // all batches have been read
			once.Do(func() {
				_, err := s.Replay(t.Context(), nil)
				require.NoError(t, err)
			})
		}
		return nil
	}}
	r, err := audit.Run(t.Context(), audit.Options{Store: audited})
	require.NoError(t, err)
	assert.Empty(t, r.Findings)
}
