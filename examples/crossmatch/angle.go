package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// angle is a flag: 1.5 and 1.5arcsec are arcseconds.
type angle crossmatch.Angle

var units = []struct {
	name string
	unit crossmatch.Angle
}{{"arcsec", crossmatch.Arcsecond}, {"arcmin", crossmatch.Arcminute}, {"deg", crossmatch.Degree}, {"mas", crossmatch.Milliarcsecond}}

// Set implements flag.Value.
func (a *angle) Set(text string) error {
	digits, unit := text, crossmatch.Arcsecond
	for _, u := range units {
		if before, ok := strings.CutSuffix(text, u.name); ok {
			digits, unit = before, u.unit
			break
		}
	}
	x, err := parseNumber(digits)
	if err != nil || !(x >= 0) || !(x*unit.Degrees() <= 180) {
		return errors.New("no angle from 0 to 180 degrees: write 1.5 (arcseconds), 2arcmin or 0.1deg")
	}
	*a = angle(crossmatch.Angle(x) * unit)
	return nil
}

// String implements flag.Value.
func (a *angle) String() string { return fmt.Sprintf("%varcsec", crossmatch.Angle(*a).Arcseconds()) }
