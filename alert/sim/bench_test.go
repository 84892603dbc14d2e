package sim_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/skyfinch/skyfinch/alert/sim"
)

func BenchmarkSimulator(b *testing.B) {
	for _, survey := range []sim.Survey{sim.ZTF, sim.LSST} {
		b.Run(survey.String(), func(b *testing.B) {
			b.ReportAllocs()
			size, n := 0, 0
			s := sim.Simulator{Survey: survey, Seed: 1}
			for p := range s.Packets(int64(b.N)) {
				size += len(p.Value)
				n++
			}
			b.SetBytes(int64(size / n))
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "packets/s")
			b.ReportMetric(float64(size/n), "B/packet")
		})
	}
}

// Real packets, varied.
func BenchmarkReplay(b *testing.B) {
	for _, dir := range []string{"ztf-3.3", "lsst-9.0"} {
		b.Run(dir, func(b *testing.B) {
			path := filepath.Join("../../../shared/alerts", dir)
			if _, err := os.Stat(path); err != nil {
				b.Skip("no real packets here")
			}
			b.ReportAllocs()
			size, n := 0, 0
			r := sim.Replay{Patterns: []string{path}, Vary: &sim.Vary{}}
			for p := range r.Packets(b.Context(), int64(b.N)) {
				size += len(p.Value)
				n++
			}
			b.SetBytes(int64(size / n))
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}
