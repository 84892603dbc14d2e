//go:build unix

package kafka

import (
	"context"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// BenchmarkRead reads 20,000 messages of 66 KB, the size of a ZTF alert, from
// four partitions: of a broker in this process, which costs as much as the
// reading, or of a real one if KAFKA names it. BENCH_MESSAGES and BENCH_FETCH
// change the number of messages and FetchBytes.
func BenchmarkRead(b *testing.B) {
	const partitions, size, batch = 4, 66 << 10, 10
	count := 20_000
	if v := os.Getenv("BENCH_MESSAGES"); v != "" {
		count, _ = strconv.Atoi(v)
	}
	s := benchSource(b, partitions, count, size, batch)
	s.FetchBytes, _ = strconv.Atoi(os.Getenv("BENCH_FETCH"))
	var ranges []stream.Range
	for _, e := range available(b, s) {
		ranges = append(ranges, e.Range)
	}
	b.ReportAllocs()
	b.SetBytes(int64(count) * size)
	begun := cpu()
	for b.Loop() {
		n := 0
		for c, err := range s.Read(context.Background(), ranges) {
			require.NoError(b, err)
			if c.Messages != nil {
				n += int(c.Messages.NumRows())
			}
		}
		require.Equal(b, count, n)
	}
	b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "alerts/s")
	b.ReportMetric((cpu()-begun).Seconds()*1000/float64(count)/float64(b.N), "cpu-s/1000")
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchSource makes a source with a full topic.
func benchSource(b *testing.B, partitions int32, count, size, batch int) *Source {
	b.Helper()
	var l *lab
	topic := "alerts"
	if addr := os.Getenv("KAFKA"); addr != "" {
		l = realLab(b, addr)
		topic = l.real(partitions)
	} else {
		l = newLab(b)
		l.create(topic, partitions)
	}
	c := l.client()
	for i := 0; i < count; i += batch {
		send(b, c, bulk(topic, int32(i/batch)%partitions, batch, size)...)
	}
	return l.source(topic)
}
