package sim_test

import (
	"context"
	"iter"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/stream"
)

func collect(t testing.TB, packets iter.Seq2[sim.Packet, error]) (all []sim.Packet) {
	for p, err := range packets {
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

// decode returns the packets as alert.Decoder archives them, all of them.
func decode(t testing.TB, registry alert.Registry, packets ...sim.Packet) arrow.Record {
	b := stream.NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i, p := range packets {
		v := memory.NewBufferBytes(p.Value)
		b.Append(stream.Message{Topic: "t", Offset: int64(i), Value: stream.View{Buffer: v, To: v.Len()}})
		v.Release()
	}
	rec := b.NewRecord()
	defer rec.Release()
	d := &alert.Decoder{Registry: registry}
	defer d.Close()
	got, err := d.Apply(context.Background(), stream.Rows{Record: rec})
	require.NoError(t, err)
	require.Empty(t, got.Rejects)
	require.Len(t, got.Rows, 1)
	t.Cleanup(got.Rows[0].Record.Release)
	return got.Rows[0].Record
}
