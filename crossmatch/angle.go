package crossmatch

import "math"

// Angle is an angle on the sky, in degrees. Write it with a unit:
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

// Radians returns the angle in radians.
func (a Angle) Radians() float64 { return float64(a) * (math.Pi / 180) }
