package files_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// An engine does this: it asks what there is, and reads it.
func Example() {
	dir, err := os.MkdirTemp("", "night")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"1.avro", "2.avro", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("the alert of "+name), 0o644); err != nil {
			log.Fatal(err)
		}
	}

	ctx := context.Background()
	src := &files.Source{Patterns: []string{dir}}
	extents, err := src.Available(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var ranges []stream.Range
	for _, e := range extents {
		ranges = append(ranges, e.Range)
	}
	for chunk, err := range src.Read(ctx, ranges) {
		if err != nil {
			log.Fatal(err)
		}
		values := chunk.Messages.Column(stream.ColValue).(*array.BinaryView)
		for i, a := range chunk.Accounts {
			fmt.Printf("%s [%d,%d) end=%v: %s\n", filepath.Base(a.Partition), a.From, a.To, a.End, values.Value(i))
		}
	}
	// Output:
	// 1.avro [0,1) end=true: the alert of 1.avro
	// 2.avro [0,1) end=true: the alert of 2.avro
}

// A pattern that matches nothing is most often a typing error.
func ExampleNoMatchError() {
	ctx := context.Background()
	src := &files.Source{Patterns: []string{"/data/no-such-night/*.avro"}}
	extents, err := src.Available(ctx) // a service may wait for its first file
	fmt.Println(len(extents), err)
	fmt.Println(src.Check(ctx))
	// Output:
	// 0 <nil>
	// files: "/data/no-such-night/*.avro" matches no file and no directory: correct the pattern, or create the directory if its files will come later
}
