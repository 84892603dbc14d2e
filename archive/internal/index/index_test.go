package index_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

const ztf = "alerts/ztf"

// world writes a ledger.
type world struct {
	t *testing.T
	store.Store
	*ledger.Ledger
	batch int64
}

func newWorld(t *testing.T) *world {
	st := store.NewMemory()
	l, err := ledger.Open(t.Context(), st, layout.Ledger, nil)
	require.NoError(t, err)
	return &world{t: t, Store: st, Ledger: l}
}

func (w *world) file(table, dir string, n int, rows int64) ledger.File {
	name := fmt.Sprintf("%s/%s/%s-%012d-%d.parquet", table, dir, w.ID(), w.batch+1, n)
	return ledger.File{Table: table, Path: name, StagedPath: "staging/x", Rows: rows, Bytes: 100}
}

// put puts a done batch.
func (w *world) put(files ...ledger.File) {
	w.batch++
	_, err := w.PutPlan(w.t.Context(), &ledger.Plan{Batch: w.batch, Token: "t", Ranges: []ledger.Range{{Partition: "p", From: w.batch, To: w.batch + 1}}})
	require.NoError(w.t, err)
	_, err = w.PutCommit(w.t.Context(), &ledger.Commit{Batch: w.batch, Token: "t", Created: at(w.batch), Rows: ledger.Receipt{Files: files}})
	require.NoError(w.t, err)
	require.NoError(w.t, w.PutDone(w.t.Context(), w.batch))
}

func at(batch int64) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(batch) * time.Minute)
}

// rewrite puts a rewrite of files by others.
func (w *world) rewrite(c ledger.Commit, old ...ledger.File) {
	if c.Replaces == nil {
		c.Replaces = &ledger.Replacement{}
	}
	c.Replaces.Base = w.batch
	for _, f := range old {
		c.Replaces.Files = append(c.Replaces.Files, ledger.ReplacedFile{Name: f.Path, Rows: f.Rows, Bytes: f.Bytes})
	}
	require.NoError(w.t, w.Rewrite(w.t.Context(), &c, nil))
	w.batch = c.Batch
	require.NoError(w.t, w.PutDone(w.t.Context(), c.Batch))
}

func (w *world) open() *index.Index {
	x, err := index.Open(w.t.Context(), w.Store, w.Ledger)
	require.NoError(w.t, err)
	assert.Equal(w.t, w.batch, x.Through())
	return x
}

func runsOf(t *index.Table) (out []string) {
	for _, f := range t.Files {
		out = append(out, fmt.Sprintf("%s %v %d", f.Dir, f.Runs, f.Batch))
	}
	return out
}

func TestRewritesKeepRowNumbers(t *testing.T) {
	w := newWorld(t)
	h1, h2 := "2026/01/01/01", "2026/01/01/02"
	a1, b1 := w.file(ztf, h1, 0, 10), w.file(ztf, h2, 1, 5)
	w.put(a1, b1)
	a2 := w.file(ztf, h1, 0, 7)
	w.put(a2, w.file("alerts/lsst", h1, 1, 3))
	x := w.open()
	assert.Equal(t, []string{"alerts/lsst", ztf}, x.Tables())
	assert.Equal(t, []string{h1 + " [{0 10}] 1", h1 + " [{15 7}] 2", h2 + " [{10 5}] 1"}, runsOf(x.Table(ztf)))
	assert.EqualValues(t, 22, x.Table(ztf).Rows)

	c1, c2 := w.file(ztf, h1, 0, 12), w.file(ztf, h1, 1, 5)
	w.rewrite(ledger.Commit{Rows: ledger.Receipt{Files: []ledger.File{c1, c2}}}, a2, a1)
	w.put(w.file(ztf, h1, 0, 1))
	changed, err := x.Update(t.Context())
	require.NoError(t, err)
	assert.True(t, changed)
	now := []string{h1 + " [{0 10} {15 2}] 3", h1 + " [{17 5}] 3", h1 + " [{22 1}] 4", h2 + " [{10 5}] 1"}
	assert.Equal(t, now, runsOf(x.Table(ztf)))
	assert.Equal(t, now, runsOf(w.open().Table(ztf)))
	assert.Len(t, x.Pending(), 2)

	w.rewrite(ledger.Commit{Replaces: &ledger.Replacement{Pruned: true, Cleared: 3}}, c2, c1)
	x = w.open()
	assert.Equal(t, now[2:], runsOf(x.Table(ztf)))
	assert.Equal(t, []index.Gap{{h1, []index.Run{{0, 10}, {15, 7}}}}, x.Table(ztf).Pruned)
	assert.EqualValues(t, 23, x.Table(ztf).Rows)
	require.Len(t, x.Pending(), 2)
	assert.Equal(t, c1.Path, x.Pending()[0].Name)

	for batch, want := range map[int64]int64{1: 0, 2: 15, 3: 22, 4: 22, 5: 23} {
		n, err := x.RowsBefore(t.Context(), ztf, at(batch))
		require.NoError(t, err)
		if batch != 3 && batch != 5 { // those are rewrites: their time is that of the test
			assert.Equal(t, want, n, batch)
		}
	}
}

// replay replays a rejected file: one of its messages remains rejected.
func (w *world) replay(bad ledger.File) {
	r := layout.Replay{Replaces: []ledger.ReplacedFile{{Name: bad.Path, Rows: bad.Rows, Bytes: bad.Bytes}}, Read: bad.Rows, Written: bad.Rows - 1, Rejected: 1}
	data, err := json.Marshal(r)
	require.NoError(w.t, err)
	w.rewrite(ledger.Commit{
		Rows:    ledger.Receipt{Files: []ledger.File{w.file(ztf, "2026/01/01/01", 0, bad.Rows-1)}},
		Rejects: ledger.Receipt{Files: []ledger.File{w.file(layout.Rejected, "2026/01/01/03", 1, 1)}, Data: data},
	}, bad)
}

func TestReplaysAddRows(t *testing.T) {
	w := newWorld(t)
	bad := w.file(layout.Rejected, "2026/01/01/01", 0, 4)
	w.put(bad, w.file(ztf, "2026/01/01/01", 1, 6))
	w.replay(bad)
	x := w.open()
	assert.Equal(t, []string{"2026/01/01/01 [{0 6}] 1", "2026/01/01/01 [{6 3}] 2"}, runsOf(x.Table(ztf)))
	assert.Equal(t, []string{"2026/01/01/03 [{4 1}] 2"}, runsOf(x.Table(layout.Rejected)))
	assert.Empty(t, x.Pending())
}
