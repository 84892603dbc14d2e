package index_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// known are the fields that the first release knows in plans and commits.
var known = strings.Fields("batch token created ranges partition from to starts at skipped limit accounts end read control aborted compacted lost " +
	"written rejected dropped rows rejects bytes seconds files parts data table stage name first last")

// forget removes the fields that the first release does not know.
func forget(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			forget(e)
		}
	case map[string]any:
		for name, e := range v {
			if !slices.Contains(known, name) {
				delete(v, name)
			} else if name != "data" { // which it keeps as it is
				forget(e)
			}
		}
	}
}

// The first release drops the fields that it does not know when it moves batches into
// history. The index is the same afterwards but for the schema and the statistics of
// files, without which readers open more of them.
func TestTruncatedByFirstRelease(t *testing.T) {
	index.SetSegments(t, 4, 3)
	w := newWorld(t)
	plain := w.open()
	rng := rand.New(rand.NewPCG(7, 8))
	for range 60 {
		w.step(rng, plain)
	}
	_, err := plain.Update(t.Context())
	require.NoError(t, err)
	want := hintless(view(t, plain))

	var lines bytes.Buffer
	for n := int64(1); n <= w.batch; n++ {
		entry := map[string]any{}
		for _, kind := range []string{"plan", "commit"} {
			data, err := w.Get(t.Context(), fmt.Sprintf("%s/%012d.%s", layout.Ledger, n, kind))
			require.NoError(t, err)
			d := json.NewDecoder(bytes.NewReader(data))
			d.UseNumber()
			var record any
			require.NoError(t, d.Decode(&record))
			forget(record)
			entry[kind] = record
		}
		require.NoError(t, json.NewEncoder(&lines).Encode(entry))
	}
	_, err = w.PutIfAbsent(t.Context(), fmt.Sprintf("%s/history/%012d-%012d", layout.Ledger, 1, w.batch), pack(t, lines.Bytes()))
	require.NoError(t, err)
	require.NoError(t, w.PutSnapshot(t.Context(), ledger.Snapshot{Through: w.batch, Settled: map[string]ledger.Settled{"p": {}}}))
	for n := int64(1); n <= w.batch; n++ {
		for _, kind := range []string{"plan", "commit", "done"} {
			require.NoError(t, w.Delete(t.Context(), fmt.Sprintf("%s/%012d.%s", layout.Ledger, n, kind)))
		}
	}
	assert.Empty(t, difference(want, hintless(view(t, w.open()))))
	assert.Empty(t, difference(want, hintless(view(t, w.openToSave()))))
	assert.Empty(t, difference(want, hintless(view(t, w.open()))))
}

// hintless removes the schema and the statistics from a view.
func hintless(view string) string {
	return strings.NewReplacer(`,"schema":3`, "", `["1.5","2"],true`, "_", `[1.5,2],true`, "_", `[null,null],false`, "_").Replace(view)
}

// The index of the archives of the first release, read from the ledger or from segments,
// has the files that are there.
func TestIndexOfReleases(t *testing.T) {
	index.SetSegments(t, 2, 2)
	names, err := filepath.Glob("../../testdata/*/*.zip")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		if filepath.Base(name) == "packets.zip" {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			st := unzip(t, name)
			l, err := ledger.Open(t.Context(), st, layout.Ledger, nil)
			require.NoError(t, err)
			plain, err := index.Open(t.Context(), st, l)
			require.NoError(t, err)
			for range 2 {
				x, err := index.OpenToSave(t.Context(), st, l)
				require.NoError(t, err)
				assert.Empty(t, difference(view(t, plain), view(t, x)))
			}
			for _, table := range plain.Tables() {
				rows := int64(0)
				for _, f := range plain.Table(table).Files {
					data, err := st.Get(t.Context(), f.Path)
					require.NoError(t, err)
					assert.EqualValues(t, f.Bytes, len(data), f.Path)
					rows += f.Rows
				}
				assert.LessOrEqual(t, rows, plain.Table(table).Rows)
				if table != layout.Rejected { // no replay removes alerts
					assert.Equal(t, rows, plain.Table(table).Rows)
				}
			}
		})
	}
}

// unzip returns the archive in a file of testdata.
func unzip(t *testing.T, name string) *store.Memory {
	st := store.NewMemory()
	z, err := zip.OpenReader(name)
	require.NoError(t, err)
	defer z.Close()
	for _, f := range z.File {
		path, inside := strings.CutPrefix(f.Name, "archive/")
		if !inside || f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		_, err = st.PutIfAbsent(t.Context(), path, data)
		require.NoError(t, err)
	}
	return st
}
