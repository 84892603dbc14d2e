package table_test

import (
	"context"
	"encoding/csv"
	"runtime/metrics"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// allocated returns the bytes allocated so far, freed or not.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// survive reads arbitrary bytes: it must not panic, records must be valid, and
// memory in proportion to the size.
func survive(t *testing.T, b []byte, format table.Format, budget uint64) {
	before := allocated()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	tab, err := read(b, table.Options{Format: format, Memory: mem, Rows: 100})
	if err == nil {
		n := 0
		var rec arrow.Record
		for rec, err = range tab.Records(context.Background()) {
			if err != nil {
				break
			}
			n++
			require.NotZero(t, rec.NumRows())
			for i, c := range rec.Columns() {
				require.Equal(t, rec.NumRows(), int64(c.Len()))
				require.Equal(t, tab.Schema().Field(i).Type, c.DataType())
				if s, ok := c.(*array.String); ok && format != table.Parquet {
					for r := range s.Len() {
						require.True(t, utf8.ValidString(s.Value(r)))
					}
				}
			}
			if n > 1000 {
				break
			}
		}
	}
	if err != nil {
		require.True(t, strings.HasPrefix(err.Error(), "table: x: "), err)
		require.Less(t, len(err.Error()), 4000)
	}
	if err == nil || format != table.Parquet { // whose library drops what it has
		mem.AssertSize(t, 0)
	}
	require.Less(t, allocated()-before, budget+uint64(len(b))*2000)
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"ra,dec\n1,2\n", "# c\nra;dec;n\n12:34:56.7;-00:30:00;x\n", "ra\tdec\n---\t---\n1\t2\n", "RA|Dec\n\"1\"|\"2\n\"\n",
		"\xef\xbb\xbfra,dec,\r\n1,2,\r\n,NULL,\r\n", "#ra,dec\n1,2\n", "ra,dec,ra\n1e3,99999999999999999999,\xff\n", `a "b" , ra, dec` + "\n\"x\"\"y\" , 1 , 2\n",
	} {
		f.Add([]byte(s))
		f.Add(packed([]byte(s)))
	}
	f.Fuzz(func(t *testing.T, b []byte) { survive(t, b, table.CSV, 8<<20) })
}

// FuzzCSVStrict compares with encoding/csv for input that it accepts.
func FuzzCSVStrict(f *testing.F) {
	for _, s := range []string{"1,2\n", "a,\"b\"\"c\nd\",e\r\nx,y,\"\"\n", "\"a\",b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\t\r \x00") || !utf8.ValidString(s) || strings.Contains(s, "\ufeff") {
			return
		}
		r := csv.NewReader(strings.NewReader("ra,dec,c\n" + s))
		r.Comment = '#'
		want, err := r.ReadAll()
		if err != nil {
			return
		}
		// Rows of dashes are VizieR's, and numbers are written in their own way.
		for _, row := range want[1:] {
			for i, c := range row {
				if i < 2 && c != "" || strings.Trim(c, "-") == "" && c != "" || c != strings.TrimSpace(c) || strings.ContainsAny(c, "0123456789-") || strings.EqualFold(c, "null") {
					return
				}
			}
		}
		tab, err := read([]byte("ra,dec,c\n"+s), table.Options{Comma: ',', Format: table.CSV})
		require.NoError(t, err)
		if tab.Schema().Field(2).Type.Name() != "utf8" {
			return // inf
		}
		rec := whole(t, tab)
		require.Equal(t, int64(len(want)-1), rec.NumRows())
		for i, row := range want[1:] {
			got := ""
			if rec.Column(2).IsValid(i) {
				got = rec.Column(2).ValueStr(i)
			}
			require.Equal(t, row[2], got)
		}
	})
}

func FuzzFITS(f *testing.F) {
	for _, s := range fitsSeeds() {
		f.Add(s)
		f.Add(packed(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) { survive(t, b, table.FITS, 128<<20) })
}

func FuzzVOTable(f *testing.F) {
	for _, s := range voSeeds {
		f.Add([]byte(s))
	}
	f.Add(packed([]byte(voSeeds[0])))
	f.Fuzz(func(t *testing.T, b []byte) { survive(t, b, table.VOTable, 64<<20) })
}

func FuzzParquet(f *testing.F) {
	for _, c := range []compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Snappy, compress.Codecs.Zstd, compress.Codecs.Gzip, compress.Codecs.Brotli} {
		f.Add(parquetFile(f, 50, parquet.WithCompression(c)))
		f.Add(parquetFile(f, 50, parquet.WithCompression(c), parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithDictionaryDefault(false)))
	}
	f.Fuzz(func(t *testing.T, b []byte) { survive(t, b, table.Parquet, 300<<20) })
}

func TestTruncated(t *testing.T) {
	seeds := map[table.Format][]byte{table.FITS: fitsSeeds()[0], table.VOTable: []byte(voSeeds[0]), table.Parquet: parquetFile(t, 50)}
	for format, b := range seeds {
		for n := range len(b) {
			if format == table.FITS && n >= 3*2880+len(fitsRow)*3 {
				break // what pads it
			}
			tab, err := read(b[:n], table.Options{Format: format})
			if err == nil {
				_, err = rows(tab)
			}
			require.Error(t, err, "%s cut to %d of %d", format, n, len(b))
		}
		if format == table.Parquet {
			continue
		}
		z := packed(b)
		for n := range len(z) {
			tab, err := read(z[:n], table.Options{Format: format})
			if err == nil {
				_, err = rows(tab)
			}
			if format == table.FITS && n > len(z)-40 {
				break
			}
			assert.Error(t, err, "%s packed, cut to %d of %d", format, n, len(z))
		}
	}
}

// TestFlipped damages the bytes of Parquet files one by one.
func TestFlipped(t *testing.T) {
	for _, c := range []compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Snappy, compress.Codecs.Zstd} {
		b := parquetFile(t, 20, parquet.WithCompression(c))
		for i := range b {
			x := []byte{1, 0x80, 0xff}[i%3]
			b[i] ^= x
			survive(t, b, table.Parquet, 300<<20)
			b[i] ^= x
		}
	}
}
