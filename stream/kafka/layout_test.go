package kafka

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/skyfinch/skyfinch/stream"
)

func TestCompressions(t *testing.T) {
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.create("a", 2)
			c := l.client(kgo.ProducerBatchCompression(codec))
			l.fill(c, "a", 0, 0, 300, 50)
			l.fill(c, "a", 1, 0, 150, 1)
			got := readAll(t, l.source("a"))
			same(t, slices.Concat(want("a", 0, 0, 300), want("a", 1, 0, 150)), got.rows)
		})
	}
}

func TestNullAndEmptyKeysAndValues(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	send(t, l.client(),
		&kgo.Record{Topic: "a", Key: nil, Value: nil, Timestamp: noon},
		&kgo.Record{Topic: "a", Key: []byte{}, Value: []byte{}, Timestamp: noon},
		&kgo.Record{Topic: "a", Key: []byte("k"), Value: []byte{}, Timestamp: noon.Add(-1e9)},
		&kgo.Record{Topic: "a", Key: []byte{}, Value: []byte("v"), Timestamp: noon, Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}},
	)
	ms := noon.UnixMilli()
	assert.Equal(t, []got{
		{"a", 0, 0, ms, "-", "-"}, {"a", 0, 1, ms, "", ""}, {"a", 0, 2, ms - 1000, "k", ""}, {"a", 0, 3, ms, "", "v"},
	}, readAll(t, l.source("a")).rows)
}

func TestTimes(t *testing.T) {
	late := noon.Add(time.Hour)
	x := &sarama.Record{TimestampDelta: 1500 * time.Millisecond}
	for _, c := range []struct {
		batch sarama.RecordBatch
		want  time.Time
	}{
		{sarama.RecordBatch{FirstTimestamp: noon, MaxTimestamp: late}, noon.Add(1500 * time.Millisecond)},
		{sarama.RecordBatch{FirstTimestamp: noon, MaxTimestamp: late, LogAppendTime: true}, late},
		{sarama.RecordBatch{}, time.Time{}},
		{sarama.RecordBatch{FirstTimestamp: noon, MaxTimestamp: time.UnixMilli(1 << 62)}, time.Time{}},
		{sarama.RecordBatch{LogAppendTime: true}, time.Time{}},
	} {
		assert.Equal(t, c.want, timeOf(&c.batch, x))
	}
}

// A message larger than a fetch is read whole.
func TestLargeMessages(t *testing.T) {
	l := newLab(t)
	l.create("a", 2, "max.message.bytes", "33554432")
	c := l.client()
	large := bytes.Repeat([]byte("0123456789abcdef"), 12<<20/16)
	var values []string
	for i, v := range [][]byte{large, []byte("small"), []byte("small too"), large[:11<<20], []byte("s"), large} {
		send(t, c, &kgo.Record{Topic: "a", Partition: int32(i % 2), Value: v})
	}
	for _, v := range [][]byte{large, []byte("small too"), []byte("s"), []byte("small"), large[:11<<20], large} {
		values = append(values, string(v))
	}
	for _, size := range []int{0, 1, 1 << 10, 1 << 20} {
		s := l.source("a")
		s.FetchBytes = size
		var got []string
		for _, r := range readAll(t, s).rows {
			got = append(got, r.value)
		}
		require.True(t, slices.Equal(values, got), size)
	}
}

// Equal ranges yield equal chunks, however they are fetched.
func TestChunksDoNotFollowFetches(t *testing.T) {
	l := newLab(t, kfake.NumBrokers(2))
	l.create("a", 4)
	c, z := l.client(), l.client(kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	for p := range int32(4) {
		for i := 0; i < 300; {
			n := 1 + (i*7+int(p))%13
			via := c
			if i%2 == 0 {
				via = z
			}
			send(t, via, records("a", p, i, i+n)...)
			i += n
		}
	}
	for range 20 {
		send(t, c, bulk("a", 3, 3, 200<<10)...) // chunks that end by their bytes
	}
	var first *result
	for _, size := range []int{1 << 10, 10 << 10, 100 << 10, 8 << 20, 1} {
		s := l.source("a")
		s.FetchBytes = size
		for range 2 {
			got := readAll(t, s)
			if first == nil {
				first = got
			}
			assert.Equal(t, first.chunks, got.chunks, size)
			same(t, first.rows, got.rows)
		}
	}
	assert.Greater(t, len(first.chunks), 18)
}

// bulk returns n messages of size random bytes.
func bulk(topic string, partition int32, n, size int) (out []*kgo.Record) {
	for i := range n {
		v := make([]byte, size)
		rng := rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(partition)})
		_, _ = rng.Read(v)
		out = append(out, &kgo.Record{Topic: topic, Partition: partition, Value: v, Timestamp: noon})
	}
	return out
}

// With transactions in a partition, each offset is accounted for, and exactly the
// committed messages are read.
func TestTransactions(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		l := newLab(t)
		l.create("a", 2)
		plain := l.client()
		var open []*txn
		for i := range 3 {
			open = append(open, l.begin(string(rune('x'+i))))
		}
		var wanted [2]int
		for i := range 60 {
			p := int32(rng.IntN(2))
			rs := records("a", p, i*10, i*10+1+rng.IntN(5))
			switch x := rng.IntN(4); x {
			case 3:
				send(t, plain, rs...)
				wanted[p] += len(rs)
			default:
				open[x].send(rs...)
				if rng.IntN(3) == 0 {
					commit := rng.IntN(2) == 0
					if commit {
						wanted[0] += open[x].sent[0]
						wanted[1] += open[x].sent[1]
					}
					open[x].end(commit)
				}
			}
		}
		for _, x := range open {
			x.end(false)
		}
		whole := readAll(t, l.source("a"))
		sum := whole.total()
		assert.EqualValues(t, wanted[0]+wanted[1], sum.Read)
		assert.Positive(t, sum.Control)
		assert.Positive(t, sum.Aborted)
		assert.Zero(t, sum.Compacted)
		assert.Zero(t, sum.Lost)

		// any way of cutting the ranges gives the same
		s := l.source("a")
		s.FetchBytes = 1 + rng.IntN(2000)
		var pieces []got
		for _, e := range available(t, s) {
			for from := e.From; from < e.To; {
				r := e.Range
				r.From, r.To = from, min(e.To, from+1+rng.Int64N(40))
				got := read(t, s, r)
				require.NoError(t, got.err)
				pieces = append(pieces, got.rows...)
				from = r.To
			}
		}
		same(t, whole.rows, pieces)
	}
}

// An open transaction ends what is available; an offset behind a commit marker
// at the end of a range does not hang.
func TestOpenTransaction(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	x := l.begin("x")
	x.send(records("a", 0, 0, 4)...)
	x.end(true)
	x.send(records("a", 0, 4, 6)...)
	send(t, l.client(), records("a", 0, 6, 8)...)
	s := l.source("a")
	e := available(t, s)
	require.Len(t, e, 1)
	assert.EqualValues(t, 5, e[0].To)
	got := readAll(t, s)
	assert.EqualValues(t, 4, got.total().Read)
	assert.EqualValues(t, 1, got.total().Control)
	x.end(false)
	got = readAll(t, s)
	assert.EqualValues(t, 6, got.total().Read)
	assert.EqualValues(t, 2, got.total().Aborted)
}

// txn is a transactional producer.
type txn struct {
	l    *lab
	c    *kgo.Client
	on   bool
	sent [2]int // by partition, in this transaction
}

func (l *lab) begin(id string) *txn {
	return &txn{l: l, c: l.client(kgo.TransactionalID(id))}
}

func (x *txn) send(rs ...*kgo.Record) {
	if !x.on {
		require.NoError(x.l.t, x.c.BeginTransaction())
		x.on, x.sent = true, [2]int{}
	}
	send(x.l.t, x.c, rs...)
	x.sent[rs[0].Partition] += len(rs)
}

func (x *txn) end(commit bool) {
	if x.on {
		require.NoError(x.l.t, x.c.EndTransaction(context.Background(), kgo.TransactionEndTry(commit)))
	}
	x.on = false
}

func TestCompaction(t *testing.T) {
	l := newLab(t)
	l.create("a", 1, "cleanup.policy", "compact", "delete.retention.ms", "0")
	c := l.client()
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 100 {
		var rs []*kgo.Record
		for j := range 5 {
			rs = append(rs, &kgo.Record{Topic: "a", Key: []byte{byte(rng.IntN(20))}, Value: value("a", 0, i*5+j), Timestamp: time.Now()})
		}
		send(t, c, rs...)
	}
	l.Compact()
	s := l.source("a")
	got := readAll(t, s)
	sum := got.total()
	assert.Positive(t, sum.Compacted)
	assert.Less(t, sum.Read, int64(100))
	s.FetchBytes = 1
	again := readAll(t, s)
	same(t, got.rows, again.rows)
	assert.Equal(t, got.chunks, again.chunks)
}

// deleteRecords deletes what lies below an offset.
func (l *lab) deleteRecords(c *kgo.Client, topic string, partition int32, below int64) {
	l.t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Partition, rp.Offset = partition, below
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	_, err := req.RequestWith(l.t.Context(), c)
	require.NoError(l.t, err)
}

// A fetch asks for what fits into memory: all that a batch is inflated to
// counts, headers too, and of a topic that is new one batch comes first.
func TestFetchesOfWhatInflates(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	c := l.client(kgo.ProducerBatchCompression(kgo.GzipCompression()))
	for range 30 {
		send(t, c, &kgo.Record{Topic: "a", Value: []byte("small"), Headers: []kgo.RecordHeader{{Key: "h", Value: make([]byte, 1<<20)}}})
	}
	s := l.source("a")
	planned := rangesOf(available(t, s))
	var limits []int32
	l.ControlKey(int16(kmsg.Fetch), func(k kmsg.Request) (kmsg.Response, error, bool) {
		l.KeepControl()
		limits = append(limits, k.(*kmsg.FetchRequest).Topics[0].Partitions[0].PartitionMaxBytes)
		return nil, nil, false
	})
	require.NoError(t, read(t, s, planned...).err)
	assert.EqualValues(t, 1, limits[0])
	assert.Greater(t, len(limits), 3)
	for _, n := range limits[1:] {
		assert.Less(t, n, int32(32<<10), "these inflate to a thousand times as much")
	}
}

// Messages that are far larger than those before them do not pile up: what
// comes of later partitions waits until the first is read.
func TestLittleWaits(t *testing.T) {
	l := newLab(t)
	l.create("a", 8)
	c := l.client()
	for p := range int32(8) {
		send(t, c, bulk("a", p, 4000, 200)...)
	}
	s := l.source("a")
	s.FetchBytes = 1 << 20
	before := rangesOf(available(t, s))
	require.NoError(t, read(t, s, before...).err)
	for p := range int32(8) {
		for range 50 {
			send(t, c, bulk("a", p, 1, 60<<10)...)
		}
	}
	planned := rangesOf(available(t, s))
	for i := range planned {
		planned[i].From = before[i].To
	}
	var r *reader
	var most int64
	conn, err := s.open()
	require.NoError(t, err)
	r, err = newReader(s, conn, planned, func(stream.Chunk) error {
		var waits int64
		for _, p := range r.ranges {
			for _, b := range p.waiting {
				_, held := new(sharedBuffer).extend(b.FetchResponseBlock)
				waits += held
			}
		}
		most = max(most, waits)
		return nil
	})
	require.NoError(t, err)
	defer r.out.Release()
	require.NoError(t, r.run(t.Context()))
	assert.Positive(t, most)
	assert.Less(t, most, int64(3<<20), "a fetch of each, and what one message is too large by")
}

// sarama rejects a batch of more messages than bytes follow its header
// in the response: more is asked for.
func TestMoreMessagesThanBytes(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	const n = 20_000
	ticks := make([]*kgo.Record, n)
	for i := range ticks {
		ticks[i] = &kgo.Record{Topic: "a", Value: []byte("tick")}
	}
	send(t, l.client(kgo.ProducerBatchCompression(kgo.ZstdCompression())), ticks...)
	send(t, l.client(), bulk("a", 0, 1, 200<<10)...)
	s := l.source("a")
	s.FetchBytes = 1
	assert.Len(t, readAll(t, s).rows, n+1)
}

// A batch that inflates to more than the bound keeps nothing else from being read.
func TestInflatedTooMuch(t *testing.T) {
	l := newLab(t)
	l.create("a", 2)
	c := l.client(kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(100<<20))
	l.fill(c, "a", 0, 0, 10, 5)
	send(t, c, &kgo.Record{Topic: "a", Value: make([]byte, maxInflated+1)})
	l.fill(c, "a", 0, 11, 20, 5)
	l.fill(c, "a", 1, 0, 30, 10)
	s := l.source("a")
	got, unread := &result{accounts: map[string]stream.Account{}}, []stream.Range(nil)
	extents := available(t, s)
	for c, err := range s.Read(t.Context(), rangesOf(extents)) {
		var u *stream.UnreadableError
		if errors.As(err, &u) {
			assert.ErrorIs(t, err, sarama.ErrDecompressedBatchTooLarge)
			assert.Contains(t, err.Error(), "the batch at offset 10 cannot be read")
			unread = append(unread, u.Range)
			continue
		}
		require.NoError(t, err)
		got.add(t, c)
	}
	same(t, slices.Concat(want("a", 0, 0, 10), want("a", 1, 0, 30)), got.rows)
	assert.Equal(t, []stream.Range{{Partition: extents[0].Partition, From: 10, To: extents[0].To}}, unread)
}

// At the end of a partition such a batch cannot be read yet. It keeps nothing else
// from being read, and no offset is lost.
func TestMoreMessagesThanBytesAtTheEnd(t *testing.T) {
	l := newLab(t)
	l.create("a", 2)
	l.create("b", 1)
	const n = 20_000
	c, zstd := l.client(), l.client(kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.MaxBufferedRecords(2*n), kgo.ProducerLinger(2*time.Second)) // one batch
	l.fill(c, "a", 0, 0, 10, 5)
	empty := make([]*kgo.Record, n)
	for i := range empty {
		empty[i] = &kgo.Record{Topic: "a", Value: []byte{}}
	}
	send(t, zstd, empty...)
	l.fill(c, "a", 1, 0, 30, 10)
	l.fill(c, "b", 0, 0, 30, 10)
	s := l.source("a", "b")
	extents := available(t, s)
	got, unread := &result{accounts: map[string]stream.Account{}}, []stream.Range(nil)
	for c, err := range s.Read(t.Context(), rangesOf(extents)) {
		var u *stream.UnreadableError
		if errors.As(err, &u) {
			assert.Contains(t, err.Error(), "kafka: lab/a@")
			assert.Contains(t, err.Error(), "the batch at offset 10 cannot be read: it has more messages than compressed bytes")
			unread = append(unread, u.Range)
			continue
		}
		require.NoError(t, err)
		got.add(t, c)
	}
	same(t, slices.Concat(want("a", 0, 0, 10), want("a", 1, 0, 30), want("b", 0, 0, 30)), got.rows)
	rest := stream.Range{Partition: extents[0].Partition, From: 10, To: 10 + n}
	assert.Equal(t, []stream.Range{rest}, unread)

	send(t, c, bulk("a", 0, 1, 200<<10)...)
	again := read(t, s, rest)
	require.NoError(t, again.err)
	assert.Len(t, again.rows, n)
	assert.Zero(t, again.total().Lost)
}
