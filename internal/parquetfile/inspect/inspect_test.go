package inspect

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
)

// sample returns a file of two row groups with repeated strings, numbers, nulls,
// lists and bytes.
func sample(t testing.TB, codec parquetfile.Codec) []byte { return repeated(t, codec, 500) }

func repeated(t testing.TB, codec parquetfile.Codec, n int) []byte {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "number", Type: arrow.PrimitiveTypes.Int64},
		{Name: "part", Type: arrow.StructOf(arrow.Field{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32), Nullable: true})},
		{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "raw", Type: arrow.BinaryTypes.Binary, Nullable: true},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(
		`[`+strings.Repeat(`{"name":"a","number":1,"part":{"list":[1,2]},"ok":true,"raw":"AAEC"},{"name":null,"number":2,"part":{"list":[]},"ok":null,"raw":null},`, n)+
			`{"name":"b","number":3,"part":{"list":null},"ok":false,"raw":""}]`))
	require.NoError(t, err)
	defer rec.Release()
	var buf bytes.Buffer
	w, err := parquetfile.NewWriter(&buf, schema, parquetfile.Options{Codec: codec})
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, w.WriteRowGroup([]parquetfile.Rows{{Record: rec}}))
	}
	require.NoError(t, w.Close())
	return buf.Bytes()
}

func TestSoundFile(t *testing.T) {
	for _, codec := range []parquetfile.Codec{parquetfile.Zstd, parquetfile.Snappy, parquetfile.None} {
		info, err := Check(bytes.NewReader(sample(t, codec)), Options{Deep: true})
		require.NoError(t, err)
		assert.EqualValues(t, 2002, info.Rows)
		assert.Equal(t, 2, info.Groups)
		assert.GreaterOrEqual(t, info.Pages, 10)
		assert.Equal(t, info.Pages, info.Checked, "each page has a checksum")
	}
}

// Every truncated file is reported, and no flipped byte makes a reader panic.
func TestDamage(t *testing.T) {
	data := sample(t, parquetfile.Zstd)
	for n := range data {
		_, err := Check(bytes.NewReader(data[:n]), Options{})
		require.Error(t, err, n)
	}
	found := 0
	for i := range data {
		for _, mask := range []byte{0xff, 0x01} {
			spoilt := bytes.Clone(data)
			spoilt[i] ^= mask
			if _, err := Check(bytes.NewReader(spoilt), Options{Deep: true}); err != nil {
				found++
			}
			Schema(bytes.NewReader(spoilt))
			for rec, err := range Columns(t.Context(), bytes.NewReader(spoilt), "name", "raw") {
				_, _ = rec, err
			}
		}
	}
	t.Logf("%d of %d flips were found", found, 2*len(data))
	assert.Greater(t, found, len(data))
}

// TestDamagedStatistics flips each bit of a footer. What a deep check does not
// find must leave the statistics as they were, or without bounds.
func TestDamagedStatistics(t *testing.T) {
	data := repeated(t, parquetfile.None, 1)
	footer := len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
	sound := statisticsOf(t, data)
	require.Len(t, sound, 2*5)
	found, unseen := 0, 0
	for i := footer; i < len(data)-8; i++ {
		for bit := range 8 {
			spoilt := bytes.Clone(data)
			spoilt[i] ^= 1 << bit
			if info, err := Check(bytes.NewReader(spoilt), Options{Deep: true}); err != nil || info.Rows != 2*3 {
				found++
				continue
			}
			for k, s := range statisticsOf(t, spoilt) {
				have, want := *s, *sound[k]
				for id := range have.set {
					if have.set[id] && (have.number[id] != want.number[id] || !bytes.Equal(have.text[id], want.text[id])) && id != 4 && id < 7 {
						t.Errorf("byte %d, bit %d: field %d of the statistics of column %v is %v %x, not %v %x",
							i, bit, id, k, have.number[id], have.text[id], want.number[id], want.text[id])
					}
				}
			}
			unseen++
		}
	}
	t.Logf("%d flips were found, %d changed nothing that counts", found, unseen)
}

func statisticsOf(t *testing.T, data []byte) map[[2]int]*statistics {
	all, err := readStatistics(bytes.NewReader(data))
	require.NoError(t, err)
	return all
}

func FuzzCheck(f *testing.F) {
	f.Add(sample(f, parquetfile.Zstd))
	f.Add(sample(f, parquetfile.None))
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		Check(bytes.NewReader(data), Options{Deep: true})
		Schema(bytes.NewReader(data))
		for rec, err := range Columns(t.Context(), bytes.NewReader(data), "name", "raw") {
			_, _ = rec, err
		}
	})
}

func FuzzParsePage(f *testing.F) {
	f.Add([]byte{0x15, 0x00, 0x15, 0x02, 0x15, 0x02, 0x2c, 0x15, 0x02, 0x00, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, n, err := parsePage(data)
		if err == nil && (n > len(data) || p.stored < 0 || p.raw < 0 || p.values < 0) {
			t.Errorf("%+v of %d bytes", p, n)
		}
	})
}

// header returns the header of a data page of one value, with a checksum.
func header(body []byte, sum uint32) []byte {
	field := func(buf []byte, typ byte, v int64) []byte { return binary.AppendVarint(append(buf, typ), v) }
	buf := field(nil, 0x15, 0)
	buf = field(buf, 0x15, int64(len(body)))
	buf = field(buf, 0x15, int64(len(body)))
	buf = field(buf, 0x15, int64(int32(sum)))
	buf = field(append(buf, 0x1c), 0x15, 1)
	return append(buf, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0)
}

func TestChecksum(t *testing.T) {
	body := []byte("a page")
	for _, sum := range []uint32{crc32.ChecksumIEEE(body), 1, 0xffffffff} {
		data := append(header(body, sum), body...)
		p, n, err := readPage(bytes.NewReader(data), 0, int64(len(data)))
		require.NoError(t, err)
		require.Equal(t, len(data)-len(body), n)
		assert.Equal(t, pageHeader{stored: 6, raw: 6, values: 1, crc: sum, hasCRC: true, hasValues: true}, p)
		err = checksum(bytes.NewReader(data), int64(n), p)
		assert.Equal(t, sum == crc32.ChecksumIEEE(body), err == nil, err)
	}
}

func TestColumns(t *testing.T) {
	data := sample(t, parquetfile.Zstd)
	row := 0
	for rec, err := range Columns(t.Context(), bytes.NewReader(data), "raw", "number", "name") {
		require.NoError(t, err)
		assert.LessOrEqual(t, rec.NumRows(), int64(recordRows))
		raw, number, name := rec.Column(0).(*array.Binary), rec.Column(1).(*array.Int64), rec.Column(2).(*array.String)
		for i := range int(rec.NumRows()) {
			switch k := row % 1001; {
			case k == 1000:
				assert.Equal(t, []any{int64(3), "", "b"}, []any{number.Value(i), string(raw.Value(i)), name.Value(i)})
			case k%2 == 0:
				assert.Equal(t, []any{int64(1), "\x00\x01\x02", "a"}, []any{number.Value(i), string(raw.Value(i)), name.Value(i)})
			default:
				assert.True(t, number.Value(i) == 2 && raw.IsNull(i) && name.IsNull(i), row)
			}
			row++
		}
	}
	assert.Equal(t, 2002, row)
	for _, err := range Columns(t.Context(), bytes.NewReader(data), "none") {
		assert.ErrorContains(t, err, `no column "none"`)
	}
}
