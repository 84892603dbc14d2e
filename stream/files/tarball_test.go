package files

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

var night = []member{
	{"night/", nil},
	{"night/1.avro", containerOf("null", 1, 1)},
	{"night/._1.avro", []byte("what macOS adds")},
	{"night/_SUCCESS", nil},
	{"night/several.avro", padded(containerOf("snappy", 5, 2))},
	{"./night/wire", []byte("\x00\x00\x00\x03\x84 and a datum")},
	{"../empty.txt", nil},
	{"odd\xff.avro", []byte("a name that is not UTF-8")},
}

// nightRows is what the archive of night must give.
func nightRows(archive string) []got {
	rows := []got{{Topic: archive + "/night/1.avro", Key: "-", Value: string(night[1].data)}}
	rows = append(rows, several(archive+"/night/several.avro", 5)...)
	return append(rows,
		got{Topic: archive + "/night/wire", Key: "-", Value: string(night[5].data)},
		got{Topic: archive + "/empty.txt", Key: "-"},
		got{Topic: archive + "/odd\uFFFD.avro", Key: "-", Value: string(night[7].data)})
}

func TestTarballs(t *testing.T) {
	plain := tarOf(t, night...)
	gz := gzipOf(plain)
	halves := append(gzipOf(plain[:3000]), gzipOf(plain[3000:])...)
	for name, data := range map[string][]byte{
		"a.tar": plain, "a.tar.gz": gz, "a.tgz": halves, "plain.tgz": plain, "gzipped.tar": gz,
	} {
		file := write(t, member{name, data}) + "/" + name
		bothWays(t, func(t *testing.T, s *Source) {
			want := nightRows(file)
			n := int64(len(want))
			for k := range n + 2 {
				head := read(t, s, stream.Range{Partition: file, To: k})
				require.NoError(t, head.err)
				rest := read(t, s, open(file, k))
				require.NoError(t, rest.err)
				assert.Equal(t, want, append(head.rows, rest.rows...), "%s from %d", name, k)
				assert.Equal(t, []stream.Account{account(file, 0, min(k, n), k >= n)}, head.accounts)
				assert.Equal(t, []stream.Account{following(file, k, n)}, rest.accounts)
			}
		})
	}
}

// A tar reader stops at the end of the first archive; what follows is data
// all the same.
func TestConcatenatedTarballs(t *testing.T) {
	one, two := tarOf(t, member{"1", []byte("one")}), tarOf(t, member{"2", []byte("two")})
	padded := append(bytes.Clone(one), make([]byte, 10240)...)
	for name, data := range map[string][]byte{
		"a.tar": append(bytes.Clone(one), two...), "b.tar": append(padded, two...), "c.tgz": append(gzipOf(one), gzipOf(two)...),
	} {
		r := read(t, &Source{}, open(write(t, member{name, data})+"/"+name, 0))
		require.NoError(t, r.err)
		require.Len(t, r.rows, 2, name)
		assert.Equal(t, "one", r.rows[0].Value)
		assert.Equal(t, "two", r.rows[1].Value)
		assert.Empty(t, r.rows[1].Cause)
	}
}

// Wherever an archive is truncated, the complete members are read and one reject
// reports the damage.
func TestTruncatedTarball(t *testing.T) {
	plain := tarOf(t, night...)
	for name, data := range map[string][]byte{"a.tar": plain[:len(plain)-1024], "a.tgz": gzipOf(plain)} {
		for cut := 0; cut < len(data); cut += 97 {
			file := write(t, member{name, data[:cut]}) + "/" + name
			r := read(t, &Source{}, open(file, 0))
			require.NoError(t, r.err)
			want := nightRows(file)
			n := len(r.rows) - 1
			require.GreaterOrEqual(t, n, 0, "%s cut at %d", name, cut)
			assert.Equal(t, want[:n], r.rows[:n])
			assert.Equal(t, file, r.rows[n].Topic)
			assert.Equal(t, int64(n), r.rows[n].Offset)
			assert.Empty(t, r.rows[n].Value)
			assert.Contains(t, r.rows[n].Cause, "files: "+file+": ")
			assert.Equal(t, []stream.Account{account(file, 0, int64(n)+1, true)}, r.accounts)
			again := read(t, &Source{}, open(file, int64(n)))
			assert.Equal(t, r.rows[n:], again.rows)
		}
	}
}

func TestDamagedTarball(t *testing.T) {
	plain := tarOf(t, member{"1", []byte("one")}, member{"2", []byte("two")})
	sum := gzipOf(plain)
	sum[len(sum)-5]++
	head := bytes.Clone(plain)
	head[1024+150]++
	for name, c := range map[string]struct {
		data []byte
		good int
	}{
		"checksum.tgz": {sum, 2}, "header.tar": {head, 1},
		"trailing.tar": {append(bytes.Clone(plain), strings.Repeat("junk", 200)...), 2},
		"short.tar":    {append(bytes.Clone(plain), "junk"...), 2},
		"junk.tgz":     {[]byte("\x1f\x8bjunk that is no gzip"), 0},
		"empty.tar":    {nil, 0}, "empty.tar.gz": {nil, 0},
	} {
		file := write(t, member{name, c.data}) + "/" + name
		r := read(t, &Source{}, open(file, 0))
		require.NoError(t, r.err)
		require.Len(t, r.rows, c.good+1, name)
		assert.NotEmpty(t, r.rows[c.good].Cause)
		assert.Equal(t, []stream.Account{account(file, 0, int64(c.good)+1, true)}, r.accounts)
	}
	r := read(t, &Source{}, open(write(t, member{"a.tar", tarOf(t)})+"/a.tar", 0))
	require.NoError(t, r.err)
	assert.Empty(t, r.rows, "a sound archive of nothing")
	assert.Equal(t, account(r.accounts[0].Partition, 0, 0, true), r.accounts[0])
}

// brokenDisk fails after some bytes.
type brokenDisk struct{ r io.Reader }

var errDisk = errors.New("input/output error")

func (b brokenDisk) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		err = errDisk
	}
	return n, err
}

// A read error of the disk must not be taken for damage or the end of the archive.
func TestDiskError(t *testing.T) {
	data := gzipOf(tarOf(t, night...))
	for cut := 0; cut < len(data); cut += 31 {
		rows := 0
		r := (&Source{ChunkRows: 1}).reader(func(c stream.Chunk) error {
			rows++
			assert.Empty(t, c.Rejects)
			return nil
		})
		r.rng = stream.Range{Partition: "/a.tgz", To: ledger.UnknownEnd}
		err := r.tarball(t.Context(), "/a.tgz", brokenDisk{bytes.NewReader(data[:cut])})
		assert.ErrorIs(t, err, errDisk, "%d", cut)
		assert.ErrorContains(t, err, "files: read /a.tgz: ")
		r.close()
	}
}

// sparse is an archive by GNU tar of a file that is one hole, and an alert.
func sparse(t *testing.T, size string) []byte {
	h := make([]byte, 512)
	copy(h, "hole")
	copy(h[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00")
	h[156] = 'S'
	copy(h[257:], "ustar  \x00")
	copy(h[386:], size+"\x0000000000000\x00") // one entry: a hole up to size, then nothing
	copy(h[483:], size+"\x00")
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return append(h, tarOf(t, member{"1", []byte("one")})...)
}

func TestSparseMember(t *testing.T) {
	file := write(t, member{"a.tar", sparse(t, "77777777777")}) + "/a.tar"
	r := read(t, &Source{}, open(file, 0))
	require.NoError(t, r.err)
	require.Len(t, r.rows, 2)
	assert.Equal(t, "files: "+file+"/hole: sparse member of 8589934591 bytes", r.rows[0].Cause)
	assert.Equal(t, "one", r.rows[1].Value)
}

// endless has endless zeros after its head. It counts its reads and cancels a context
// at one of them.
type endless struct {
	head   io.Reader
	reads  int
	last   int
	cancel context.CancelFunc
}

func (e *endless) Read(p []byte) (int, error) {
	if e.reads++; e.reads == e.last {
		e.cancel()
	}
	n, _ := e.head.Read(p)
	clear(p[n:])
	return len(p), nil
}

// Whatever is being passed over, the end of the context ends it, and is not
// taken for damage.
func TestCancelledWhileSkipping(t *testing.T) {
	skipped := tarHeader(t, "_hidden", 1<<40)
	tooLarge := tarHeader(t, "large.avro", 1<<40)
	for name, head := range map[string][]byte{
		"member": skipped, "too large": tooLarge, "blocks": append(bytes.Clone(tooLarge), append(header("null", testSchema), block(1<<20, nil)[:3]...)...),
	} {
		for last := 1; last < 5; last++ {
			ctx, cancel := context.WithCancel(t.Context())
			src := &endless{head: bytes.NewReader(head), last: last, cancel: cancel}
			r := (&Source{}).reader(func(c stream.Chunk) error { return fmt.Errorf("a chunk: %v", c) })
			r.rng = stream.Range{Partition: "/a.tar", To: ledger.UnknownEnd}
			assert.Equal(t, context.Canceled, r.tarball(ctx, "/a.tar", src), name)
			assert.LessOrEqual(t, src.reads, last+1, name)
			r.close()
		}
	}
}

// countdown is a context that is done after a number of calls of Err.
type countdown struct {
	context.Context
	n int
}

func (c *countdown) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

// A gzip stream inflates to far more than one read of the disk brings.
func TestCancelledWhileInflating(t *testing.T) {
	const size = 16 << 20
	disk := bytes.NewReader(gzipOf(append(tarHeader(t, "_hidden", size), make([]byte, size)...)))
	require.Less(t, disk.Len(), 256<<10, "one read of the disk has it all")
	r := (&Source{}).reader(nil)
	defer r.close()
	r.rng = stream.Range{Partition: "/a.tgz", To: ledger.UnknownEnd}
	assert.Equal(t, context.Canceled, r.tarball(&countdown{t.Context(), 100}, "/a.tgz", disk))
	assert.Zero(t, r.next)
}

// It can also inflate to nothing, however much is read.
func TestCancelledWhileNothingComes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	empty := bytes.Repeat(gzipOf(nil), 100)
	reads := 0
	r := (&Source{}).reader(nil)
	defer r.close()
	r.rng = stream.Range{Partition: "/a.tgz", To: ledger.UnknownEnd}
	err := r.tarball(ctx, "/a.tgz", readerFunc(func(p []byte) (int, error) {
		if reads++; reads == 3 {
			cancel()
		}
		if reads > 50 {
			return 0, io.EOF
		}
		return copy(p, empty), nil
	}))
	assert.Equal(t, context.Canceled, err)
	assert.Equal(t, 3, reads)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// tarHeader begins an archive with a member of this size.
func tarHeader(t *testing.T, name string, size int64) []byte {
	var b bytes.Buffer
	require.NoError(t, tar.NewWriter(&b).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg}))
	return b.Bytes()
}

// Padding is bounded: endless zeros do not hang the reader.
func TestEndlessPadding(t *testing.T) {
	plain := tarOf(t, member{"1", []byte("one")})
	src := &endless{head: bytes.NewReader(plain)}
	r := (&Source{}).reader(func(stream.Chunk) error { return nil })
	r.rng = stream.Range{Partition: "/a.tar", To: ledger.UnknownEnd}
	require.NoError(t, r.tarball(t.Context(), "/a.tar", src))
	assert.Equal(t, int64(1), r.next)
	assert.Less(t, src.reads, 100)
	r.close()

	sum := gzipOf(append(plain, make([]byte, 2<<20)...))
	sum[len(sum)-5]++ // nobody looks there
	file := write(t, member{"a.tgz", sum}) + "/a.tgz"
	got := read(t, &Source{}, open(file, 0))
	assert.Equal(t, []stream.Account{account(file, 0, 1, true)}, got.accounts)
	assert.Empty(t, got.rows[0].Cause)
}
