package crossmatch

// Angle is an angle on the sky, in degrees. Write it with a unit, as in
// 1.5 * crossmatch.Arcsecond.
type Angle float64

// Units of angles.
const (
	Degree         Angle = 1
	Arcminute            = Degree / 60
	Arcsecond            = Degree / 3600
	Milliarcsecond       = Degree / 3600e3
)

// Degrees returns the angle in degrees.
func (a Angle) Degrees() float64 { return float64(a) }

// Arcseconds returns the angle in arcseconds.
func (a Angle) Arcseconds() float64 { return float64(a) * 3600 }
