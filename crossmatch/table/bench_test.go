package table_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// benchRows is a table of a million.
const benchRows = 1_000_000

func BenchmarkCSV(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	var text bytes.Buffer
	text.WriteString("source_id,ra,dec,mag,class\n")
	for i := range benchRows {
		fmt.Fprintf(&text, "%d,%.10f,%.10f,%.4f,RR%d\n", 4_000_000_000_000+i, rng.Float64()*360, rng.Float64()*180-90, rng.Float64()*20, i%7)
	}
	benchmark(b, text.Bytes())
}

func BenchmarkFITS(b *testing.B) {
	benchmark(b, fitsTable(fitsRow, benchRows, []string{"RA D", "DEC D", "id J", "flag L", "name 5A"}))
}

func BenchmarkVOTable(b *testing.B) {
	b.Run("tabledata", func(b *testing.B) { benchmark(b, []byte(voData("TABLEDATA", strings.Repeat(voText, benchRows/2)))) })
	b.Run("binary", func(b *testing.B) { benchmark(b, []byte(voStream("BINARY", strings.Repeat(voBinary, benchRows)))) })
}

func BenchmarkParquet(b *testing.B) {
	benchmark(b, parquetFile(b, benchRows, parquet.WithCompression(compress.Codecs.Snappy)))
}

func benchmark(b *testing.B, file []byte) {
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		tab, err := read(file, table.Options{})
		require.NoError(b, err)
		n := int64(0)
		for rec, err := range tab.Records(b.Context()) {
			require.NoError(b, err)
			n += rec.NumRows()
		}
		require.EqualValues(b, benchRows, n)
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
