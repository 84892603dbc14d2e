package crossmatch_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// A catalogue is written once, and then opened by many processes.
func ExampleOpenIndex() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "stars.index")

	c, err := crossmatch.OpenIndex(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, crossmatch.ErrBadIndex) {
		fmt.Println("made anew")
		c, err = crossmatch.NewCatalog(crossmatch.Rows{RA: []float64{101.287, 279.235}, Dec: []float64{-16.716, 38.784}})
		if err == nil {
			err = c.WriteIndex(name, "two stars, copied by hand")
		}
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	again, err := crossmatch.OpenIndex(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer again.Close()
	fmt.Println("of", again.Note())
	near, err := again.Cone(279.2, 38.8, 5*crossmatch.Arcminute, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range near {
		fmt.Printf("row %d, %.1f seconds of arc away\n", p.Row, p.Separation.Arcseconds())
	}
	// Output:
	// made anew
	// of two stars, copied by hand
	// row 1, 113.9 seconds of arc away
}
