package table

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseAngle(t *testing.T) {
	const half = 12 + 34./60 + 56.7/3600
	for _, c := range []struct {
		text string
		sexa float64
		want float64
	}{
		{"12:34:56.7", 15, half * 15},
		{"12 34 56.7", 15, half * 15},
		{"12:34:56.7", 1, half},
		{" 12h34m56.7s ", 1, half * 15},
		{"12h 34m 56.7s", 1, half * 15},
		{"12d34m56.7s", 15, half},
		{"12°34′56.7″", 15, half},
		{`12d34'56.7"`, 15, half},
		{"12:34.5", 15, (12 + 34.5/60) * 15},
		{"-00:30:00", 1, -0.5},
		{"-00 00 36", 1, -0.01},
		{"−00 30 00", 1, -0.5},
		{"- 0 30 00", 1, -0.5},
		{"+41 16 07.5", 1, 41 + 16./60 + 7.5/3600},
		{"00 00 60.0", 1, 1. / 60},
		{"23:59:60", 15, 360},
		{"188.75", 15, 188.75},
		{"-1.5e-3", 15, -0.0015},
		{"12h", 1, 180},
		{"12.5h", 1, 187.5},
		{"5°", 15, 5},
	} {
		got, ok := parseAngle(c.text, 1, c.sexa)
		assert.True(t, ok, c.text)
		assert.InDelta(t, c.want, got, 1e-13*max(1, math.Abs(c.want)), c.text)
	}
	got, ok := parseAngle("-00:00:00", 1, 1)
	assert.True(t, ok && math.Signbit(got))
}

func TestParseAngleRefuses(t *testing.T) {
	for _, text := range []string{
		"", "-", "x", "12:", "12:34:", "12:61:00", "12:34:61", "12.5:30:00", "12:34.5:10", "1:2:3:4", "12:34:56.7x", "12--34",
		"12:-34:00", "12h34d", "0x10", "12 : : 3", "h", "1e3:10:10", "1234567:00:00", "12,5",
	} {
		_, ok := parseAngle(text, 1, 15)
		assert.False(t, ok, text)
	}
}
