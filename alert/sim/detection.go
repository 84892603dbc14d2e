package sim

import "math"

// detection is an object in an exposure. Its noise is always the same for the
// same object and exposure.
type detection struct {
	exposure
	object
	slot, detector, n int // n numbers the detections on the detector
	seed              uint64
	seen              bool    // false if there is only an upper limit
	ra, dec           float64 // measured, degrees
	x, y              float64 // from 0 to 1 on the detector
	flux, err, base   float64 // nJy: the difference, its error, the reference
	score             float64 // from 0, bogus, to 1, real
}

// minSNR is the least signal-to-noise ratio of an alert.
const minSNR = 5

// observe returns the detection of an object, the one of a slot, in an exposure.
func (k *sky) observe(x exposure, slot int, o object) detection {
	d := detection{exposure: x, object: o, slot: slot, seed: hash(x.seed, 6, uint64(slot), o.seed)}
	d.detector, d.n = k.detector(slot)
	r := newRand(d.seed)
	flux, base := o.flux(x.mjd, x.band)
	d.base = base
	d.err = math.Hypot(nanojansky(x.limit)/minSNR, 0.01*flux)
	d.flux = flux + d.err*clamp(r.NormFloat64(), -3, 3)
	d.seen = slot < x.count && x.mjd >= o.born && math.Abs(d.flux) >= minSNR*d.err
	scatter := k.scatter * math.Hypot(1, 10*d.err/math.Abs(d.flux))
	ra, dec := o.at(x.mjd)
	d.dec = clamp(dec+scatter*r.NormFloat64()/3600, -90, 90)
	d.ra = math.Mod(ra+scatter*r.NormFloat64()/3600/math.Cos(dec*deg)+360, 360)
	d.x, d.y = r.Float64(), r.Float64()
	d.score = 1 - 0.35*r.Float64()*r.Float64()
	if o.class == bogus {
		d.score = 0.35 * r.Float64() * r.Float64()
	}
	return d
}

// alert returns the detection of a slot's alert: its object or, if that is not
// seen, an artifact.
func (k *sky) alert(x exposure, slot int) detection {
	if o := k.object(x.field, slot, x.mjd); o.class != bogus {
		if d := k.observe(x, slot, o); d.seen {
			return d
		}
	}
	d := k.observe(x, slot, k.artifact(x, slot))
	d.seen = true
	return d
}

// observeAll appends the detections of d's object in other exposures of its field:
// upper limits unless the object persists.
func (k *sky) observeAll(all []detection, d detection, exposures []exposure) []detection {
	for _, x := range exposures {
		old := detection{exposure: x, object: d.object, slot: d.slot, detector: d.detector}
		if d.class == variable || d.class == supernova {
			old = k.observe(x, d.slot, d.object)
		}
		all = append(all, old)
	}
	return all
}

func (d *detection) snr() float64      { return math.Abs(d.flux) / d.err }
func (d *detection) mag() float64      { return magnitude(math.Abs(d.flux)) }
func (d *detection) magError() float64 { return 2.5 / math.Ln10 / d.snr() }

func clamp(x, lo, hi float64) float64 { return min(max(x, lo), hi) }
