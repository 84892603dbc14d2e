package sim

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/skyfinch/skyfinch/alert"
)

const (
	lsstSide  = 30
	lsstScale = 0.2 // arcseconds a pixel
)

// lsst makes Rubin's packets.
type lsst struct {
	source        row
	forced        row
	object        row
	orbit         row
	solar         row
	distributions []distribution
	stamps        stamps
	noise         noise
	vars          []float32
	psf           []float64
	datum         []byte
	fits          header
}

func newLSST(seed uint64) *lsst {
	l := &lsst{
		source: newRecord(true, lsstSource).row(), forced: newRecord(true, lsstForced).row(),
		object: newRecord(true, lsstObject()).row(), orbit: newRecord(true, lsstOrbit).row(),
		solar: newRecord(true, lsstSSSource).row(), stamps: newStamps(lsstSide, 1), noise: newNoise(seed),
		vars: make([]float32, lsstSide*lsstSide),
	}
	l.distributions = l.source.plausible(lsstPlausible)
	return l
}

func (l *lsst) packet(d detection, past []detection) (Packet, error) {
	tai, us, err := taiOf(d.mjd)
	if err != nil {
		return Packet{}, fmt.Errorf("sim: lsst: %w", err)
	}
	id := d.sourceID()
	b := append(l.datum[:0], 0)
	b = binary.BigEndian.AppendUint32(b, lsstID)
	b = binary.AppendVarint(b, id)
	b = append(b, 0, 0) // observation_reason and target_name: null
	b = l.diaSource(b, &d, tai)
	object := d.objectID()
	if d.class == asteroid {
		b = append(b, 0, 0, 0, 2)
		b = l.ssSource(b, &d)
		b = append(b, 2)
		b = l.mpcorb(b, &d)
		object = d.solarID()
	} else {
		b = l.history(b, &d, past)
		b = append(b, 2)
		b = l.diaObject(b, &d, past, tai)
		b = append(b, 0, 0)
	}
	b = l.cutouts(b, &d)
	l.datum = b
	return Packet{Value: append([]byte(nil), b...), Time: micros(us), ID: id, Object: strconv.FormatInt(object, 10)}, nil
}

func (l *lsst) diaSource(b []byte, d *detection, tai float64) []byte {
	r, random := l.source, newRand(hash(d.seed, 12))
	r.clear()
	for i, f := range r.fields {
		if f.kind == boolean {
			r.values[i].set = true // to false: no flag is raised
		}
	}
	r.fill(l.distributions, random)
	r.whole("diaSourceId", d.sourceID())
	r.whole("visit", d.visitID())
	r.whole("detector", int64(d.detector))
	r.whole("diaObjectId", d.objectID())
	r.whole("ssObjectId", 0)
	if d.class == asteroid {
		r.whole("diaObjectId", 0)
		r.whole("ssObjectId", d.solarID())
	}
	r.whole("parentDiaSourceId", 0)
	r.num("midpointMjdTai", tai)
	r.num("timeProcessedMjdTai", tai+(90+20*random.Float64())/86400)
	r.num("ra", d.ra)
	r.num("dec", d.dec)
	r.num("x", 4072*d.x)
	r.num("y", 4000*d.y)
	r.num("snr", d.snr())
	r.num("psfFlux", d.flux)
	r.num("psfFluxErr", d.err)
	r.num("apFlux", d.flux+1.7*d.err*random.NormFloat64())
	r.num("apFluxErr", 1.7*d.err)
	r.num("scienceFlux", d.flux+d.base)
	r.num("scienceFluxErr", d.err)
	r.num("templateFlux", d.base)
	r.num("templateFluxErr", 0.1*d.err)
	r.whole("isNegative", flag(d.flux < 0))
	r.num("reliability", d.score)
	r.text("band", lsstBands[d.band])
	if d.class == bogus && d.seed&1 == 1 {
		r.whole("isDipole", 1)
		r.whole("dipoleFitAttempted", 1)
	}
	return r.append(b)
}

// history appends prvDiaSources and prvDiaForcedSources.
func (l *lsst) history(b []byte, d *detection, past []detection) []byte {
	seen := int64(0)
	for i := range past {
		seen += flag(past[i].seen)
	}
	if seen == 0 {
		b = append(b, 0)
	} else {
		b = binary.AppendVarint(append(b, 2), seen)
		for i := range past {
			if past[i].seen {
				b = l.diaSource(b, &past[i], tai(past[i].mjd))
			}
		}
		b = append(b, 0)
	}
	b = append(b, 2) // not null, but perhaps empty
	if d.class != bogus && len(past) > 0 {
		b = binary.AppendVarint(b, int64(len(past)))
		for i := range past {
			b = l.forcedSource(b, d, &past[i])
		}
	}
	return append(b, 0)
}

func (l *lsst) forcedSource(b []byte, d, old *detection) []byte {
	r, at := l.forced, tai(old.mjd)
	r.clear()
	r.whole("diaForcedSourceId", old.sourceID())
	r.whole("diaObjectId", d.objectID())
	r.num("ra", d.object.ra)
	r.num("dec", d.object.dec)
	r.whole("visit", old.visitID())
	r.whole("detector", int64(old.detector))
	r.num("psfFlux", old.flux)
	r.num("psfFluxErr", old.err)
	r.num("scienceFlux", old.flux+old.base)
	r.num("scienceFluxErr", old.err)
	r.num("midpointMjdTai", at)
	r.num("timeProcessedMjdTai", at+1)
	r.text("band", lsstBands[old.band])
	return r.append(b)
}

// diaObject appends the summary of all detections by band.
func (l *lsst) diaObject(b []byte, d *detection, past []detection, now float64) []byte {
	r := l.object
	r.clear()
	r.whole("diaObjectId", d.objectID())
	r.num("validityStartMjdTai", now+100.0/86400)
	r.num("ra", d.object.ra)
	r.num("dec", d.object.dec)
	r.num("raErr", 2e-5)
	r.num("decErr", 2e-5)
	first, count := now, int64(1)
	var bands [len(lsstBands)]summary
	bands[d.band].add(d)
	for i := range past {
		if p := &past[i]; p.seen {
			bands[p.band].add(p)
			first, count = min(first, tai(p.mjd)), count+1
		}
	}
	for i := range bands {
		bands[i].fill(r, lsstBands[i])
	}
	r.num("firstDiaSourceMjdTai", first)
	r.num("lastDiaSourceMjdTai", now)
	r.whole("nDiaSources", count)
	return r.append(b)
}

// summary accumulates the detections of an object in a band.
type summary struct {
	n                       int64
	sum, squares, err, base float64
	least, most             float64
}

func (s *summary) add(d *detection) {
	if s.n == 0 {
		s.least, s.most = d.flux, d.flux
	}
	s.n++
	s.sum += d.flux
	s.squares += d.flux * d.flux
	s.err += d.err
	s.base += d.base
	s.least, s.most = min(s.least, d.flux), max(s.most, d.flux)
}

func (s *summary) fill(r row, band string) {
	if s.n == 0 {
		return
	}
	n := float64(s.n)
	mean, err := s.sum/n, s.err/n
	r.num(band+"_psfFluxMean", mean)
	r.num(band+"_psfFluxMeanErr", err/math.Sqrt(n))
	r.whole(band+"_psfFluxNdata", s.n)
	r.num(band+"_scienceFluxMean", mean+s.base/n)
	r.num(band+"_scienceFluxMeanErr", err/math.Sqrt(n))
	r.num(band+"_psfFluxMin", s.least)
	r.num(band+"_psfFluxMax", s.most)
	r.num(band+"_psfFluxErrMean", err)
	if s.n > 1 {
		r.num(band+"_psfFluxSigma", math.Sqrt(max(0, s.squares/n-mean*mean)*n/(n-1)))
	}
}

// ssSource appends an asteroid's position in the Solar System: near opposition,
// in the main belt.
func (l *lsst) ssSource(b []byte, d *detection) []byte {
	r, random := l.solar, newRand(hash(d.object.seed, 13))
	r.clear()
	r.whole("ssObjectId", d.solarID())
	r.whole("diaSourceId", d.sourceID())
	longitude, latitude := d.ra, 10*random.NormFloat64()
	r.num("eclipticLambda", longitude)
	r.num("eclipticBeta", latitude)
	r.num("galacticL", math.Mod(longitude+100, 360))
	r.num("galacticB", -30-latitude)
	sun := 2.1 + 1.1*random.Float64()
	r.num("phaseAngle", 12*random.Float64())
	r.num("heliocentricDist", sun)
	r.num("topocentricDist", sun-1)
	r.num("predictedVMagnitude", d.object.mag)
	r.num("residualRa", 1e-5*random.NormFloat64())
	r.num("residualDec", 1e-5*random.NormFloat64())
	sin, cos := math.Sincos(longitude * deg)
	speed := 29.8 / math.Sqrt(sun)
	for _, c := range []struct {
		name    string
		r, v, u float64
	}{{"heliocentric", sun, speed, 0}, {"topocentric", sun - 1, speed, 29.8}} {
		r.num(c.name+"X", c.r*cos)
		r.num(c.name+"Y", c.r*sin)
		r.num(c.name+"Z", c.r*math.Sin(latitude*deg))
		r.num(c.name+"VX", -(c.v-c.u)*sin)
		r.num(c.name+"VY", (c.v-c.u)*cos)
		r.num(c.name+"VZ", 0.1*c.v)
	}
	return r.append(b)
}

func (l *lsst) mpcorb(b []byte, d *detection) []byte {
	r, random := l.orbit, newRand(hash(d.object.seed, 14))
	r.clear()
	r.text("mpcDesignation", "20"+strconv.Itoa(10+random.IntN(16))+" A"+string(rune('A'+random.IntN(25)))+strconv.Itoa(1+random.IntN(300)))
	r.whole("ssObjectId", d.solarID())
	r.num("mpcH", d.object.mag-3)
	a, e := 2.2+random.Float64(), 0.25*random.Float64()
	r.num("epoch", 61200)
	for _, name := range []string{"M", "peri", "node"} {
		r.num(name, 360*random.Float64())
	}
	r.num("incl", 15*random.Float64())
	r.num("e", e)
	r.num("a", a)
	r.num("q", a*(1-e))
	r.num("t_p", 61200+400*random.NormFloat64())
	return r.append(b)
}

// visitID is the evening's date followed by five digits that number the visit.
func (d *detection) visitID() int64 {
	y, m, day := timeOf(d.mjd - 0.5).Date()
	return int64(y*10000+int(m)*100+day)*1e5 + int64(d.exposure.number) + 1
}

// sourceID packs visit, detector and number as Rubin does.
func (d *detection) sourceID() int64 {
	const first, days = 60923, 38494 // an evening of 2025 as MJD, and as Rubin counts it
	evening := int64(math.Floor(d.mjd-0.5)) - first + days
	return ((evening<<15|int64(d.exposure.number+1))<<8|int64(d.detector))<<19 | int64(d.n)
}

// objectID and solarID are disjoint from each other and from source ids.
func (d *detection) objectID() int64 { return 150_000_000_000_000_000 + int64(d.object.number)*64 }
func (d *detection) solarID() int64  { return 21_000_000_000_000_000 + int64(d.object.number)*64 }

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// taiOf returns an MJD of UTC as an MJD of TAI, and as the microseconds of UTC
// that a reader of the rounded number gets.
func taiOf(utc float64) (mjd float64, us int64, err error) {
	mjd = tai(utc)
	us, err = alert.MJDTAI.Micros(mjd)
	return mjd, us, err
}

// tai converts an MJD of UTC to one of TAI by adding the leap seconds. Times
// outside the years of alerts are returned unchanged.
func tai(utc float64) float64 {
	asUTC, err1 := alert.MJDUTC.Micros(utc)
	asTAI, err2 := alert.MJDTAI.Micros(utc)
	if err1 != nil || err2 != nil {
		return utc
	}
	return utc + float64(asUTC-asTAI)/86400e6
}
