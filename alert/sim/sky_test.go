package sim

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// find returns an object of a class, with its slot.
func find(t *testing.T, k *sky, c class) (x exposure, slot int, o object) {
	for n := range k.exposures() {
		x := k.exposure(0, n)
		for slot := range x.count {
			if o := k.object(x.field, slot, x.mjd); o.class == c {
				return x, slot, o
			}
		}
	}
	require.Fail(t, "no such object")
	return
}

func skies() map[string]*sky {
	return map[string]*sky{
		"ztf":  newSky(&Simulator{Survey: ZTF, Seed: 2, Alerts: 2000}),
		"lsst": newSky(&Simulator{Survey: LSST, Seed: 2, Alerts: 2000}),
	}
}

func TestSupernovaRisesThenFalls(t *testing.T) {
	for name, k := range skies() {
		t.Run(name, func(t *testing.T) {
			x, slot, o := find(t, k, supernova)
			flux := func(days float64) float64 {
				f, _ := o.flux(o.peak+days, 1)
				return f
			}
			for day := -20.0; day < 0; day++ {
				assert.Less(t, flux(day), flux(day+1), "day %v", day)
			}
			for day := 0.0; day < 60; day++ {
				assert.Greater(t, flux(day), flux(day+1), "day %v", day)
			}
			assert.Less(t, flux(-20), flux(0)/20)
			assert.Greater(t, flux(20), flux(0)/5)
			assert.Less(t, flux(60), flux(0)/4)

			// The measurements follow, and have one object id.
			for night := -60; night < 60; night++ {
				y := k.visit(night, x.field, x.visit)
				if y.field != x.field || math.Abs(y.mjd-o.peak) > 15 {
					continue
				}
				same := k.object(y.field, slot, y.mjd)
				assert.Equal(t, o, same)
				d := k.observe(y, slot, same)
				want, _ := o.flux(y.mjd, y.band)
				assert.InDelta(t, want, d.flux, 3.01*d.err)
				assert.InDelta(t, o.dec, d.dec, 3.0/3600)
			}
		})
	}
}

// The period of a variable star can be recovered from its measurements.
func TestVariablePeriod(t *testing.T) {
	for name, k := range skies() {
		t.Run(name, func(t *testing.T) {
			x, slot, o := find(t, k, variable)
			type point struct{ mjd, mag float64 }
			bands := map[int][]point{}
			nights := 100 * len(k.bands)
			for night := range nights {
				for v := range visits {
					y := k.visit(night, x.field, v)
					if y.field != x.field {
						continue
					}
					require.Equal(t, o, k.object(y.field, slot, y.mjd))
					d := k.observe(y, slot, o)
					bands[y.band] = append(bands[y.band], point{y.mjd, magnitude(d.base + d.flux)})
				}
			}
			// Lafler and Kinman: in the right order of phases, neighbours are alike.
			var phased []point
			rough := func(period float64) (sum float64) {
				for _, points := range bands {
					phased = append(phased[:0], points...)
					for i := range phased {
						_, phased[i].mjd = math.Modf(phased[i].mjd / period)
					}
					slices.SortFunc(phased, func(a, b point) int { return cmp.Compare(a.mjd, b.mjd) })
					for i := range phased {
						sum += sq(phased[i].mag - phased[(i+1)%len(phased)].mag)
					}
				}
				return sum
			}
			// Phases drift by no more than 0.06 of a period from step to step.
			best, least := 0.0, math.Inf(1)
			for f := 1 / 13.0; f < 1/0.29; f += 0.06 / float64(nights) {
				if r := rough(1 / f); r < least {
					best, least = 1/f, r
				}
			}
			assert.InEpsilon(t, o.period, best, 0.002)
		})
	}
}

func TestAsteroidMoves(t *testing.T) {
	for name, k := range skies() {
		t.Run(name, func(t *testing.T) {
			x, slot, o := find(t, k, asteroid)
			y := k.visit(0, x.field, 1)
			require.Equal(t, x.field, y.field)
			same := k.object(y.field, slot, y.mjd)
			require.Equal(t, o.number, same.number)
			a, b := k.observe(x, slot, o), k.observe(y, slot, same)
			if y.number == x.number {
				t.Fatal("one exposure only")
			}
			minutes := (y.mjd - x.mjd) * 24 * 60
			dec := (b.dec - a.dec) * 3600
			ra := (b.ra - a.ra) * 3600 * math.Cos(a.dec*deg)
			rate := math.Hypot(ra, dec) / minutes
			assert.Greater(t, math.Abs(rate), 0.25, "arcseconds a minute")
			assert.Less(t, math.Abs(rate), 1.05)

			tomorrow := k.object(x.field, slot, x.mjd+1)
			assert.NotEqual(t, o.number, tomorrow.number)
		})
	}
}

func TestBogusScoresLow(t *testing.T) {
	for name, k := range skies() {
		seen := map[class]int{}
		for n := range k.exposures() {
			x := k.exposure(0, n)
			for slot := range x.count {
				d := k.alert(x, slot)
				seen[d.class]++
				assert.Equal(t, d.class == bogus, d.score < 0.5, name)
				assert.True(t, d.seen)
			}
		}
		for c := bogus; c <= asteroid; c++ {
			assert.Greater(t, seen[c], 150, "%s: class %d of %v", name, c, seen)
		}
	}
}

// A history is what the alerts of earlier exposures were.
func TestHistoryAgrees(t *testing.T) {
	for name, k := range skies() {
		t.Run(name, func(t *testing.T) {
			type key struct {
				night, number, slot int
			}
			alerts := map[key]detection{}
			matched := 0
			for night := range 2 * groups {
				for n := range k.exposures() {
					x := k.exposure(night, n)
					past := k.history(nil, x)
					for i := range past {
						assert.Equal(t, x.field, past[i].field)
						assert.Less(t, past[i].mjd, x.mjd)
						if i > 0 {
							assert.Less(t, past[i-1].mjd, past[i].mjd)
						}
					}
					for slot := range x.count {
						d := k.alert(x, slot)
						alerts[key{night, n, slot}] = d
						for _, old := range k.observeAll(nil, d, past) {
							if !old.seen || old.night < 0 {
								continue
							}
							assert.Equal(t, alerts[key{old.night, old.exposure.number, slot}], old)
							assert.Equal(t, d.object, old.object)
							matched++
						}
					}
				}
			}
			assert.Greater(t, matched, 1000)
		})
	}
}

// Detectors tile the camera without overlap.
func TestCorners(t *testing.T) {
	for _, c := range []struct {
		n    int
		half float64
		at   func(int) (x, y float64)
	}{{64, 4, ztfCorner}, {189, 7.5, lsstCorner}} {
		seen := map[[2]float64]bool{}
		for i := range c.n {
			x, y := c.at(i)
			seen[[2]float64{x, y}] = true
			assert.True(t, x >= -c.half && x < c.half && y >= -c.half && y < c.half, "%d at %v %v", i, x, y)
		}
		assert.Len(t, seen, c.n)
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for n := range uint64(100_000) {
		seen[ztfName(n*4, 61000)] = true
	}
	assert.Len(t, seen, 100_000)
	assert.Regexp(t, `^ZTF2[56][a-z]{7}$`, ztfName(12345, 61200))
}

func TestOrdinals(t *testing.T) {
	for _, alerts := range []int{1, 2, 10, 1000, 12_345, 1_000_000} {
		k := newSky(&Simulator{Survey: LSST, Alerts: alerts})
		total, last := 0, 0.0
		for n := range k.exposures() {
			x := k.exposure(0, n)
			assert.Equal(t, total, x.first)
			assert.LessOrEqual(t, x.count, k.slots())
			assert.Greater(t, x.mjd, last)
			total, last = total+x.count, x.mjd
		}
		assert.Equal(t, alerts, total)
		assert.Less(t, last, mjd(k.start.Add(k.length)))
		before := -1
		for slot := range k.slots() {
			detector, n := k.detector(slot)
			assert.True(t, detector == before && n > 1 || detector > before && n == 1, "slot %d: %d on %d", slot, n, detector)
			assert.Less(t, detector, 189)
			before = detector
		}
	}
}
