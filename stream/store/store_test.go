package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/store"
	"github.com/skyfinch/skyfinch/stream/streamtest"
)

func TestMemory(t *testing.T) { assert.NoError(t, streamtest.TestStore(store.NewMemory())) }

func TestDir(t *testing.T) {
	d, err := store.OpenDir(t.TempDir())
	require.NoError(t, err)
	assert.NoError(t, streamtest.TestStore(d))
}
