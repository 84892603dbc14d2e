package sim_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/sim"
)

var (
	_ alert.Registry = (*sim.Registry)(nil)
	_ alert.Lister   = (*sim.Registry)(nil)
)

func TestRegistry(t *testing.T) {
	ctx := context.Background()
	var r sim.Registry
	text, err := r.Schema(ctx, 900)
	require.NoError(t, err)
	assert.Contains(t, string(text), "midpointMjdTai")
	_, err = r.Schema(ctx, 901)
	require.ErrorIs(t, err, alert.ErrUnknownSchema)

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lsst-901.avsc"), []byte(`"int"`), 0o666))
	r.Next = alert.DirRegistry(dir)
	text, err = r.Schema(ctx, 901)
	require.NoError(t, err)
	assert.Equal(t, `"int"`, string(text))
	ids, err := r.IDs(ctx)
	require.NoError(t, err)
	assert.Equal(t, []uint32{900, 901}, ids)
}

func TestRegistryDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	r := &sim.Registry{Dir: dir}
	s := sim.Simulator{Survey: sim.LSST, Registry: r}
	for p, err := range s.Packets(1) {
		require.NoError(t, err)
		decode(t, alert.DirRegistry(dir), p) // before the next packet
	}
	s.Registry = &sim.Registry{Dir: filepath.Join(dir, "lsst-900.avsc")} // is a file
	for _, err := range s.Packets(1) {
		require.ErrorContains(t, err, "sim: registry: mkdir")
	}
}
