package crossmatch

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Angle is an angle on the sky, in degrees. Write it with a unit, as in
// 1.5 * crossmatch.Arcsecond.
type Angle float64

// Units of angles.
const (
	Degree         Angle = 1
	Arcminute            = Degree / 60
	Arcsecond            = Degree / 3600
	Milliarcsecond       = Degree / 3600e3
	Radian               = Degree * 180 / math.Pi
)

// Degrees returns the angle in degrees.
func (a Angle) Degrees() float64 { return float64(a) }

// Arcseconds returns the angle in arcseconds.
func (a Angle) Arcseconds() float64 { return float64(a) * 3600 }

// String formats the angle in arcseconds, in the form that ParseAngle accepts.
func (a Angle) String() string {
	return strconv.FormatFloat(a.Arcseconds(), 'g', -1, 64) + "arcsec"
}

// ParseAngle parses an angle from 0 to 180 degrees: a number of arcseconds, or a
// number followed by arcsec, arcmin, deg or mas.
func ParseAngle(text string) (Angle, error) {
	digits, unit := text, Arcsecond
	for _, u := range []struct {
		name string
		unit Angle
	}{{"arcsec", Arcsecond}, {"arcmin", Arcminute}, {"deg", Degree}, {"mas", Milliarcsecond}} {
		if before, ok := strings.CutSuffix(text, u.name); ok {
			digits, unit = before, u.unit
			break
		}
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err != nil || !(x >= 0) || !(x*unit.Degrees() <= 180) {
		return 0, errors.New("not an angle from 0 to 180 degrees: write 1.5 (arcseconds), 2arcmin or 0.1deg")
	}
	return Angle(x) * unit, nil
}
