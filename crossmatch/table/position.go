package table

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoPosition reports that the columns of the position were not found by name or
// UCD. Name them in Options.RA and Options.Dec.
var ErrNoPosition = errors.New("no right ascension and declination found")

// pairs are the usual names of a position's columns, as normalized by letters. If a
// table has several, the first counts: positions in ICRS and J2000 degrees, which
// services add, come before those of authors.
var pairs = [][2]string{
	{"raicrs", "deicrs"}, {"raicrs", "decicrs"},
	{"ra", "dec"}, {"ra", "de"},
	{"radeg", "dedeg"}, {"radeg", "decdeg"},
	{"degra", "degdec"},
	{"raj2000", "dej2000"}, {"raj2000", "decj2000"},
	{"ra2000", "dec2000"}, {"ra2000", "de2000"},
	{"raj2000deg", "dej2000deg"}, {"raj2000deg", "decj2000deg"},
	{"rightascension", "declination"},
	{"sra", "sdec"},
	{"ramean", "decmean"}, {"meanra", "meandec"}, {"raavg", "decavg"},
	{"coordra", "coorddec"},
	{"alphaj2000", "deltaj2000"}, {"alpha", "delta"},
	{"targetra", "targetdec"}, {"objra", "objdec"}, {"objctra", "objctdec"},
}

// findPosition finds the columns of the position: those named in Options or else,
// in this order, by the UCDs of a main position, by name, and by the UCDs of any
// position.
func findPosition(cols []column, o Options) (ra, dec int, err error) {
	if (o.RA == "") != (o.Dec == "") {
		return 0, 0, fmt.Errorf("Options has RA %q and Dec %q: name both or neither", o.RA, o.Dec)
	}
	if o.RA != "" {
		if ra, err = lookup(cols, o.RA); err != nil {
			return 0, 0, err
		}
		if dec, err = lookup(cols, o.Dec); err != nil {
			return 0, 0, err
		}
	} else if ra, dec = guessPosition(cols); ra < 0 {
		return 0, 0, fmt.Errorf("%w among its columns, %s: name them", ErrNoPosition, list(len(cols), func(i int) string { return cols[i].name }))
	}
	if o.AddDegrees && o.RA == "" {
		ra, dec = inDegrees(cols, ra, dec)
	}
	if ra == dec {
		return 0, 0, fmt.Errorf("column %q cannot be both right ascension and declination", cols[ra].name)
	}
	for _, i := range []int{ra, dec} {
		if c := cols[i]; c.why != "" {
			return 0, 0, fmt.Errorf("column %q cannot be read: %s", c.name, c.why)
		}
	}
	return ra, dec, nil
}

// inDegrees returns the columns that an earlier AddDegrees added for a position, or
// the position's own if it has none.
func inDegrees(cols []column, ra, dec int) (int, int) {
	has := func(i int) int {
		return slices.IndexFunc(cols, func(c column) bool { return c.name == cols[i].name+"_deg" && c.why == "" })
	}
	if r, d := has(ra), has(dec); r >= 0 && d >= 0 {
		return r, d
	}
	return ra, dec
}

func guessPosition(cols []column) (ra, dec int) {
	for _, u := range [][2]string{{"pos.eq.ra;meta.main", "pos.eq.dec;meta.main"}, {"pos_eq_ra_main", "pos_eq_dec_main"}} {
		ra, dec := firstUCD(cols, u[0]), firstUCD(cols, u[1])
		if ra >= 0 && dec >= 0 {
			return ra, dec
		}
	}
	byName := make(map[string]int, len(cols))
	for i := len(cols) - 1; i >= 0; i-- { // the first of equal names counts
		if cols[i].why == "" && !cols[i].nested {
			byName[letters(cols[i].name)] = i
		}
	}
	for _, p := range pairs {
		ra, okRA := byName[p[0]]
		dec, okDec := byName[p[1]]
		if okRA && okDec {
			return ra, dec
		}
	}
	ra, dec = firstUCD(cols, "pos.eq.ra"), firstUCD(cols, "pos.eq.dec")
	if ra >= 0 && dec >= 0 {
		return ra, dec
	}
	return -1, -1
}

func firstUCD(cols []column, ucd string) int {
	for i, c := range cols {
		if c.why == "" && strings.EqualFold(strings.ReplaceAll(c.ucd, " ", ""), ucd) {
			return i
		}
	}
	return -1
}

// letters returns a name in lower case, without characters other than letters and
// digits.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f:
			return r
		}
		return -1
	}, name)
}
