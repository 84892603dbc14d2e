package stream

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettledWith(t *testing.T) {
	account := func(p string, from, to int64) Account { return Account{Range: Range{p, from, to}} }
	var c claims
	require.NoError(t, c.settle(account("a", 0, 100)))
	require.NoError(t, c.settle(account("b", 0, 10)))
	assert.Equal(t, map[string]int64{"a": 100, "b": 10}, c.settledWith([]Account{account("a", 500, 600)}), "late data is not done")
	assert.Equal(t, map[string]int64{"a": 600, "b": 10, "c": 7},
		c.settledWith([]Account{account("a", 500, 600), account("a", 100, 500), account("c", 5, 7)}))
	assert.Equal(t, map[string]int64{"a": 100, "b": 10}, c.settled(), "as it was")
}
