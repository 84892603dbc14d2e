package filter

import (
	"fmt"
	"math"
)

func radians(d float64) float64 { return d * (math.Pi / 180) }
func degrees(r float64) float64 { return r * (180 / math.Pi) }

// frame is a rotation from ICRS: the axes of another frame.
type frame [3][3]float64

var (
	// galactic is that of the Hipparcos catalogue, volume 1, equation 1.5.11.
	galactic = frame{
		{-0.0548755604162154, -0.8734370902348850, -0.4838350155487132},
		{+0.4941094278755837, -0.4448296299600112, +0.7469822444972189},
		{-0.8676661490190047, -0.1980763734312015, +0.4559837761750669},
	}
	// ecliptic is the mean ecliptic and equinox of J2000: the obliquity is
	// 84381.406 arcseconds (IAU 2006).
	ecliptic = frame{
		{1, 0, 0},
		{0, math.Cos(obliquity), math.Sin(obliquity)},
		{0, -math.Sin(obliquity), math.Cos(obliquity)},
	}
)

const obliquity = 84381.406 / 3600 * math.Pi / 180

// along returns the component of a direction along axis i.
func (f *frame) along(i int, ra, dec float64) float64 {
	r, d := radians(ra), radians(dec)
	return f[i][0]*math.Cos(d)*math.Cos(r) + f[i][1]*math.Cos(d)*math.Sin(r) + f[i][2]*math.Sin(d)
}

func (f *frame) latitude(ra, dec float64) float64 {
	return degrees(math.Asin(max(-1, min(1, f.along(2, ra, dec)))))
}

func (f *frame) longitude(ra, dec float64) float64 {
	l := degrees(math.Atan2(f.along(1, ra, dec), f.along(0, ra, dec)))
	if l < 0 {
		l += 360
	}
	return l
}

func (f *frame) alongSQL(i int) string {
	return fmt.Sprintf("(%.17e * cos(radians($2)) * cos(radians($1)) + %.17e * cos(radians($2)) * sin(radians($1)) + %.17e * sin(radians($2)))", f[i][0], f[i][1], f[i][2])
}

func (f *frame) latitudeSQL() string {
	return "degrees(asin(" + clampSQL(f.alongSQL(2)) + "))"
}

func (f *frame) longitudeSQL() string {
	l := "degrees(atan2(" + f.alongSQL(1) + ", " + f.alongSQL(0) + "))"
	return "list_transform([" + l + "], lambda v: CASE WHEN v < 0 THEN v + 3.6e2 ELSE v END)[1]"
}

// separation returns the angle between two directions, all in degrees, by the
// haversine formula.
func separation(ra1, dec1, ra2, dec2 float64) float64 {
	a, b := math.Sin(radians(dec2-dec1)/2), math.Sin(radians(ra2-ra1)/2)
	return degrees(2 * math.Asin(min(1, math.Sqrt(a*a+math.Cos(radians(dec1))*math.Cos(radians(dec2))*b*b))))
}

var separationSQL = "degrees(2 * asin(" + clampSQL("sqrt(pow(sin(radians($4 - $2) / 2), 2) + cos(radians($2)) * cos(radians($4)) * pow(sin(radians($3 - $1) / 2), 2))") + "))"

// clampSQL limits a value to -1 … 1. DuckDB's least and greatest would make null 1.
func clampSQL(sql string) string {
	return "list_transform([" + sql + "], lambda v: CASE WHEN isnan(v) THEN NULL WHEN v > 1 THEN 1e0 WHEN v < -1 THEN -1e0 ELSE v END)[1]"
}

// airmass returns the airmass of a direction at a time (MJD, UTC) and a place
// (longitude to the east, latitude): the secant of the zenith angle, from sidereal
// time by the IAU 1982 formula, without precession and refraction; null below the horizon.
func airmass(ra, dec, mjd, longitude, latitude float64) float64 {
	d := mjd - 51544.5
	hour := radians(280.46061837 + 360.98564736629*d + longitude - ra)
	up := math.Sin(radians(latitude))*math.Sin(radians(dec)) + math.Cos(radians(latitude))*math.Cos(radians(dec))*math.Cos(hour)
	if up <= 0 {
		return math.NaN()
	}
	return 1 / up
}

const airmassUp = "(sin(radians($5)) * sin(radians($2)) + cos(radians($5)) * cos(radians($2)) * cos(radians(2.8046061837e2 + 3.6098564736629e2 * ($3 - 5.15445e4) + $4 - $1)))"
const airmassSQL = "(1 / nullif(greatest(" + airmassUp + ", 0), 0))"
