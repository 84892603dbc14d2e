package crossmatch

import (
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
)

func randomSky(n int, seed uint64) (ra, dec []float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	ra, dec = make([]float64, n), make([]float64, n)
	for i := range n {
		ra[i] = 360 * r.Float64()
		dec[i] = math.Asin(2*r.Float64()-1) / perDegree
	}
	return ra, dec
}

func galactic(n int, seed uint64) (ra, dec []float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	ra, dec = make([]float64, n), make([]float64, n)
	for i := range n {
		l := 360 * r.Float64()
		b := 5 * r.NormFloat64()
		if b > 90 || b < -90 {
			b = 0
		}
		// a great circle inclined by 62.9 degrees
		sl, cl := math.Sincos(l * perDegree)
		sb, cb := math.Sincos(b * perDegree)
		si, ci := math.Sincos(62.9 * perDegree)
		x, y, z := cb*cl, cb*sl*ci-sb*si, cb*sl*si+sb*ci
		ra[i] = math.Atan2(y, x) / perDegree
		dec[i] = math.Asin(z) / perDegree
	}
	return ra, dec
}

func halfOf(ra, dec []float64, n int, seed uint64, sky func(int, uint64) ([]float64, []float64)) (qra, qdec []float64) {
	r := rand.New(rand.NewPCG(seed, 2))
	qra, qdec = sky(n, seed)
	for i := range n {
		if r.IntN(2) == 0 {
			j := r.IntN(len(ra))
			qra[i] = ra[j] + (r.Float64()-.5)*1./3600
			qdec[i] = max(-90, min(90, dec[j]+(r.Float64()-.5)*1./3600))
		}
	}
	return
}

func BenchmarkProto(b *testing.B) {
	const n = 10_000_000
	for _, sky := range []struct {
		name string
		f    func(int, uint64) ([]float64, []float64)
	}{{"random", randomSky}, {"galactic", galactic}} {
		ra, dec := sky.f(n, 1)
		b.Run(sky.name+"/build", func(b *testing.B) {
			t0 := cpu()
			for b.Loop() {
				newIndex(ra, dec, nil)
			}
			b.ReportMetric((cpu()-t0)*1e9/float64(b.N)/n, "cpu-ns/row")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
		c, _ := NewCatalog(Rows{RA: ra, Dec: dec})
		const m = 1 << 21
		nra, ndec := sky.f(m, 77)
		hra, hdec := halfOf(ra, dec, m, 78, sky.f)
		fra, fdec := make([]float64, m), make([]float64, m)
		r := rand.New(rand.NewPCG(3, 3))
		for i := range m {
			fra[i] = 150 + 2*r.Float64()
			fdec[i] = 2 * r.Float64()
		}
		for _, q := range []struct {
			name    string
			ra, dec []float64
		}{{"none", nra, ndec}, {"half", hra, hdec}, {"field", fra, fdec}} {
			const chunk = 512
			out := make([]Match, chunk)
			b.Run(sky.name+"/"+q.name, func(b *testing.B) {
				found := 0
				t0 := cpu()
				for b.Loop() {
					for i := 0; i < m; i += chunk {
						out, _ = c.NearestInto(out[:0], Positions{RA: q.ra[i : i+chunk], Dec: q.dec[i : i+chunk]}, 1.5*Arcsecond)
						for _, o := range out {
							if o.Row >= 0 {
								found++
							}
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/m, "ns/query")
				b.ReportMetric((cpu()-t0)*1e9/float64(b.N)/m, "cpu-ns/query")
				b.ReportMetric(float64(found)/float64(b.N)/m, "found")
			})
		}
	}
}

func cpu() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
