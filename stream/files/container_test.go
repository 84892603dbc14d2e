package files

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// bothWays calls f with a limit above the file's size and with one below it,
// where it is read block by block; both must find the same.
func bothWays(t *testing.T, f func(t *testing.T, s *Source)) {
	t.Run("in memory", func(t *testing.T) { f(t, &Source{}) })
	t.Run("by blocks", func(t *testing.T) { f(t, &Source{MaxMessage: 400}) })
}

// several is what a sound container of n records must give.
func several(topic string, n int) []got {
	out := make([]got, n)
	for i := range out {
		out[i] = got{Topic: topic, Offset: int64(i), Key: testSchema, Value: string(record(i))}
	}
	return out
}

func TestSeveralRecords(t *testing.T) {
	for _, codec := range []string{"null", "deflate", "snappy"} {
		for _, perBlock := range []int{1, 3, 7, 10} {
			data := containerOf(codec, 40, perBlock)
			data = append(append(data, block(0, compressed(codec, nil))...), block(1, compressed(codec, record(40)))...)
			file := write(t, member{"a.avro", padded(data)}) + "/a.avro"
			bothWays(t, func(t *testing.T, s *Source) {
				r := read(t, s, open(file, 0))
				require.NoError(t, r.err)
				assert.Equal(t, several(file, 41), r.rows, "%s, %d a block", codec, perBlock)
				assert.Equal(t, []stream.Account{account(file, 0, 41, true)}, r.accounts)
			})
		}
	}
}

// Any way to cut a file into ranges gives the same rows, and the last range
// alone has the end.
func TestResume(t *testing.T) {
	const n = 12
	file := write(t, member{"a.avro", padded(containerOf("deflate", n, 5))}) + "/a.avro"
	bothWays(t, func(t *testing.T, s *Source) {
		all := several(file, n)
		for k := int64(0); k <= n+1; k++ {
			head := read(t, s, stream.Range{Partition: file, From: 0, To: k})
			require.NoError(t, head.err)
			assert.Equal(t, []stream.Account{account(file, 0, min(k, n), k >= n)}, head.accounts)
			rest := read(t, s, open(file, k))
			require.NoError(t, rest.err)
			assert.Equal(t, []stream.Account{following(file, k, n)}, rest.accounts)
			assert.Equal(t, all, append(head.rows, rest.rows...))
			if k < n {
				one := read(t, s, stream.Range{Partition: file, From: k, To: k + 1})
				assert.Equal(t, all[k:k+1], one.rows)
				assert.Equal(t, []stream.Account{account(file, k, k+1, k == n-1)}, one.accounts)
			}
		}
	})
}

// Damage inside a block costs that block's records and no others.
func TestDamagedBlock(t *testing.T) {
	bad := records(5, 10)
	at := len(record(5)) + len(record(6))
	bad[at+1] = 0xff // the length of the third text
	snap := compressed("snappy", records(5, 10))
	snap[len(snap)-1]++
	cut := compressed("deflate", records(5, 10))[:20]
	for _, c := range []struct {
		name, codec string
		stored      []byte
		good        int
		value       []byte
		cause       string
	}{
		{"datum", "null", bad, 2, bad[at:], "text"},
		{"checksum", "snappy", snap, 0, snap, "checksum"},
		{"cut stream", "deflate", cut, 0, cut, "EOF"},
	} {
		data := header(c.codec, testSchema)
		data = append(data, block(5, compressed(c.codec, records(0, 5)))...)
		data = append(data, block(5, c.stored)...)
		data = append(data, block(3, compressed(c.codec, records(10, 13)))...)
		file := write(t, member{"a.avro", padded(data)}) + "/a.avro"
		bothWays(t, func(t *testing.T, s *Source) {
			r := read(t, s, open(file, 0))
			require.NoError(t, r.err)
			require.Len(t, r.rows, 13, c.name)
			assert.Equal(t, []stream.Account{account(file, 0, 13, true)}, r.accounts)
			want := several(file, 13)
			for i, row := range r.rows {
				if lost := i >= 5+c.good && i < 10; !lost {
					assert.Equal(t, want[i], row, c.name)
					continue
				}
				assert.Equal(t, int64(i), row.Offset)
				assert.Contains(t, row.Cause, "files: "+file+": block 1: ")
				assert.Contains(t, row.Cause, c.cause)
				if i == 5+c.good {
					assert.Equal(t, string(c.value), row.Value)
				} else {
					assert.Empty(t, row.Value)
				}
			}
			for k := range int64(14) {
				tail := read(t, s, open(file, k))
				assert.Equal(t, r.rows[k:], append([]got{}, tail.rows...), "from %d", k)
			}
		})
	}
}

// What remains of a block belongs to its last record: the decoder will see
// that it is too long or too short.
func TestLastRecordTakesTheRest(t *testing.T) {
	data := append(header("null", testSchema), block(2, append(records(0, 2), "rest"...))...)
	file := write(t, member{"a.avro", data}) + "/a.avro"
	r := read(t, &Source{}, open(file, 0))
	require.Len(t, r.rows, 2)
	assert.Equal(t, string(record(1))+"rest", r.rows[1].Value)
}

func TestUnknownSchemaAndCodec(t *testing.T) {
	for _, c := range []struct{ codec, schema, cause string }{
		{"null", `"int"`, "avroarrow"}, {"brotli", testSchema, `"brotli"`},
	} {
		data := append(header(c.codec, c.schema), block(3, records(0, 3))...)
		file := write(t, member{"a.avro", data}) + "/a.avro"
		r := read(t, &Source{}, open(file, 0))
		require.NoError(t, r.err)
		require.Len(t, r.rows, 3)
		assert.Equal(t, string(records(0, 3)), r.rows[0].Value)
		assert.Equal(t, c.schema, r.rows[0].Key)
		for _, row := range r.rows {
			assert.Contains(t, row.Cause, c.cause)
		}
	}
}

// A count that the block's bytes cannot hold is found only when they are
// inflated: the rest of the file is one reject.
func TestImpossibleCount(t *testing.T) {
	data := append(containerOf("deflate", 6, 3), block(390, compressed("deflate", records(6, 9)))...)
	data = append(data, block(1, compressed("deflate", record(9)))...)
	file := write(t, member{"a.avro", padded(data)}) + "/a.avro"
	bothWays(t, func(t *testing.T, s *Source) {
		r := read(t, s, open(file, 0))
		require.NoError(t, r.err)
		require.Len(t, r.rows, 7)
		assert.Equal(t, several(file, 6), r.rows[:6])
		assert.Contains(t, r.rows[6].Cause, "block 2: claims 390 records in")
		assert.Equal(t, []stream.Account{account(file, 0, 7, true)}, r.accounts)
		assert.Equal(t, []stream.Account{account(file, 7, 7, true)}, read(t, s, open(file, 7)).accounts)
		assert.Equal(t, []stream.Account{account(file, 0, 6, false)}, read(t, s, stream.Range{Partition: file, To: 6}).accounts)
	})
}

// Where the bytes cannot be decompressed either, the number of
// records is unknown: one reject represents the rest, not as many as claimed.
func TestImpossibleCountOfDamagedBlock(t *testing.T) {
	stored := compressed("deflate", records(3, 6))[:20]
	data := append(containerOf("deflate", 3, 3), block(390, stored)...)
	file := write(t, member{"a.avro", padded(data)}) + "/a.avro"
	bothWays(t, func(t *testing.T, s *Source) {
		r := read(t, s, open(file, 0))
		require.NoError(t, r.err)
		require.Len(t, r.rows, 4)
		assert.Equal(t, string(stored), r.rows[3].Value)
		assert.Contains(t, r.rows[3].Cause, "block 1: claims 390 records: ")
		assert.Equal(t, []stream.Account{account(file, 0, 4, true)}, r.accounts)
	})
}

func TestDamagedFrameOfLargeFile(t *testing.T) {
	sound := containerOf("null", 50, 5)
	sync := bytes.Clone(sound)
	sync[len(sync)-1]++
	head := sound[:len(sound)-len(block(5, records(45, 50)))]
	empty, large := block(0, nil), block(2, make([]byte, 500))
	empty[len(empty)-1]++
	large[len(large)-1]++
	for name, c := range map[string]struct {
		data  []byte
		cause string
	}{
		"sync, empty":    {append(bytes.Clone(head), empty...), "sync marker"},
		"sync, large":    {append(bytes.Clone(head), large...), "sync marker"},
		"cut":            {sound[:len(sound)-1], "unexpected EOF"},
		"sync":           {sync, "sync marker"},
		"count":          {append(bytes.Clone(head), block(5000, records(45, 50))...), "more records than it has bytes"},
		"trailing":       {append(bytes.Clone(head), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"...), "invalid count"},
		"negative count": {append(bytes.Clone(head), block(-5, records(45, 50))...), "invalid count"},
	} {
		file := write(t, member{"a.avro", c.data}) + "/a.avro"
		s := &Source{MaxMessage: 400}
		r := read(t, s, open(file, 0))
		require.NoError(t, r.err)
		require.Len(t, r.rows, 46, name)
		assert.Equal(t, several(file, 45), r.rows[:45])
		assert.Contains(t, r.rows[45].Cause, "block 9: ", name)
		assert.Contains(t, r.rows[45].Cause, c.cause, name)
		for k := range int64(48) {
			rest := read(t, s, open(file, k))
			assert.Equal(t, r.rows[min(k, 46):], append([]got{}, rest.rows...), "%s from %d", name, k)
			assert.Equal(t, []stream.Account{following(file, k, 46)}, rest.accounts)
		}
	}
}

func TestTooLarge(t *testing.T) {
	big := string(bytes.Repeat([]byte("x"), 500))
	bigRecord := append(long(7), blob(big)...)
	single := append(header("null", testSchema), block(1, bigRecord)...)
	oneOfThree := append(containerOf("null", 2, 2), block(1, bigRecord)...)
	block2 := append(containerOf("null", 2, 2), block(2, append(bytes.Clone(bigRecord), record(3)...))...)
	block2 = append(block2, block(1, record(4))...)
	inflated := append(containerOf("deflate", 2, 2), block(2, compressed("deflate", bytes.Repeat(bigRecord, 2)))...)
	for name, c := range map[string]struct {
		data   []byte
		good   []int // the ids of the records that come through
		reject []int // the rows that do not
	}{
		"no container":      {[]byte(big), nil, []int{0}},
		"single":            {single, nil, []int{0}},
		"no records":        {append(header("null", testSchema), bytes.Repeat(block(0, nil), 40)...), nil, []int{0}},
		"header":            {header("null", testSchema+big), nil, []int{0}},
		"one of several":    {oneOfThree, []int{0, 1}, []int{2}},
		"block":             {block2, []int{0, 1, -1, -1, 4}, []int{2, 3}},
		"block of deflate":  {inflated, []int{0, 1}, []int{2, 3}},
		"cut in the header": {[]byte("Obj\x01" + string(long(1)) + string(blob(big)))[:450], nil, []int{0}},
	} {
		file := write(t, member{"a.avro", c.data}) + "/a.avro"
		r := read(t, &Source{MaxMessage: 400}, open(file, 0))
		require.NoError(t, r.err, name)
		require.Len(t, r.rows, max(len(c.good), c.reject[len(c.reject)-1]+1), name)
		for i, id := range c.good {
			if id >= 0 {
				assert.Equal(t, string(record(id)), r.rows[i].Value, name)
			}
		}
		for _, i := range c.reject {
			assert.Contains(t, r.rows[i].Cause, "limit", name)
			if name != "block of deflate" {
				assert.Contains(t, r.rows[i].Cause, "the limit of 400", name)
				assert.Empty(t, r.rows[i].Value, name)
			}
		}
	}
}

// A schema text larger than the first look at a large file.
func TestLargeHeader(t *testing.T) {
	schema := testSchema + string(bytes.Repeat([]byte(" "), 300_000))
	data := header("null", schema)
	for i := range 8 {
		data = append(data, block(10_000, records(10_000*i, 10_000*(i+1)))...)
	}
	file := write(t, member{"a.avro", data}) + "/a.avro"
	s := &Source{MaxMessage: 400_000}
	require.Greater(t, len(data), 400_000)
	r := read(t, s, open(file, 79_990))
	require.NoError(t, r.err)
	require.Len(t, r.rows, 10)
	assert.Equal(t, schema, r.rows[9].Key)
	assert.Equal(t, string(record(79_999)), r.rows[9].Value)
	assert.Equal(t, fmt.Sprint(account(file, 79_990, 80_000, true)), fmt.Sprint(r.accounts[0]))
}
