package archive_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/stream/streamtest"
)

func TestSourceConforms(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(700)
	for what, source := range map[string]*archive.Source{
		"stream":  {Dir: s.dir},
		"columns": {Dir: s.dir, Columns: []string{"alert_id", "ra"}},
	} {
		assert.NoError(t, streamtest.TestSource(source), what)
		require.NoError(t, source.Close())
	}
}

// Rewrites change neither the rows nor the chunks of a range.
func TestSourceAfterRewrites(t *testing.T) {
	t.Parallel()
	s := newSky(t)
	s.grow(700)
	source := &archive.Source{Dir: s.dir, Memory: 1 << 20}
	all := extents(t, source)
	require.Len(t, all, 1)
	require.EqualValues(t, 700, all[0].To)
	part := all[0].Range
	part.From, part.To = 13, 601
	want, accounts := read(t, source, part)
	require.Len(t, want, 3, "cut at 256 and 512")
	require.EqualValues(t, 243, accounts[0].Read)
	s.rewrite("alerts/ztf", "", false)
	got, _ := read(t, source, part)
	assert.Equal(t, want, got)
	s.rewrite("alerts/ztf", "object_id", false)
	for _, memory := range []int64{1 << 20, 1 << 30} {
		source := &archive.Source{Dir: s.dir, Memory: memory}
		for range 2 {
			got, _ = read(t, source, part)
			assert.Equal(t, want, got, memory)
		}
		require.NoError(t, source.Close())
	}
}
