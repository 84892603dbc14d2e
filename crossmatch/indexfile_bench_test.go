//go:build unix

package crossmatch

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// BenchmarkIndex writes, opens, verifies and searches an index of 10^7 rows with a column
// of numbers and one of names, and searches a catalogue in memory for comparison.
func BenchmarkIndex(b *testing.B) {
	const n, m, chunk = 10_000_000, 1 << 20, 512
	ra, dec := randomSky(n, 1)
	names := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "mag", Type: arrow.PrimitiveTypes.Float32}, {Name: "name", Type: arrow.BinaryTypes.String},
	}, nil))
	defer names.Release()
	for i := range n {
		names.Field(0).(*array.Float32Builder).Append(float32(i))
		names.Field(1).(*array.StringBuilder).Append(fmt.Sprint("J", i))
	}
	columns := names.NewRecord()
	defer columns.Release()
	c, err := NewCatalog(Rows{RA: ra, Dec: dec, Columns: columns})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	file := filepath.Join(b.TempDir(), "sky.index")
	ns := func(b *testing.B, n int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
	}
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			if err := c.WriteIndex(file, ""); err != nil {
				b.Fatal(err)
			}
		}
		info, err := os.Stat(file)
		if err != nil {
			b.Fatal(err)
		}
		ns(b, n)
		b.ReportMetric(float64(info.Size())/n, "bytes/row")
	})
	b.Run("open without columns", func(b *testing.B) {
		bare, err := NewCatalog(Rows{RA: ra, Dec: dec})
		if err != nil {
			b.Fatal(err)
		}
		name := file + ".bare"
		if err := bare.WriteIndex(name, ""); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			x, err := OpenIndex(name)
			if err != nil {
				b.Fatal(err)
			}
			if err := x.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			x, err := OpenIndex(file)
			if err != nil {
				b.Fatal(err)
			}
			if err := x.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	half := benchPositions[1].positions("random")
	hra, hdec := half.RA, half.Dec
	b.Run("open, and a visit of 40000", func(b *testing.B) { // each page is mapped for the first time
		for b.Loop() {
			x, err := OpenIndex(file)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := x.AppendNearest(nil, Positions{RA: hra[:40_000], Dec: hdec[:40_000]}, 1.5*Arcsecond); err != nil {
				b.Fatal(err)
			}
			if err := x.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/40_000, "ns/query")
	})
	x, err := OpenIndex(file)
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if err := x.Verify(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		ns(b, n)
	})
	out := make([]Match, chunk)
	for _, of := range []struct {
		name string
		c    *Catalog
	}{{"memory", c}, {"file", x}, {"memory again", c}, {"file again", x}} {
		b.Run("half/"+of.name, func(b *testing.B) {
			for b.Loop() {
				for i := 0; i < m; i += chunk {
					out, _ = of.c.AppendNearest(out[:0], Positions{RA: hra[i : i+chunk], Dec: hdec[i : i+chunk]}, 1.5*Arcsecond)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/m, "ns/query")
		})
	}
}
