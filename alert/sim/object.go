package sim

import "math"

// class is the kind of an object.
type class uint8

const (
	bogus class = iota // an artifact of the detector or the subtraction, seen once
	supernova
	variable
	asteroid
)

// object is a source in the sky.
type object struct {
	class
	number  uint64 // unique
	seed    uint64
	ra, dec float64 // at the time mid, degrees
	mid     float64 // MJD

	mag     float64 // a supernova's at its peak, a star's mean
	colour  float64 // magnitudes from band to band
	born    float64 // MJD; before, its slot has another object
	peak    float64 // MJD
	stretch float64 // of a supernova
	period  float64 // days
	amp     float64 // of a star, magnitudes
	phase   float64
	toEast  float64 // motion in arcseconds a minute, along the great circle
	toNorth float64
}

// lifetime is the time in days after which a new supernova replaces an old one.
const lifetime = 90

// object returns the object in a field's slot at a time, or a bogus detection if
// the slot is empty.
func (k *sky) object(field, slot int, mjd float64) object {
	seed := hash(k.seed, 4, uint64(field), uint64(slot))
	d := newRand(seed)
	o := object{seed: seed}
	switch p := d.Float64(); {
	case p < 0.45:
		o.class = variable
	case p < 0.70:
		o.class = supernova
	case p < 0.85:
		o.class = asteroid
	}
	// Supernovae and asteroids have eras, each with another object.
	shift, era := d.Float64(), 0.0
	switch o.class {
	case supernova:
		era = math.Floor(mjd/lifetime - shift)
	case asteroid:
		era = math.Floor(mjd - 0.5) // from noon to noon
	}
	o.number = k.objectNumber(o.class, era, field*k.slots()+slot)
	o.seed = hash(seed, uint64(era))
	d = newRand(o.seed)
	o.ra, o.dec = k.position(field, slot, d.Float64(), d.Float64())
	o.mag = k.bright + (k.faint-k.bright)*math.Sqrt(d.Float64())
	o.colour = -0.3 + 0.4*d.Float64()
	switch o.class {
	case supernova:
		o.born = lifetime * (era + shift)
		o.peak = o.born + 20 + 20*d.Float64() // visible for some 60 days
		o.stretch = 0.8 + 0.5*d.Float64()
	case variable:
		o.period = math.Exp(math.Log(0.3) + math.Log(40)*d.Float64())
		o.amp = 0.15 + 0.6*d.Float64()
		o.phase = d.Float64()
	case asteroid:
		rate, angle := 0.3+0.7*d.Float64(), 0.5*d.NormFloat64()
		o.toEast, o.toNorth = -rate*math.Cos(angle), rate*math.Sin(angle)
		o.mid = era + 1
	}
	return o
}

// artifact returns the bogus object of a slot in an exposure.
func (k *sky) artifact(x exposure, slot int) object {
	o := object{seed: hash(x.seed, 5, uint64(slot)), number: k.artifactNumber(x, slot)}
	d := newRand(o.seed)
	o.ra, o.dec = k.position(x.field, slot, d.Float64(), d.Float64())
	o.mag = x.limit - 3*d.Float64()*d.Float64() - 0.3
	return o
}

// firstNight is the number of eras and nights before the first that have numbers.
const firstNight = 1000

// objectNumber returns the number, which is even, of the object that has a slot
// for an era.
func (k *sky) objectNumber(c class, era float64, slot int) uint64 {
	now := mjd(k.start)
	switch c {
	case supernova:
		era -= math.Floor(now / lifetime)
	case asteroid:
		era -= math.Floor(now)
	}
	return 2 * (uint64(era+firstNight)*uint64(groups*k.fields*k.slots()) + uint64(slot))
}

// artifactNumber returns the number, which is odd, of an object that is seen in
// one exposure only.
func (k *sky) artifactNumber(x exposure, slot int) uint64 {
	return 2*(uint64(x.night+firstNight)*uint64(k.alerts)+uint64(x.first+slot)) + 1
}

// position returns a position on a slot's detector; u and v go from 0 to 1, 1
// being east and north.
func (k *sky) position(field, slot int, u, v float64) (ra, dec float64) {
	ra, dec = k.centre(field)
	n, _ := k.detector(slot)
	x, y := k.corner(n)
	dec += (y + v) * k.side
	ra += (x + u) * k.side / math.Cos(dec*deg)
	return math.Mod(ra+360, 360), dec
}

// ztfCorner returns the corner of a quadrant, in quadrants from the centre of 8 x
// 8. Four quadrants are a CCD.
func ztfCorner(quadrant int) (x, y float64) {
	ccd, q := quadrant/4, quadrant%4
	return float64(2 - ccd%4*2 + q%2), float64(ccd/4*2+q/2) - 4
}

// lsstCorner returns the corner of a detector, in detectors from the centre of 5
// x 5 rafts of 3 x 3 each. The corner rafts are missing.
func lsstCorner(detector int) (x, y float64) {
	raft, n := detector/9+1, detector%9 // the first corner is missing
	if raft >= 4 {
		raft++
	}
	if raft >= 20 {
		raft++
	}
	return float64(raft%5*3+n%3) - 7.5, float64(raft/5*3+n/3) - 7.5
}

// at returns an object's position at a time.
func (o *object) at(mjd float64) (ra, dec float64) {
	if o.class != asteroid {
		return o.ra, o.dec
	}
	minutes := (mjd - o.mid) * 24 * 60
	dec = o.dec + o.toNorth*minutes/3600
	return math.Mod(o.ra+o.toEast*minutes/3600/math.Cos(o.dec*deg)+360, 360), dec
}

// flux returns an object's flux in nJy: the difference from the reference image,
// and base, the flux on that.
func (o *object) flux(mjd float64, band int) (diff, base float64) {
	mag := o.mag + o.colour*float64(band)
	switch o.class {
	case supernova:
		return nanojansky(mag) * explosion((mjd-o.peak)/o.stretch, band), nanojansky(mag + 1)
	case variable:
		base = nanojansky(mag)
		return nanojansky(mag+o.amp*pulse((mjd-o.peak)/o.period+o.phase)) - base, base
	case asteroid:
		return nanojansky(mag + 0.1*math.Sin(mjd*8*math.Pi)), 0
	}
	sign := 1.0
	if o.seed&4 == 0 {
		sign = -1
	}
	return sign * nanojansky(o.mag), nanojansky(o.mag - 1.5)
}

// explosion returns a supernova's flux t days after its peak, relative to that:
// the shape of Bazin et al. 2009, with a slower decline in redder bands.
func explosion(t float64, band int) float64 {
	const rise = 3.5
	fall := 20 + 7*float64(band)
	shape := func(t float64) float64 { return math.Exp(-t/fall) / (1 + math.Exp(-t/rise)) }
	top := rise * math.Log(fall/rise-1)
	return shape(t+top) / shape(top)
}

// pulse returns the magnitude of a pulsating star, from -1 (bright) to 1. It
// rises faster than it falls.
func pulse(phase float64) float64 {
	p := 2 * math.Pi * phase
	return -(math.Sin(p) + 0.35*math.Sin(2*p) + 0.1*math.Sin(3*p)) / 1.2
}

// nanojansky returns the flux of an AB magnitude, and magnitude the inverse.
func nanojansky(mag float64) float64 { return math.Pow(10, 0.4*(31.4-mag)) }
func magnitude(flux float64) float64 { return 31.4 - 2.5*math.Log10(flux) }
