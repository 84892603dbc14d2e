package kafka

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadPlain(t *testing.T) {
	l := newLab(t)
	l.create("alerts", 3)
	c := l.client()
	for p := range int32(3) {
		l.fill(c, "alerts", p, 0, 100+int(p), 7)
	}
	s := l.source("alerts")
	require.NoError(t, s.Check(t.Context()))
	got := readAll(t, s)
	same(t, slices.Concat(want("alerts", 0, 0, 100), want("alerts", 1, 0, 101), want("alerts", 2, 0, 102)), got.rows)
	assert.EqualValues(t, 303, got.total().Read)

	part := available(t, s)[1].Range
	part.From, part.To = 10, 20 // both in the middle of a batch
	got = read(t, s, part)
	require.NoError(t, got.err)
	same(t, want("alerts", 1, 10, 20), got.rows)
}
