//go:build unix && !aix && !solaris && !illumos

package crossmatch

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// If an index is truncated while it is in use, at any offset, positions fail; the program
// neither crashes nor leaks memory.
func TestIndexTruncatedInUse(t *testing.T) {
	whole := fullCatalog(t, 11, 2000, memory.DefaultAllocator)
	file, err := os.ReadFile(written(t, whole))
	require.NoError(t, err)
	dir := t.TempDir()
	name := filepath.Join(dir, "cut")
	p := Positions{}
	for i := range whole.layers {
		for j := 0; j < len(whole.layers[i].rows); j += 20 {
			r := whole.layers[i].rows[j]
			p.RA, p.Dec, p.Epoch = append(p.RA, r.ra), append(p.Dec, r.dec), append(p.Epoch, 2020)
		}
	}
	p.Dec[0] = 91
	failed, answered := 0, 0
	for size := int64(len(file)); size >= 0; size -= 9000 {
		require.NoError(t, os.WriteFile(name, file, 0o666))
		c, err := OpenIndex(name)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(name, size))
		if failsInUse(t, c, p) {
			failed++
			require.ErrorIs(t, c.Verify(t.Context()), ErrBadIndex)
			require.ErrorIs(t, c.WriteIndex(filepath.Join(dir, "again"), ""), ErrBadIndex)
		} else {
			answered++
		}
		require.NoError(t, c.Close())
		require.Zero(t, c.file.users.Load())
	}
	assert.Greater(t, failed, 10)
	assert.Positive(t, answered)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1)
	again, err := openBytes(file) // pooled searches still work
	require.NoError(t, err)
	assertSame(t, whole, again, 12)
}

func failsInUse(t *testing.T, c *Catalog, p Positions) bool {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	a, err := c.Nearest(compute.WithAllocator(context.Background(), mem), p, 0.01)
	require.NoError(t, err)
	require.True(t, c.Schema().Equal(a.Rows.Schema()))
	defer a.Rows.Release()
	require.Equal(t, StatusInvalid, a.Matches[0].Status)
	if a.Cause != nil {
		require.ErrorIs(t, a.Cause, ErrBadIndex)
		require.ErrorContains(t, a.Cause, c.file.name)
		for _, m := range a.Matches[1:] {
			require.Equal(t, StatusFailed, m.Status)
		}
		for _, column := range a.Rows.Columns() {
			require.Equal(t, len(p.RA), column.NullN())
		}
	}
	b := array.NewRecordBuilder(mem, arrow.NewSchema([]arrow.Field{raField, decField}, nil))
	defer b.Release()
	b.Field(0).(*array.Float64Builder).AppendValues(p.RA, nil)
	b.Field(1).(*array.Float64Builder).AppendValues(p.Dec, nil)
	rec := b.NewRecord()
	defer rec.Release()
	tr := &Transform{Memory: mem, Joins: []Join{{Name: "x", Matcher: c, Radius: 0.01}}}
	for _, match := range []func() (arrow.Record, error){
		func() (arrow.Record, error) { return tr.Match(t.Context(), rec) },
		func() (arrow.Record, error) { return tr.MatchAll(t.Context(), rec, 3) },
	} {
		got, err := match()
		require.NoError(t, err)
		status := got.Column(2).(*array.String)
		require.Equal(t, "invalid", status.Value(0))
		if a.Cause != nil {
			require.Equal(t, "failed", status.Value(1))
			require.Equal(t, rec.NumRows(), got.NumRows())
		}
		got.Release()
	}
	return a.Cause != nil
}

// guard repeats panics that are not faults of the file.
func TestGuardPanics(t *testing.T) {
	c := fullCatalog(t, 12, 100, memory.DefaultAllocator)
	opened, err := OpenIndex(written(t, c))
	require.NoError(t, err)
	assert.PanicsWithValue(t, "x", func() { _ = opened.file.guard(func() error { panic("x") }) })
	assert.Panics(t, func() { _ = opened.file.guard(func() error { var p *int; *p++; return nil }) })
	var none []int
	assert.Panics(t, func() { _ = opened.file.guard(func() error { none[3]++; return nil }) })
	require.NoError(t, opened.Close())
}
