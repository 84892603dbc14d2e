package table

import (
	"math"
	"strconv"
	"strings"
)

// parseAngle returns an angle in degrees. s is a number of units of scale degrees,
// or has sexagesimal parts, in units of sexa degrees unless a letter h or d says
// otherwise. Colons, blanks or letters separate the parts.
func parseAngle(s string, scale, sexa float64) (float64, bool) {
	s = strings.TrimSpace(s)
	if v, err := strconv.ParseFloat(s, 64); err == nil && plain(s) {
		return v * scale, true
	}
	// The sign applies to all parts: -00:30:00 is negative.
	s = strings.ReplaceAll(s, "−", "-")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = strings.TrimLeft(s[1:], " ")
	}
	parts, mark, ok := parseParts(s)
	if !ok {
		return 0, false
	}
	switch mark {
	case 'h':
		sexa = 15
	case 'd':
		sexa = 1
	}
	v := (parts[0]*3600 + parts[1]*60 + parts[2]) / (3600 / sexa)
	if negative {
		v = -v
	}
	return v, true
}

// parseParts parses one to three parts. It returns the mark of the first: see
// cutMark.
func parseParts(s string) (parts [3]float64, first byte, ok bool) {
	for n := 0; s != "" || n == 0; n++ {
		if n == len(parts) {
			return parts, 0, false
		}
		digits := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if digits < 0 {
			digits = len(s)
		}
		v, err := strconv.ParseFloat(s[:digits], 64)
		if err != nil {
			return parts, 0, false
		}
		// Only the last part may have a fraction. Minutes and seconds may be 60,
		// since rounding writes that.
		if n > 0 && (v > 60 || parts[n-1] != math.Trunc(parts[n-1])) || n == 0 && v > 1e6 {
			return parts, 0, false
		}
		parts[n] = v
		mark, rest, ok := cutMark(s[digits:], n)
		if !ok {
			return parts, 0, false
		}
		if n == 0 {
			first = mark
		}
		s = rest
	}
	return parts, first, true
}

// plain reports whether a number is decimal: strconv parses hexadecimal ones and
// underscores too.
func plain(s string) bool { return !strings.ContainsAny(s, "xX_pP") }

// cutMark removes the mark after part n of an angle. mark is 'h' or 'd' if it is
// the unit of the first part, and ':' otherwise.
func cutMark(s string, n int) (mark byte, rest string, ok bool) {
	trimmed := strings.TrimLeft(s, " ")
	if trimmed == "" {
		return ':', "", true
	}
	for _, m := range marks[n] {
		if after, found := strings.CutPrefix(trimmed, m.text); found {
			rest = strings.TrimLeft(after, " ")
			return m.means, rest, m.text != ":" || rest != ""
		}
	}
	return ':', trimmed, len(trimmed) < len(s) // blanks separate parts
}

var marks = [3][]struct {
	text  string
	means byte
}{
	{{":", ':'}, {"h", 'h'}, {"H", 'h'}, {"ʰ", 'h'}, {"deg", 'd'}, {"d", 'd'}, {"D", 'd'}, {"°", 'd'}},
	{{":", ':'}, {"m", ':'}, {"M", ':'}, {"ᵐ", ':'}, {"′", ':'}, {"'", ':'}},
	{{"s", ':'}, {"S", ':'}, {"ˢ", ':'}, {"″", ':'}, {"''", ':'}, {`"`, ':'}},
}
