package files

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Each of these is one message with all its bytes.
func TestWholeFiles(t *testing.T) {
	noSync := containerOf("null", 5, 2)
	noSync[len(noSync)-1]++
	for name, data := range map[string][]byte{
		"one record":            containerOf("null", 1, 1),
		"one record, deflate":   containerOf("deflate", 1, 1),
		"empty blocks too":      append(containerOf("null", 1, 1), block(0, nil)...),
		"no record":             header("null", testSchema),
		"confluent":             append([]byte{0, 0, 0, 3, 0x84}, record(1)...),
		"garbage":               []byte("this is not an alert at all"),
		"short":                 []byte("x"),
		"empty":                 {},
		"magic only":            []byte("Obj\x01"),
		"cut in the header":     header("null", testSchema)[:40],
		"cut in a block":        containerOf("null", 5, 2)[:200],
		"another sync marker":   noSync,
		"trailing bytes":        append(containerOf("null", 5, 2), 1, 2, 3),
		"more records than fit": append(header("null", testSchema), block(100, record(1))...),
		"2^60 records":          append(header("deflate", testSchema), block(1<<60, record(1))...),
	} {
		file := write(t, member{"a.avro", data}) + "/a.avro"
		for from := range int64(3) {
			r := read(t, &Source{}, open(file, from))
			require.NoError(t, r.err, name)
			assert.Equal(t, []stream.Account{following(file, from, 1)}, r.accounts, name)
			if from == 0 {
				assert.Equal(t, []got{{Topic: file, Key: "-", Value: string(data)}}, r.rows, name)
			} else {
				assert.Empty(t, r.rows, name)
			}
		}
	}
}

func TestRealAlerts(t *testing.T) {
	dir := realAlerts(t)
	r := readAll(t, &Source{Patterns: []string{dir}})
	require.NoError(t, r.err)
	require.NotEmpty(t, r.rows)
	assert.Len(t, r.accounts, len(r.rows))
	for _, row := range r.rows {
		want, err := os.ReadFile(row.Topic)
		require.NoError(t, err)
		assert.True(t, string(want) == row.Value, row.Topic)
		assert.Empty(t, row.Cause)
		assert.Equal(t, "-", row.Key)
		assert.Zero(t, row.Offset)
	}
}

func TestChunkBounds(t *testing.T) {
	var files []member
	for i := range 20 {
		files = append(files, member{fmt.Sprintf("%02d.bin", i), []byte(strings.Repeat("x", 10*i))})
	}
	dir := write(t, files...)
	for _, c := range []struct {
		rows, bytes int
		want        []int
	}{
		{0, 0, []int{20}},
		{8, 0, []int{8, 8, 4}},
		{8, 500, []int{8, 5, 3, 2, 2}},
		{1, 0, ones(20)},
		{100, 1, append([]int{1}, ones(19)...)},
	} {
		s := &Source{Patterns: []string{dir}, ChunkRows: c.rows, ChunkBytes: c.bytes}
		r := readAll(t, s)
		require.NoError(t, r.err)
		assert.Equal(t, c.want, r.perChunk, "%d rows, %d bytes", c.rows, c.bytes)
		assert.Equal(t, r, readAll(t, s), "the same again")
		for i, row := range r.rows {
			assert.Len(t, row.Value, 10*i)
		}
	}
}

func ones(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// The last row of a file comes with the news that the file has ended, though
// the chunk is full by then.
func TestEndComesWithTheLastRow(t *testing.T) {
	dir := write(t, member{"a.avro", containerOf("null", 4, 2)}, member{"b.bin", []byte("b")})
	s := &Source{Patterns: []string{dir}, ChunkRows: 2}
	for c, err := range s.Read(context.Background(), []stream.Range{open(dir+"/a.avro", 0), open(dir+"/b.bin", 0)}) {
		require.NoError(t, err)
		require.Len(t, c.Accounts, 1)
		assert.Positive(t, c.Accounts[0].Read)
		assert.Equal(t, c.Accounts[0].To == 4 || c.Accounts[0].Partition != dir+"/a.avro", c.Accounts[0].End)
	}
}

func TestReadErrors(t *testing.T) {
	dir := write(t, member{"a.bin", []byte("a")}, member{"z.tar/x", nil})
	for _, path := range []string{"a.bin/x", "z.tar", "."} {
		r := read(t, &Source{}, open(dir+"/a.bin", 0), open(dir+"/"+path, 0))
		require.Error(t, r.err, path)
		assert.Contains(t, r.err.Error(), filepath.FromSlash(dir+"/"+path))
		assert.Regexp(t, `^files: `, r.err.Error())
	}
}

// A file that is gone does not keep the others from being read.
func TestVanished(t *testing.T) {
	dir := write(t, member{"a.bin", []byte("a")}, member{"b.bin", []byte("b")})
	for _, name := range []string{"gone.avro", "gone.tar", "gone/x.avro"} {
		gone := dir + "/" + name
		for _, c := range []struct{ asked, lost stream.Range }{
			{open(gone, 0), stream.Range{Partition: gone, From: 0, To: 1}},
			{open(gone, 3), stream.Range{Partition: gone, From: 3, To: 4}},
			{stream.Range{Partition: gone, From: 2, To: 9}, stream.Range{Partition: gone, From: 2, To: 9}},
		} {
			r := read(t, &Source{}, open(dir+"/a.bin", 0), c.asked, open(dir+"/b.bin", 0))
			require.NoError(t, r.err)
			assert.Len(t, r.rows, 2)
			assert.Equal(t, []stream.Account{
				account(dir+"/a.bin", 0, 1, true), {Range: c.lost, Lost: c.lost.Len(), End: true}, account(dir+"/b.bin", 0, 1, true),
			}, r.accounts)
		}
	}
}

// A service was killed after its plan, and a planned file was moved away. If that
// were an ordinary error, no restart could succeed.
func TestVanishedAfterThePlan(t *testing.T) {
	ctx := t.Context()
	dir, ledgers := write(t, member{"a.bin", []byte("a")}, member{"b.bin", []byte("b")}), store.NewMemory()
	start := func(recordLost bool, sink error) (stream.Progress, error) {
		l, err := ledger.Open(ctx, ledgers, "ledger", nil)
		require.NoError(t, err)
		m := &stream.MicroBatch{
			Source: &Source{Patterns: []string{dir}}, Ledger: l, RecordLost: recordLost, Log: slog.New(slog.DiscardHandler),
			Sink: stream.SinkFunc(func(context.Context, stream.Rows) error { return stream.Permanent(sink) }),
		}
		err = m.Drain(ctx)
		return m.Progress(), err
	}
	killed := errors.New("killed")
	_, err := start(false, killed)
	require.ErrorIs(t, err, killed)
	require.NoError(t, os.Remove(dir+"/a.bin"))
	_, err = start(false, nil)
	var lost *stream.LostError
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, dir+"/a.bin", lost.Partition)
	p, err := start(true, nil)
	require.NoError(t, err)
	assert.Equal(t, []int64{1, 1}, []int64{p.Lost, p.Read})
	p, err = start(false, nil)
	require.NoError(t, err)
	assert.Zero(t, p.Batches)
}

func TestCancelledContext(t *testing.T) {
	dir := write(t, member{"a.avro", containerOf("null", 10, 1)}, member{"b.tar", tarOf(t, member{"x", nil})})
	for _, name := range []string{"a.avro", "b.tar"} {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var errs []error
		for c, err := range (&Source{}).Read(ctx, []stream.Range{open(dir+"/"+name, 0)}) {
			assert.Empty(t, c)
			errs = append(errs, err)
		}
		assert.Equal(t, []error{context.Canceled}, errs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	chunks := 0
	for _, err := range (&Source{ChunkRows: 1}).Read(ctx, []stream.Range{open(dir+"/a.avro", 0)}) {
		if chunks++; chunks == 2 {
			require.Equal(t, context.Canceled, err)
		}
		cancel()
	}
	assert.Equal(t, 2, chunks)
}

// A consumer that stops gets no more, not even an error, and nothing leaks.
func TestEarlyStop(t *testing.T) {
	dir := write(t,
		member{"a.avro", padded(containerOf("deflate", 10, 3))},
		member{"b.tar", tarOf(t, member{"x", padded(containerOf("null", 10, 3))}, member{"y", []byte("y")})})
	for _, name := range []string{"a.avro", "b.tar"} {
		for _, limit := range []int64{0, 400} { // 400: the container is read block by block
			for stop := 1; stop < 10; stop++ {
				mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
				s := &Source{Alloc: mem, ChunkRows: 1, MaxMessage: limit}
				n := 0
				for _, err := range s.Read(context.Background(), []stream.Range{open(dir+"/"+name, 0), open(dir+"/none", 0)}) {
					require.NoError(t, err)
					if n++; n == stop {
						break
					}
				}
				mem.AssertSize(t, 0)
			}
		}
	}
}

// A chunk that is retained outlives the reader and its buffers.
func TestRetain(t *testing.T) {
	mem := memory.NewCheckedAllocator(dirty{memory.DefaultAllocator})
	dir := write(t, member{"a.avro", containerOf("snappy", 100, 7)})
	var chunks []stream.Chunk
	for c, err := range (&Source{Alloc: mem, ChunkRows: 9, ChunkBytes: 2000}).Read(context.Background(), []stream.Range{open(dir+"/a.avro", 0)}) {
		require.NoError(t, err)
		c.Messages.Retain()
		chunks = append(chunks, c)
	}
	var r result
	for _, c := range chunks {
		r.add(t, c)
		c.Messages.Release()
	}
	mem.AssertSize(t, 0)
	require.Len(t, r.rows, 100)
	for i, row := range r.rows {
		assert.Equal(t, got{Topic: dir + "/a.avro", Offset: int64(i), Key: testSchema, Value: string(record(i))}, row)
	}
}

// A file of which some records are committed, and that now has fewer, is not
// the file that was begun.
func TestReplacedByShorter(t *testing.T) {
	dir := write(t, member{"a.avro", containerOf("null", 3, 1)}, member{"b.tar", tarOf(t, member{"x", nil})}, member{"c.bin", nil})
	for name, n := range map[string]int64{"a.avro": 3, "b.tar": 1, "c.bin": 1} {
		file := dir + "/" + name
		for from := n + 1; from < n+3; from++ {
			for to, lost := range map[int64]int64{ledger.UnknownEnd: 1, from + 1: 1, from + 9: 9} {
				r := read(t, &Source{}, stream.Range{Partition: file, From: from, To: to}, open(dir+"/c.bin", 0))
				require.NoError(t, r.err)
				assert.Equal(t, []stream.Account{
					{Range: stream.Range{Partition: file, From: from, To: from + lost}, Lost: lost, End: true}, account(dir+"/c.bin", 0, 1, true),
				}, r.accounts)
			}
		}
		assert.Equal(t, []stream.Account{account(file, n, n, true)}, read(t, &Source{}, open(file, n)).accounts, "all was read")
	}
}
