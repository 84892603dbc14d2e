package table

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A column that cannot be read is an error only to those who need it.
func TestSelectUnreadable(t *testing.T) {
	cols := []column{{name: "ra"}, {name: "dec"}, {name: "list", why: "it is nested"}, {name: "x"}}
	want, err := selectColumns(cols, 0, 1, Options{Columns: []string{}, Optional: []string{"list", "x", "y"}})
	require.NoError(t, err)
	assert.Equal(t, []int{0, 1, 3}, want)
	want, err = selectColumns(cols, 0, 1, Options{})
	require.NoError(t, err)
	assert.Equal(t, []int{0, 1, 3}, want)
	_, err = selectColumns(cols, 0, 1, Options{Columns: []string{"list"}, Optional: []string{"list"}})
	assert.EqualError(t, err, `column "list" cannot be read: it is nested`)
}
