//go:build integration && unix

package archive_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

// BenchmarkRealLedger is BenchmarkLedger with the alerts of a topic in a real
// Kafka, TOPIC at KAFKA. With the ledger there is a group, by itself in it.
func BenchmarkRealLedger(b *testing.B) {
	at, topic := os.Getenv("KAFKA"), os.Getenv("TOPIC")
	if at == "" || topic == "" {
		b.Skip("no KAFKA and TOPIC")
	}
	open := func(shared bool) *kafka.Source {
		s := &kafka.Source{Brokers: strings.Split(at, ","), Topics: []string{topic}}
		if shared {
			s.Group, s.Join = fmt.Sprintf("bench-%d", time.Now().UnixNano()), true
		}
		return s
	}
	probe := open(false)
	extents, err := probe.Available(b.Context())
	require.NoError(b, err)
	require.NoError(b, probe.Close())
	var n int64
	for _, e := range extents {
		n += e.Len()
	}
	benchmarkLedger(b, n, func(shared bool) stream.Source { return open(shared) })
}
