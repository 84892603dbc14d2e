package archive_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/sink"
)

func TestPrune(t *testing.T) {
	s := newSky(t)
	s.grow(400)
	s.rejectAndReplay(40)
	all := s.alerts()
	hours, err := archive.List(t.Context(), nil, s.dir)
	require.NoError(t, err)
	var bytes, rows int64
	for _, h := range hours {
		if h.Table == "alerts/ztf" {
			bytes, rows = bytes+h.Bytes, rows+h.Rows
		}
	}
	assert.EqualValues(t, len(all), rows)

	p := &archive.Prune{Dir: s.dir, Keep: bytes - 1, DryRun: true}
	would, err := p.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, all, s.alerts())
	p.DryRun = false
	done, err := p.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, would, done)
	assert.EqualValues(t, 1, done.Dirs, "the oldest hour")
	assert.Equal(t, done.First, done.Last)
	left := s.alerts()
	assert.EqualValues(t, len(all), int64(len(left))+done.Rows)
	s.sound()
	c := newCopier(t, &archive.Source{Dir: s.dir})
	c.drain()
	assert.Equal(t, left, values(t, filepath.Join(c.dir, "alerts")))

	_, err = (&archive.Compaction{Dir: s.dir}).Run(t.Context())
	require.NoError(t, err)
	s.sound()
	p = &archive.Prune{Dir: s.dir, Before: time.Now().Add(-25 * time.Hour)}
	_, err = p.Run(t.Context())
	require.NoError(t, err)
	assert.Empty(t, s.alerts())
	s.sound()
	hours, err = archive.List(t.Context(), nil, s.dir)
	require.NoError(t, err)
	rows = 0
	for _, h := range hours {
		if h.Table == "alerts/ztf" {
			assert.Zero(t, h.Rows)
			rows += h.Pruned
		}
	}
	assert.EqualValues(t, len(all), rows)
	s.grow(50)
	s.sound()
}

func TestPruneRefuses(t *testing.T) {
	s := newSky(t)
	s.grow(10)
	for _, p := range []archive.Prune{{}, {Keep: 1, Before: time.Unix(1, 0)}, {Keep: -1}, {Before: time.Now()}} {
		p.Dir = s.dir
		_, err := p.Run(t.Context())
		assert.Error(t, err)
	}
	assert.NotEmpty(t, s.alerts())
}

// A night is over a day after its date, and is kept for another one.
func TestPruneNights(t *testing.T) {
	s := newSky(t)
	s.clock = sink.Night
	s.grow(60)
	nights := s.files("alerts/ztf")
	require.NotEmpty(t, nights)
	last, err := time.Parse("2006/01/02", nights[len(nights)-1].Dir)
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(last.Add(71 * time.Hour)))
		p := &archive.Prune{Dir: s.dir, Before: last.Add(24 * time.Hour)}
		_, err := p.Run(t.Context())
		assert.ErrorContains(t, err, "is kept")
		time.Sleep(2 * time.Hour)
		_, err = p.Run(t.Context())
		assert.NoError(t, err)
	})
	assert.Empty(t, s.alerts())
}
