package printable

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		`plain "ü" × 3 \ …`:        `plain "ü" × 3 \ …`,
		"\x1b]0;owned\a\x1b[2Jx":   `\x1b]0;owned\a\x1b[2Jx`,
		"a\nb\r\tc\x00\x7f":        `a\nb\r\tc\x00\x7f`,
		"C1 \u009b2J":              `C1 \u009b2J`,
		"reversed \u202egpj.exe":   `reversed \u202egpj.exe`,
		"\x9b2J invalid \xff\xfe!": `\x9b2J invalid \xff\xfe!`,
		"\uFFFD is valid":          "\uFFFD is valid",
	} {
		assert.Equal(t, want, Text(in))
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b[31m\xff")
	f.Fuzz(func(t *testing.T, s string) {
		out := Text(s)
		assert.True(t, utf8.ValidString(out))
		assert.Equal(t, out, Text(out))
		assert.False(t, strings.ContainsFunc(out, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }))
	})
}
