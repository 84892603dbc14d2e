package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	visits   = 3  // of a field in its night
	groups   = 3  // of fields; each is observed every third night
	lookback = 30 // nights of history in a packet

	cadence   = 40 * time.Second // least time between exposures
	minAlerts = 4                // least number of alerts in an exposure, if there are enough fields
)

// sky is a telescope's schedule and the objects in its fields, as a function of
// the seed. It keeps no state: any packet can be made without those before it, and
// its history agrees with them. The alerts of an exposure are numbered by slots, in
// each of which its field has one object at a time.
type sky struct {
	camera
	seed   uint64
	start  time.Time
	length time.Duration // of a night
	alerts int           // in a night
	fields int           // observed in a night, each `visits` times
}

// camera is how one survey's images differ from another's.
type camera struct {
	bands     []string
	limit     []float64 // magnitude of 5 sigma, by band
	south     float64   // declination of the fields, degrees
	north     float64
	scale     float64 // arcseconds a pixel
	scatter   float64 // of a position, arcseconds
	bright    float64 // brightest and faintest magnitude of objects
	faint     float64
	detectors int
	side      float64                           // of a detector, degrees
	corner    func(detector int) (x, y float64) // in detectors from the centre
}

func ztfCamera() camera {
	return camera{
		bands: []string{"g", "r", "i"}, limit: []float64{20.8, 20.6, 20.2}, south: -28, north: 75,
		scale: 1.01, scatter: 0.08, bright: 15, faint: 19, detectors: 64, side: 7.3 / 8, corner: ztfCorner,
	}
}

func lsstCamera() camera {
	return camera{
		bands: lsstBands[:], limit: []float64{23.7, 24.7, 24.3, 23.9, 23.2, 22.4}, south: -72, north: 5,
		scale: 0.2, scatter: 0.015, bright: 17.5, faint: 22, detectors: 189, side: 3.5 / 15, corner: lsstCorner,
	}
}

func newSky(s *Simulator) *sky {
	k := &sky{camera: ztfCamera(), seed: s.Seed, start: s.start(), length: s.night(), alerts: s.alerts()}
	if s.Survey == LSST {
		k.camera = lsstCamera()
	}
	most := int(k.length/cadence) / visits
	k.fields = max(1, min(most, k.alerts/(minAlerts*visits), 10_000))
	return k
}

// exposure is one image of a field.
type exposure struct {
	night  int // from 0; negative before the first
	number int // in the night
	field  int // unique among all groups
	visit  int
	band   int
	mjd    float64 // UTC, in the middle of the exposure
	limit  float64 // magnitude
	seeing float64 // full width at half maximum, arcseconds
	first  int     // number of its first alert in the night
	count  int     // of alerts
	seed   uint64
}

func (k *sky) exposures() int { return k.fields * visits }

// exposure returns exposure number n of a night.
func (k *sky) exposure(night, n int) exposure {
	total := k.exposures()
	x := exposure{night: night, number: n, visit: n / k.fields}
	x.field = mod(night, groups)*k.fields + (n+k.firstField(night))%k.fields
	x.band = mod((night-mod(night, groups))/groups+x.visit, len(k.bands))
	x.seed = hash(k.seed, 1, uint64(night), uint64(n))
	random := newRand(x.seed)
	step := k.length / time.Duration(total)
	at := k.start.AddDate(0, 0, night).Add(step*time.Duration(n) + time.Duration(random.Float64()*0.3*float64(step)))
	x.mjd = mjd(at)
	x.limit = k.limit[x.band] - 0.6*random.Float64()*random.Float64()
	x.seeing = k.scale * (2.2 + 0.8*random.Float64())
	if k.scale < 0.5 {
		x.seeing = k.scale * (3.5 + 1.5*random.Float64())
	}
	x.first = int(int64(n) * int64(k.alerts) / int64(total))
	x.count = int(int64(n+1)*int64(k.alerts)/int64(total)) - x.first
	return x
}

// firstField returns the field that a night begins with. It varies, because
// visits at the same hour would hide the periods of stars.
func (k *sky) firstField(night int) int {
	return int(hash(k.seed, 16, uint64(night)) % uint64(k.fields))
}

// visit returns a field's exposure in one of its nights.
func (k *sky) visit(night, field, visit int) exposure {
	return k.exposure(night, visit*k.fields+mod(field%k.fields-k.firstField(night), k.fields))
}

// history appends the earlier exposures of x's field, oldest first. Some nights
// before the first were cloudy.
func (k *sky) history(all []exposure, x exposure) []exposure {
	for night := x.night - lookback/groups*groups; night <= x.night; night += groups {
		if night < 0 && hash(k.seed, 2, uint64(night))%4 == 0 {
			continue
		}
		for v := range visits {
			if night == x.night && v >= x.visit {
				break
			}
			all = append(all, k.visit(night, x.field, v))
		}
	}
	return all
}

// centre returns the centre of a field in degrees. Fields are distributed evenly
// over the sky between two declinations.
func (k *sky) centre(field int) (ra, dec float64) {
	d := newRand(hash(k.seed, 3, uint64(field)))
	lo, hi := math.Sin(k.south*deg), math.Sin(k.north*deg)
	return 360 * d.Float64(), math.Asin(lo+(hi-lo)*d.Float64()) / deg
}

// slots returns the largest number of alerts in an exposure.
func (k *sky) slots() int { return (k.alerts + k.exposures() - 1) / k.exposures() }

// detector returns the detector of a slot, and the number of the slot on it, from
// 1. Detectors ascend with slots, and so do ids.
func (k *sky) detector(slot int) (detector, n int) {
	slots := k.slots()
	detector = slot * k.detectors / slots
	first := (detector*slots + k.detectors - 1) / k.detectors
	return detector, slot - first + 1
}

const deg = math.Pi / 180

// hash mixes numbers into one that looks random: splitmix64's finaliser.
func hash(xs ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, x := range xs {
		h = (h ^ x) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>31) * 0x94d049bb133111eb
		h ^= h >> 29
	}
	return h
}

// newRand returns random numbers that depend on the seed only.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x5eed)) }

// mjd returns a time as modified Julian date of UTC; timeOf is its inverse.
func mjd(t time.Time) float64      { return 40587 + float64(t.UnixMicro())/86400e6 }
func timeOf(mjd float64) time.Time { return micros(int64((mjd - 40587) * 86400e6)) }
func micros(us int64) time.Time    { return time.UnixMicro(us).UTC() }

// mod returns a modulo b, not negative.
func mod(a, b int) int { return (a%b + b) % b }
