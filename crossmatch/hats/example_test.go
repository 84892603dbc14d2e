package hats_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/hats"
)

func ExampleOpen() {
	dir := brightStars()
	defer os.RemoveAll(dir)

	stars, err := hats.Open(dir, hats.Options{Columns: []string{"name"}, CacheBytes: 64 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stars.Close()
	answer, err := stars.Nearest(context.Background(), crossmatch.Positions{
		RA:  []float64{88.7930, 78.6345, 10},
		Dec: []float64{7.4070, -8.2016, 10},
	}, 1*crossmatch.Arcsecond)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Rows.Release()
	for i, m := range answer.Matches {
		fmt.Printf("%v %.2f %s\n", m.Status, m.Separation.Arcseconds(), answer.Rows.Column(0).ValueStr(i))
	}
	fmt.Println(answer.Cause)
	// Output:
	// match 0.32 Betelgeuse
	// match 0.18 Rigel
	// none NaN (null)
	// <nil>
}

// brightStars writes a catalogue of two stars, each in a partition of its own.
func brightStars() string {
	dir, err := os.MkdirTemp("", "stars")
	check(err)
	put(dir, "hats.properties", "dataproduct_type=object\nhats_col_ra=ra\nhats_col_dec=dec\n")
	put(dir, "partition_info.csv", "Norder,Npix\n0,5\n0,1\n")
	for pixel, row := range map[int]string{
		5: `[{"name": "Betelgeuse", "ra": 88.792939, "dec": 7.407064}, {"name": "Rigel", "ra": 78.634467, "dec": -8.201638}]`,
		1: `[{"name": "Pollux", "ra": 116.328958, "dec": 28.026199}]`,
	} {
		schema := arrow.NewSchema([]arrow.Field{
			{Name: "name", Type: arrow.BinaryTypes.String},
			{Name: "ra", Type: arrow.PrimitiveTypes.Float64},
			{Name: "dec", Type: arrow.PrimitiveTypes.Float64},
		}, nil)
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(row))
		check(err)
		name := filepath.Join(dir, "dataset", "Norder=0", "Dir=0", fmt.Sprintf("Npix=%d.parquet", pixel))
		check(os.MkdirAll(filepath.Dir(name), 0o777))
		f, err := os.Create(name)
		check(err)
		w, err := pqarrow.NewFileWriter(schema, f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
		check(err)
		check(w.Write(rec))
		check(w.Close())
	}
	return dir
}

func put(dir, name, text string) { check(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666)) }

func check(err error) {
	if err != nil {
		panic(err)
	}
}
