//go:build unix

package crossmatch

import (
	"math"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"gonum.org/v1/gonum/spatial/kdtree"
)

// Benchmarks use ten million rows and a radius of 1.5". Caches are emptied before each
// run, which is not timed.
const (
	benchRows    = 10_000_000
	benchQueries = 1 << 20
	benchRadius  = 1.5 * Arcsecond
)

// BenchmarkNearest searches for positions without matches, with matches for half of them,
// or within two degrees, in random order: all in one call, and 500 at a time.
func BenchmarkNearest(b *testing.B) {
	for _, sky := range []string{"random", "galactic", "deep"} {
		catalog := sync.OnceValue(func() *Catalog { return benchCatalog(b, sky) })
		for _, q := range benchPositions {
			for _, chunk := range []int{benchQueries, 500} {
				name := sky + "/" + q.name
				if chunk < benchQueries {
					name += "/500 at a time"
				}
				b.Run(name, func(b *testing.B) {
					c := catalog()
					p := q.positions(sky)
					out := make([]Match, chunk)
					benchRun(b, func() (found int) {
						for from := 0; from < benchQueries; from += chunk {
							to := min(from+chunk, benchQueries)
							out, _ = c.AppendNearest(out[:0], Positions{RA: p.RA[from:to], Dec: p.Dec[from:to]}, benchRadius)
							for i := range out {
								if out[i].Status == StatusMatch {
									found++
								}
							}
						}
						return found
					})
				})
			}
		}
	}
}

// BenchmarkTree is BenchmarkNearest for gonum's k-d tree of unit vectors.
func BenchmarkTree(b *testing.B) {
	for _, sky := range []string{"random", "galactic"} {
		tree := sync.OnceValue(func() *kdtree.Tree {
			ra, dec := skies[sky](benchRows, 1)
			return kdtree.New(vectors(ra, dec), false)
		})
		for _, q := range benchPositions {
			b.Run(sky+"/"+q.name, func(b *testing.B) {
				t := tree()
				p := q.positions(sky)
				points := vectors(p.RA, p.Dec)
				chord := 2 * math.Sin(float64(benchRadius/Radian)/2)
				benchRun(b, func() (found int) {
					for _, at := range points {
						near := kdtree.NewDistKeeper(chord * chord)
						t.NearestSet(near, at)
						if near.Len() > 0 && near.Heap[0].Comparable != nil {
							found++
						}
					}
					return found
				})
			})
		}
	}
}

// BenchmarkBuild builds a catalogue, and reports the bytes per row.
func BenchmarkBuild(b *testing.B) {
	for _, sky := range []string{"random", "galactic", "deep"} {
		b.Run(sky, func(b *testing.B) {
			ra, dec := skies[sky](benchRows, 1)
			var x *index
			begin := cpu()
			for b.Loop() {
				x = newIndex(ra, dec, nil)
			}
			used := cpu() - begin
			bytes := cap(x.rows)*int(unsafe.Sizeof(row{})) + cap(x.start)*4 + cap(x.fields)*int(unsafe.Sizeof(field{}))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
			b.ReportMetric(used*1e9/float64(b.N)/benchRows, "cpu-ns/row")
			b.ReportMetric(float64(bytes)/benchRows, "B/row")
		})
	}
}

// benchPositions are the positions to search for.
var benchPositions = []struct {
	name      string
	positions func(sky string) Positions
}{
	{"none", func(sky string) Positions {
		ra, dec := skies[sky](benchQueries, 77)
		return Positions{RA: ra, Dec: dec}
	}},
	{"half", func(sky string) Positions {
		ra, dec := skies[sky](benchRows, 1)
		qra, qdec := skies[sky](benchQueries, 78)
		rnd := rand.New(rand.NewPCG(78, 2))
		for i := range qra {
			if k := rnd.IntN(2 * len(ra)); k < len(ra) {
				qra[i], qdec[i] = ra[k]+(rnd.Float64()-.5)/3600, max(-90, min(90, dec[k]+(rnd.Float64()-.5)/3600))
			}
		}
		return Positions{RA: qra, Dec: qdec}
	}},
	{"field", func(sky string) Positions { // part of all skies
		p := Positions{RA: make([]float64, benchQueries), Dec: make([]float64, benchQueries)}
		rnd := rand.New(rand.NewPCG(3, 3))
		for i := range p.RA {
			p.RA[i], p.Dec[i] = 281+2*rnd.Float64(), -2+2*rnd.Float64()
		}
		return p
	}},
}

func benchCatalog(b *testing.B, sky string) *Catalog {
	ra, dec := skies[sky](benchRows, 1)
	c, err := NewCatalog(Rows{RA: ra, Dec: dec})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// benchRun measures a function that searches for benchQueries positions and returns the
// number of matches.
func benchRun(b *testing.B, f func() int) {
	found, used := 0, 0.
	for b.Loop() {
		b.StopTimer()
		emptyCaches()
		begin := cpu()
		b.StartTimer()
		found = f()
		used += cpu() - begin
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchQueries, "ns/query")
	b.ReportMetric(used*1e9/float64(b.N)/benchQueries, "cpu-ns/query") // not affected by other processes
	b.ReportMetric(float64(found)/benchQueries, "found")
}

var ballast []byte

func emptyCaches() {
	if ballast == nil {
		ballast = make([]byte, 128<<20)
	}
	for i := 0; i < len(ballast); i += 64 {
		ballast[i]++
	}
}

// cpu returns the processor time used so far, in seconds.
func cpu() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func vectors(ra, dec []float64) kdtree.Points {
	all := make([]float64, 3*len(ra))
	out := make(kdtree.Points, len(ra))
	for i := range out {
		sr, cr := math.Sincos(ra[i] * degToRad)
		sd, cd := math.Sincos(dec[i] * degToRad)
		out[i] = all[3*i : 3*i+3 : 3*i+3]
		out[i][0], out[i][1], out[i][2] = cr*cd, sr*cd, sd
	}
	return out
}
