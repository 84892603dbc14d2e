package alert

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/recordsize"
	"github.com/skyfinch/skyfinch/stream"
)

// BenchmarkDecoder decodes chunks of 400 real packets on one core.
func BenchmarkDecoder(b *testing.B) {
	for _, c := range []struct {
		name, dir string
		message   func(packet) message
	}{
		{"ztf-3.3/container", "ztf-3.3", func(p packet) message { return message{value: p.raw} }},
		{"ztf-3.3/key", "ztf-3.3", func(p packet) message { return message{p.schema, p.datum} }},
		{"lsst-9.0/container", "lsst-9.0", func(p packet) message { return message{value: p.raw} }},
		{"lsst-9.0/confluent", "lsst-9.0", func(p packet) message { return message{value: confluent(900, p.datum)} }},
		{"mixed/container", "ztf-*", func(p packet) message { return message{value: p.raw} }},
	} {
		b.Run(c.name, func(b *testing.B) {
			all := packets(b, c.dir+"/*.avro")
			var msgs []message
			for i := range 400 {
				msgs = append(msgs, c.message(all[(i*7)%len(all)]))
			}
			schema := all[0].schema
			d := &Decoder{Registry: RegistryFunc(func(context.Context, uint32) ([]byte, error) { return schema, nil })}
			benchmark(b, d, msgs)
		})
	}
}

func benchmark(b *testing.B, d *Decoder, msgs []message) {
	in := chunk(b, memory.DefaultAllocator, msgs...)
	defer in.Release()
	apply := func() {
		r, err := d.Apply(b.Context(), stream.Rows{Record: in})
		require.NoError(b, err)
		require.Empty(b, r.Rejects)
		r.Release()
	}
	apply() // compiles the schemas
	b.SetBytes(recordsize.Of(in))
	b.ReportAllocs()
	for b.Loop() {
		apply()
	}
	b.ReportMetric(float64(len(msgs)*b.N)/b.Elapsed().Seconds(), "alerts/s")
}
