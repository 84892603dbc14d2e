package index_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// view is all that an index says.
func view(t *testing.T, x *index.Index) string {
	out := map[string]any{"through": x.Through(), "pending": append([]index.Pending{}, x.Pending()...)}
	for _, name := range x.Tables() {
		table := *x.Table(name)
		var files []any
		for _, f := range table.Files {
			stat, ok := f.Stat("ra")
			f.Stats, f.StagedPath = nil, ""
			files = append(files, f, stat, ok)
		}
		table.Files, table.Pruned = nil, append([]index.Gap{}, table.Pruned...)
		out[name], out[name+" files"] = table, files
	}
	text, err := json.Marshal(out)
	require.NoError(t, err)
	return string(text)
}

// difference returns where two texts begin to differ.
func difference(a, b string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			from := max(i-80, 0)
			return a[from:min(i+80, len(a))] + "\n" + b[from:min(i+80, len(b))]
		}
	}
	return a[min(len(a), len(b)):] + b[min(len(a), len(b)):]
}

func (w *world) openToSave() *index.Index {
	x, err := index.OpenToSave(w.t.Context(), w.Store, w.Ledger)
	require.NoError(w.t, err)
	return x
}

// live returns the live files of a directory.
func live(x *index.Index, dir string) (out []ledger.File) {
	if t := x.Table(ztf); t != nil {
		for _, f := range t.Dir(dir) {
			out = append(out, f.File)
		}
	}
	return out
}

// step adds random batches.
func (w *world) step(rng *rand.Rand, x *index.Index) {
	_, err := x.Update(w.t.Context())
	require.NoError(w.t, err)
	dir := fmt.Sprintf("2026/01/01/%02d", rng.IntN(3))
	old := live(x, dir)
	switch bad := x.Table(layout.Rejected); {
	case bad != nil && len(bad.Files) > 0 && rng.IntN(8) == 0:
		w.replay(bad.Files[rng.IntN(len(bad.Files))].File)
	case rng.IntN(8) == 0: // a back-fill, with a bad message
		var files []ledger.File
		for i := range 4 {
			files = append(files, w.file(ztf, fmt.Sprintf("2025/12/%02d/00", 1+rng.IntN(20)*i%20), i, int64(1+rng.IntN(5))))
		}
		w.put(append(files, w.file(layout.Rejected, "2026/01/02/00", 4, 2))...)
	case len(old) > 2 && rng.IntN(6) == 0:
		w.rewrite(ledger.Commit{Replaces: &ledger.Replacement{Pruned: true}}, old...)
	case len(old) > 1 && rng.IntN(4) == 0:
		var rows int64
		for _, f := range old[1:] {
			rows += f.Rows
		}
		r := &ledger.Replacement{}
		if rng.IntN(3) == 0 {
			r.Cleared = w.batch
		} else {
			r.Due = at(w.batch)
		}
		w.rewrite(ledger.Commit{Replaces: r, Rows: ledger.Receipt{Files: []ledger.File{w.file(ztf, dir, 0, rows-1), w.file(ztf, dir, 1, 1)}}}, old[1:]...)
	default:
		f := w.file(ztf, dir, 0, int64(1+rng.IntN(5)))
		f.First, f.Last, f.Schema = at(w.batch), at(w.batch+1), 3
		f.Stats = map[string][2]json.RawMessage{"ra": {[]byte("1.5"), []byte("2")}}
		w.put(f, w.file("alerts/lsst", dir, 1, 2))
	}
}

// An index that was saved equals one that was read from the ledger, whoever saves it
// and when.
func TestSaved(t *testing.T) {
	index.SetSegments(t, 4, 3)
	rng := rand.New(rand.NewPCG(1, 2))
	w := newWorld(t)
	plain := w.open() // reads the ledger
	var saver *index.Index
	for i := range 150 {
		w.step(rng, plain)
		_, err := plain.Update(t.Context())
		require.NoError(t, err)
		switch rng.IntN(4) {
		case 0:
			saver = w.openToSave()
		case 1:
			if saver != nil {
				_, err := saver.Update(t.Context())
				require.NoError(t, err)
			}
		}
		require.Empty(t, difference(view(t, plain), view(t, w.open())), i)
		if saver != nil && saver.Through() == w.batch {
			require.Empty(t, difference(view(t, plain), view(t, saver)), i)
		}
		for _, b := range []int64{1, w.batch / 3, w.batch - 1, w.batch + 5} {
			want, err := plain.RowsBefore(t.Context(), ztf, at(b))
			require.NoError(t, err)
			got, err := w.open().RowsBefore(t.Context(), ztf, at(b))
			require.NoError(t, err)
			require.Equal(t, want, got, "batch %d", b)
		}
	}
	names := w.segments()
	assert.LessOrEqual(t, len(names), 12)
	assert.Contains(t, names, "000000000001-000000000108")
}

func (w *world) segments() (names []string) {
	for e, err := range w.List(w.t.Context(), layout.Ledger+"/index/") {
		require.NoError(w.t, err)
		names = append(names, path.Base(e.Name))
	}
	slices.Sort(names)
	return names
}
