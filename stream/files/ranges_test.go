package files

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/streamtest"
)

// What any source promises: two ranges of a file in one Read, too.
func TestConformance(t *testing.T) {
	dir := write(t,
		member{"a.avro", containerOf("deflate", 23, 4)}, member{"b.avro", containerOf("null", 1, 1)},
		member{"c.tar.gz", gzipOf(tarOf(t, night...))}, member{"d.avro", containerOf("snappy", 9, 9)})
	bothWays(t, func(t *testing.T, s *Source) {
		s.Patterns = []string{dir}
		for _, s.ChunkRows = range []int{0, 1, 3, 5} {
			assert.NoError(t, streamtest.TestSource(s))
		}
	})
}

// Each range has its account, also where one begins or ends where another does.
func TestTwoRangesOfAFile(t *testing.T) {
	file := write(t, member{"a.avro", containerOf("null", 9, 2)}) + "/a.avro"
	of := func(from, to int64) stream.Range { return stream.Range{Partition: file, From: from, To: to} }
	for _, ranges := range [][]stream.Range{
		{of(6, 8), of(1, 3)}, {of(1, 3), of(3, 8)}, {of(3, 8), of(1, 3)}, {of(5, 9), open(file, 9)}, {open(file, 9), of(5, 9)},
		{of(2, 4), of(4, 5), of(5, 6)},
	} {
		var accounts []stream.Account
		rows := 0
		for c, err := range (&Source{}).Read(t.Context(), ranges) {
			require.NoError(t, err)
			accounts = append(accounts, c.Accounts...)
			rows += int(c.Messages.NumRows())
		}
		require.Len(t, accounts, len(ranges), "%v", ranges)
		for i, a := range accounts {
			want := account(file, ranges[i].From, min(ranges[i].To, 9), ranges[i].To >= 9)
			assert.Equal(t, want, a)
			rows -= int(a.Read)
		}
		assert.Zero(t, rows)
	}
}
