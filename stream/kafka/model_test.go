package kafka

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/skyfinch/skyfinch/stream"
)

// model is a partition as a compacted log with transactions may look like, and
// as Kafka serves it: batches that begin before the offset asked for, cut off
// at the limit unless it is the first one, never from more than one segment.
type model struct {
	batches []modelBatch
	aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction
	ends    []int64 // of aborted, the offset of the marker
	rows    []got
	sum     stream.Account
	end     int64
}

type modelBatch struct {
	first, last int64
	raw         []byte
	segment     int
}

const modelProducers = 3

// newModel returns a random log.
func newModel(rng *rand.Rand, batches int) *model {
	m := new(model)
	at, segment := int64(0), 0
	begun := [modelProducers]int64{-1, -1, -1}
	commits := [modelProducers]bool{}
	for range batches {
		if rng.IntN(4) == 0 {
			segment++
		}
		if rng.IntN(5) == 0 { // a batch removed by compaction
			n := 1 + rng.Int64N(6)
			at, m.sum.Compacted = at+n, m.sum.Compacted+n
		}
		p := rng.IntN(2 * modelProducers) // not transactional if higher
		switch {
		case p < modelProducers && begun[p] >= 0 && rng.IntN(2) == 0:
			if !commits[p] {
				m.aborted = append(m.aborted, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: int64(p), FirstOffset: begun[p]})
				m.ends = append(m.ends, at)
			}
			begun[p] = -1
			m.add(at, at, segment, batchOf(at, at, []int64{at}, int64(p), 0x30, markerKey(commits[p])))
			m.sum.Control++
			at++
			continue
		case p < modelProducers && begun[p] < 0:
			begun[p], commits[p] = at, rng.IntN(2) == 0
		}
		last := at + rng.Int64N(8)
		var there []int64
		for o := at; o <= last; o++ {
			if rng.IntN(3) > 0 {
				there = append(there, o)
			}
		}
		if rng.IntN(6) == 0 {
			there = nil // what compaction keeps of a producer's last batch
		}
		m.sum.Compacted += last - at + 1 - int64(len(there))
		attributes, producer := int16(0), int64(-1)
		if p < modelProducers {
			attributes, producer = 0x10, int64(p)
		}
		if p < modelProducers && !commits[p] {
			m.sum.Aborted += int64(len(there))
		} else {
			m.sum.Read += int64(len(there))
			for _, o := range there {
				m.rows = append(m.rows, got{"a", 0, o, noon.UnixMilli(), "-", string(modelValue(o))})
			}
		}
		m.add(at, last, segment, batchOf(at, last, there, producer, attributes, nil))
		at = last + 1
	}
	for p, first := range begun { // all that is open is aborted, but its marker is not there yet
		if first >= 0 && !commits[p] {
			m.aborted = append(m.aborted, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: int64(p), FirstOffset: first})
			m.ends = append(m.ends, at+100)
		}
	}
	m.end = at
	return m
}

func (m *model) add(first, last int64, segment int, raw []byte) {
	m.batches = append(m.batches, modelBatch{first, last, raw, segment})
}

func modelValue(o int64) []byte { return fmt.Appendf(nil, "the value at offset %d", o) }

func markerKey(commit bool) []byte {
	if commit {
		return []byte{0, 0, 0, 1}
	}
	return []byte{0, 0, 0, 0}
}

// batchOf encodes a batch.
func batchOf(first, last int64, offsets []int64, producer int64, attributes int16, key []byte) []byte {
	var body []byte
	for _, o := range offsets {
		r := kmsg.Record{OffsetDelta: int32(o - first), Key: key, Value: modelValue(o)}
		r.Length = int32(len(r.AppendTo(nil)) - 1)
		raw := r.AppendTo(nil)
		body = append(body, raw...)
	}
	b := kmsg.RecordBatch{
		FirstOffset: first, Magic: 2, Attributes: attributes, LastOffsetDelta: int32(last - first),
		FirstTimestamp: noon.UnixMilli(), MaxTimestamp: noon.UnixMilli(), ProducerID: producer,
		NumRecords: int32(len(offsets)), Records: body,
	}
	b.Length = int32(49 + len(body))
	raw := b.AppendTo(nil)
	b.CRC = int32(crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b.AppendTo(nil)
}

// serve returns the response to a fetch from an offset.
func (m *model) serve(p *kmsg.FetchResponseTopicPartition, from int64, most int) {
	p.HighWatermark, p.LastStableOffset = m.end, m.end
	p.RecordBatches = []byte{}
	segment, last := -1, from
	for _, b := range m.batches {
		if b.last < from || segment >= 0 && b.segment != segment {
			continue
		}
		segment, last = b.segment, b.last
		p.RecordBatches = append(p.RecordBatches, b.raw...)
		if len(p.RecordBatches) >= most {
			if n := len(b.raw); n < len(p.RecordBatches) {
				p.RecordBatches = p.RecordBatches[:max(most, n)]
			}
			break
		}
	}
	for i, a := range m.aborted {
		if a.FirstOffset <= last && m.ends[i] >= from {
			p.AbortedTransactions = append(p.AbortedTransactions, a)
		}
	}
}

// lab serves the model instead of a topic.
func (m *model) lab(t *testing.T) *lab {
	l := newLab(t)
	l.create("a", 1)
	l.ControlKey(int16(kmsg.ListOffsets), func(k kmsg.Request) (kmsg.Response, error, bool) {
		l.KeepControl()
		req := k.(*kmsg.ListOffsetsRequest)
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		rt, rp := kmsg.NewListOffsetsResponseTopic(), kmsg.NewListOffsetsResponseTopicPartition()
		rt.Topic = "a"
		if req.Topics[0].Partitions[0].Timestamp == -1 {
			rp.Offset = m.end
		} else {
			rp.Offset = 0
		}
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	l.ControlKey(int16(kmsg.Fetch), func(k kmsg.Request) (kmsg.Response, error, bool) {
		l.KeepControl()
		req := k.(*kmsg.FetchRequest)
		asked := req.Topics[0].Partitions[0]
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		rt, rp := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		rt.Topic = "a"
		m.serve(&rp, asked.FetchOffset, int(asked.PartitionMaxBytes))
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	return l
}

// Whatever a log looks like, every offset is accounted for, and where a range or
// a fetch begins and ends makes no difference.
func TestAccountsAddUp(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 7))
		m := newModel(rng, 1+rng.IntN(60))
		l := m.lab(t)
		s := l.source("a")
		whole := readAll(t, s)
		same(t, m.rows, whole.rows)
		assert.Equal(t, m.sum, whole.total(), "seed %d", seed)
		for _, size := range []int{1, 100, 300, 1000} {
			s := l.source("a")
			s.FetchBytes = size
			again := readAll(t, s)
			require.Equal(t, whole.chunks, again.chunks, "seed %d", seed)
			same(t, whole.rows, again.rows)
			require.NoError(t, s.Close())
		}
		var pieces []got
		var sum stream.Account
		e := available(t, s)[0].Range
		for from := e.From; from < e.To; {
			r := e
			r.From, r.To = from, min(e.To, from+1+rng.Int64N(20))
			got := read(t, s, r)
			require.NoError(t, got.err)
			x := got.total()
			sum.Read, sum.Control, sum.Aborted = sum.Read+x.Read, sum.Control+x.Control, sum.Aborted+x.Aborted
			sum.Compacted += x.Compacted
			pieces = append(pieces, got.rows...)
			from = r.To
		}
		same(t, m.rows, pieces)
		assert.Equal(t, m.sum, sum, "seed %d", seed)
		require.NoError(t, s.Close())
		l.Close()
	}
}
