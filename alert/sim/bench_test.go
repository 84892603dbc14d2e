package sim_test

import (
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
