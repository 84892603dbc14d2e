package kafka

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/skyfinch/skyfinch/stream"
)

// byRange reads ranges, of which several may be of one partition, and returns
// the sum of the accounts of each. Accounts of a range must follow each other
// without a gap, and none may be of two ranges.
func byRange(t *testing.T, s *Source, ranges ...stream.Range) (sums []stream.Account, rows []got, chunks []string) {
	t.Helper()
	out := new(result)
	for _, r := range ranges {
		sums = append(sums, stream.Account{Range: stream.Range{Partition: r.Partition, From: r.From, To: r.From}})
	}
	for c, err := range s.Read(t.Context(), ranges) {
		require.NoError(t, err)
		for _, a := range c.Accounts {
			j := slices.IndexFunc(sums, func(x stream.Account) bool { return x.Partition == a.Partition && x.To == a.From && a.From < a.To })
			if j >= 0 && sums[j].To == ranges[j].To { // it is the one that begins there
				j = slices.IndexFunc(ranges, func(r stream.Range) bool { return r.Partition == a.Partition && r.From == a.From })
			}
			require.GreaterOrEqual(t, j, 0, "%v follows no range's last account: %v", a, sums)
			require.LessOrEqual(t, a.To, ranges[j].To, "%v is of two ranges", a)
			x := &sums[j]
			x.To, x.Read, x.Control, x.Aborted = a.To, x.Read+a.Read, x.Control+a.Control, x.Aborted+a.Aborted
			x.Compacted, x.Lost = x.Compacted+a.Compacted, x.Lost+a.Lost
		}
		n := 0
		if c.Messages != nil {
			n = int(c.Messages.NumRows())
		}
		for i := range n {
			out.rows = append(out.rows, row(c, i))
		}
		bounds := ""
		for _, a := range c.Accounts {
			bounds += a.String()
		}
		out.chunks = append(out.chunks, bounds)
	}
	for i, r := range ranges {
		require.Equal(t, r, sums[i].Range)
	}
	return sums, out.rows, out.chunks
}

// Ranges of one partition, adjacent or in any order, yield the same messages and
// accounts as alone, with transactions across them and for any size of a fetch.
func TestRangesOfOnePartition(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 11))
		m := newModel(rng, 20+rng.IntN(60))
		l := m.lab(t)
		e := available(t, l.source("a"))[0].Range
		cuts := []int64{e.From, e.To}
		for range 3 {
			cuts = append(cuts, rng.Int64N(e.To))
		}
		slices.Sort(cuts)
		cuts = slices.Compact(cuts)
		var ranges []stream.Range
		for i := range len(cuts) - 1 {
			if i == 1 && seed%2 == 0 {
				continue // a gap
			}
			ranges = append(ranges, stream.Range{Partition: e.Partition, From: cuts[i], To: cuts[i+1]})
		}
		rng.Shuffle(len(ranges), func(i, j int) { ranges[i], ranges[j] = ranges[j], ranges[i] })
		var alone []stream.Account
		var wanted []got
		for _, r := range ranges {
			sums, rows, _ := byRange(t, l.source("a"), r)
			alone, wanted = append(alone, sums...), append(wanted, rows...)
		}
		var first []string
		for _, size := range []int{8 << 20, 1, 100, 1000} {
			s := l.source("a")
			s.FetchBytes = size
			sums, rows, chunks := byRange(t, s, ranges...)
			assert.Equal(t, alone, sums, "seed %d", seed)
			same(t, wanted, rows)
			if first == nil {
				first = chunks
			}
			assert.Equal(t, first, chunks, "seed %d: equal ranges, equal chunks", seed)
			require.NoError(t, s.Close())
		}
		l.Close()
	}
}

// No request names a partition twice, and partitions still go together.
func TestRangesShareNoRequest(t *testing.T) {
	l := newLab(t)
	l.create("a", 3)
	c := l.client()
	x := l.begin("x")
	for p := range int32(2) {
		l.fill(c, "a", p, 0, 300, 10)
	}
	x.send(records("a", 0, 300, 310)...)
	x.send(records("a", 1, 300, 310)...)
	for p := range int32(2) {
		l.fill(c, "a", p, 310, 600, 10)
	}
	x.end(false)
	l.fill(c, "a", 2, 0, 100, 10)
	s := l.source("a")
	e := available(t, s)
	var news, old []stream.Range
	for _, x := range e {
		half := (x.From + x.To) / 2
		news = append(news, stream.Range{Partition: x.Partition, From: half, To: x.To})
		old = append(old, stream.Range{Partition: x.Partition, From: x.From, To: half})
	}
	whole := map[got]bool{}
	for _, r := range readAll(t, s).rows {
		whole[r] = true
	}
	most := 0
	l.ControlKey(int16(kmsg.Fetch), func(k kmsg.Request) (kmsg.Response, error, bool) {
		l.KeepControl()
		named := map[int32]bool{}
		for _, p := range k.(*kmsg.FetchRequest).Topics[0].Partitions {
			assert.False(t, named[p.Partition])
			named[p.Partition] = true
		}
		most = max(most, len(named))
		return nil, nil, false
	})
	sums, rows, _ := byRange(t, s, slices.Concat(news, old)...)
	assert.Len(t, rows, len(whole))
	for _, r := range rows {
		assert.True(t, whole[r])
		delete(whole, r)
	}
	assert.Equal(t, 3, most)
	assert.EqualValues(t, 0, rows[0].partition)
	assert.GreaterOrEqual(t, rows[0].offset, news[0].From, "what is listed first comes first")
	var aborted int64
	for _, a := range sums {
		aborted += a.Aborted
	}
	assert.EqualValues(t, 20, aborted)
}

// Offsets that are gone of one range are lost of that range alone.
func TestRangesOfWhatIsGone(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	c := l.client()
	l.fill(c, "a", 0, 0, 100, 10)
	s := l.source("a")
	p := available(t, s)[0].Partition
	l.deleteRecords(c, "a", 0, 20)
	sums, rows, _ := byRange(t, s,
		stream.Range{Partition: p, From: 60, To: 100}, stream.Range{Partition: p, From: 10, To: 40}, stream.Range{Partition: p, From: 0, To: 10})
	assert.Zero(t, sums[0].Lost)
	assert.EqualValues(t, 10, sums[1].Lost)
	assert.EqualValues(t, 10, sums[2].Lost)
	same(t, append(want("a", 0, 60, 100), want("a", 0, 20, 40)...), rows)
}
