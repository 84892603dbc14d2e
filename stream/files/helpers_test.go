package files

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

const testSchema = `{"type":"record","name":"r","fields":[{"name":"id","type":"long"},{"name":"text","type":"string"}]}`

var testSync = bytes.Repeat([]byte{0xa5}, 16)

func long(v int64) []byte { return binary.AppendVarint(nil, v) }

func blob(s string) []byte { return append(long(int64(len(s))), s...) }

// record is a datum by testSchema, long enough not to be inlined in a view.
func record(id int) []byte {
	return append(long(int64(id)), blob(strings.Repeat("text ", 3+id%5))...)
}

// records is the data of a block with the records from, from+1, … to-1.
func records(from, to int) []byte {
	var b []byte
	for id := from; id < to; id++ {
		b = append(b, record(id)...)
	}
	return b
}

func header(codec, schema string) []byte {
	b := append([]byte("Obj\x01"), long(2)...)
	for _, s := range []string{"avro.schema", schema, "avro.codec", codec} {
		b = append(b, blob(s)...)
	}
	return append(append(b, long(0)...), testSync...)
}

// block is a block as stored: data is compressed already.
func block(count int, data []byte) []byte {
	return bytes.Join([][]byte{long(int64(count)), long(int64(len(data))), data, testSync}, nil)
}

func compressed(codec string, data []byte) []byte {
	switch codec {
	case "deflate":
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 6)
		_, _ = w.Write(data)
		_ = w.Close()
		return b.Bytes()
	case "snappy":
		return binary.BigEndian.AppendUint32(snappy.Encode(nil, data), crc32.ChecksumIEEE(data))
	}
	return data
}

// containerOf returns a container of n records, split into blocks.
func containerOf(codec string, n, perBlock int) []byte {
	b := header(codec, testSchema)
	for from := 0; from < n; from += perBlock {
		to := min(n, from+perBlock)
		b = append(b, block(to-from, compressed(codec, records(from, to)))...)
	}
	return b
}

// padded returns a container followed by empty blocks, of more than 400 bytes.
func padded(container []byte) []byte {
	return append(container, bytes.Repeat(block(0, nil), 25)...)
}

type member struct {
	name string
	data []byte
}

func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(m.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		require.NoError(t, w.WriteHeader(h))
		_, err := w.Write(m.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func gzipOf(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// write makes files below a new directory and returns it, slash-separated
// and absolute. Contents are given in pairs with names.
func write(t testing.TB, files ...member) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, f.data, 0o644))
	}
	return filepath.ToSlash(dir)
}

// got is a row as a test sees it.
type got struct {
	Topic  string
	Offset int64
	Key    string // "-" where null
	Value  string
	Cause  string
}

// result is all that a Read yielded.
type result struct {
	rows     []got
	perChunk []int
	weights  []int64 // a chunk
	accounts []stream.Account
	err      error
}

// read reads the ranges under a checked allocator that returns dirty memory,
// and checks all that holds of any read.
func read(t testing.TB, s *Source, ranges ...stream.Range) result {
	t.Helper()
	mem := memory.NewCheckedAllocator(dirty{memory.DefaultAllocator})
	defer mem.AssertSize(t, 0)
	s.Alloc = mem
	var out result
	for c, err := range s.Read(context.Background(), ranges) {
		if err != nil {
			out.err = err
			break
		}
		out.add(t, c)
	}
	return out
}

// readAll reads all that there is.
func readAll(t testing.TB, s *Source) result {
	t.Helper()
	extents, err := s.Available(context.Background())
	require.NoError(t, err)
	var ranges []stream.Range
	for _, e := range extents {
		ranges = append(ranges, e.Range)
	}
	return read(t, s, ranges...)
}

func (r *result) add(t testing.TB, c stream.Chunk) {
	t.Helper()
	n := 0
	if c.Messages != nil {
		n = int(c.Messages.NumRows())
		assert.True(t, c.Messages.Schema().Equal(stream.MessageSchema))
	}
	rows := make([]got, n)
	for i := range rows {
		rows[i] = got{
			Topic:  c.Messages.Column(stream.ColTopic).(*array.String).Value(i),
			Offset: c.Messages.Column(stream.ColOffset).(*array.Int64).Value(i),
			Key:    "-",
			Value:  string(c.Messages.Column(stream.ColValue).(*array.BinaryView).Value(i)),
		}
		assert.True(t, c.Messages.Column(stream.ColValue).IsValid(i))
		assert.True(t, c.Messages.Column(stream.ColTime).IsNull(i))
		assert.Zero(t, c.Messages.Column(stream.ColPartition).(*array.Int32).Value(i))
		if key := c.Messages.Column(stream.ColKey); key.IsValid(i) {
			rows[i].Key = string(key.(*array.BinaryView).Value(i))
		}
	}
	last := -1
	for _, j := range c.Rejects {
		require.Greater(t, j.Row, last, "rejects in order")
		require.NotEmpty(t, j.Cause)
		rows[j.Row].Cause = j.Cause
		last = j.Row
	}
	sum := 0
	for _, a := range c.Accounts {
		require.Equal(t, a.To-a.From, a.Read+a.Lost)
		sum += int(a.Read)
		r.account(t, a)
	}
	require.Equal(t, n, sum, "rows are what the accounts say")
	require.NotEmpty(t, c.Accounts)
	r.rows = append(r.rows, rows...)
	r.perChunk = append(r.perChunk, n)
	r.weights = append(r.weights, c.Weight)
}

// account joins an account to the ones before, as an engine does.
func (r *result) account(t testing.TB, a stream.Account) {
	t.Helper()
	if n := len(r.accounts); n > 0 && r.accounts[n-1].Partition == a.Partition && !r.accounts[n-1].End {
		last := &r.accounts[n-1]
		require.Equal(t, last.To, a.From, "no gap")
		last.To, last.End = a.To, a.End
		last.Read += a.Read
		return
	}
	r.accounts = append(r.accounts, a)
}

// account returns the account of messages only.
func account(partition string, from, to int64, end bool) stream.Account {
	return stream.Account{
		Range: stream.Range{Partition: partition, From: from, To: to}, End: end, Read: to - from,
	}
}

// following is the account of what follows from in a file of n records. If from
// lies beyond them, the file is another one than it was.
func following(partition string, from, n int64) stream.Account {
	if from <= n {
		return account(partition, from, n, true)
	}
	a := account(partition, from, from+1, true)
	a.Read, a.Lost = 0, 1
	return a
}

func open(partition string, from int64) stream.Range {
	return stream.Range{Partition: partition, From: from, To: ledger.UnknownEnd}
}

// dirty is an allocator whose memory has been used before.
type dirty struct{ memory.Allocator }

func (d dirty) Allocate(n int) []byte {
	b := d.Allocator.Allocate(n)
	for at := copy(b, "\xdb"); 0 < at && at < len(b); at *= 2 { // byte by byte is slow under -race
		copy(b[at:], b[:at])
	}
	return b
}

// realAlerts returns the directory of the shared sample of alerts.
func realAlerts(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.mod above")
		dir = filepath.Dir(dir)
	}
	alerts := filepath.Join(dir, "../shared/alerts")
	if _, err := os.Stat(alerts); err != nil {
		t.Skip("no real alerts here")
	}
	return alerts
}
