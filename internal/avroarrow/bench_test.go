package avroarrow

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/skyfinch/skyfinch/internal/ocf"
)

const benchRows = 500 // of a chunk

func BenchmarkAppend(b *testing.B) {
	for _, survey := range []string{"ztf-3.3", "ztf-spark", "lsst-9.0", "lsst-7.4"} {
		b.Run(survey, func(b *testing.B) {
			all := alerts(b, survey+"/*.avro")
			s, err := Parse(all[0].text)
			if err != nil {
				b.Fatal(err)
			}
			builder := NewBuilder(memory.DefaultAllocator, s.Arrow())
			defer builder.Release()
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				a := &all[n%len(all)]
				if err := builder.Append(s, a.buf, a.from, a.to); err != nil {
					b.Fatal(err)
				}
				if n++; n%benchRows == 0 {
					builder.NewRecord().Release()
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "alerts/s")
		})
	}
}

// BenchmarkMessage is what a message costs whose header is like the last one's.
func BenchmarkMessage(b *testing.B) {
	all := alerts(b, "ztf-3.3/*.avro")
	s, err := Parse(all[0].text)
	if err != nil {
		b.Fatal(err)
	}
	builder := NewBuilder(memory.DefaultAllocator, s.Arrow())
	defer builder.Release()
	known := bytes.Clone(all[0].header)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		a := &all[n%len(all)]
		if !bytes.HasPrefix(a.raw, known) {
			b.Fatal("another header")
		}
		rest := a.raw[len(known)+ocf.SyncSize:]
		block, next, err := ocf.NextBlock(rest, [ocf.SyncSize]byte(a.raw[len(known):]))
		if err != nil || len(next) > 0 {
			b.Fatal(err)
		}
		to := len(a.raw) - ocf.SyncSize
		if err := builder.Append(s, a.buf, to-len(block.Data), to); err != nil {
			b.Fatal(err)
		}
		if n++; n%benchRows == 0 {
			builder.NewRecord().Release()
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "alerts/s")
}

func BenchmarkSkip(b *testing.B) {
	all := alerts(b, "ztf-3.3/*.avro")
	s, err := Parse(all[0].text)
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		a := &all[n%len(all)]
		if _, err := s.Skip(a.raw[a.from:a.to]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "alerts/s")
}

func BenchmarkParse(b *testing.B) {
	all := alerts(b, "ztf-3.3/*.avro")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(all[0].text); err != nil {
			b.Fatal(err)
		}
	}
}
