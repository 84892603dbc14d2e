package archive

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The first command of the README.
func Example() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	sky := filepath.Join(dir, "sky")
	c := Command{Stdout: io.Discard} // the summary says how long it took
	if err := c.Run(context.Background(), []string{"-files", "testdata", "-out", sky, "-once", "-progress", "off"}); err != nil {
		fmt.Println(err)
	}
	hours, _ := filepath.Glob(filepath.Join(sky, "alerts/*/*/*/*/*"))
	for _, h := range hours {
		hour, _ := filepath.Rel(sky, h)
		fmt.Println(filepath.ToSlash(hour))
	}
	// Output:
	// alerts/ztf/2018/11/29/06
	// alerts/ztf/2018/11/29/07
	// alerts/ztf/2018/11/29/08
}
