package crossmatch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/skyfinch/skyfinch/internal/cli"
)

// checkOut returns an error, before any work, for an output that cannot be
// written or that would replace what is read.
func (o *options) checkOut(positions []string) error {
	if o.toStdout() {
		return nil
	}
	info, err := os.Stat(o.out)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return cli.UsageError{Text: fmt.Sprintf("-o %s exists and is not a file: choose another name", o.out)}
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(o.out)); err != nil {
			return err
		}
	}
	for i, name := range o.reads(positions) {
		if sameFile(o.out, name) {
			return cli.UsageError{Text: fmt.Sprintf("-o %s is also an input: choose another name", o.out)}
		}
		if (o.format == parquetFormat || i > len(positions)) && within(o.out, name) {
			return cli.UsageError{Text: fmt.Sprintf("-o %s is in %s, whose files are read: choose another directory", o.out, name)}
		}
	}
	return nil
}

// reads returns the files and directories that are inputs.
func (o *options) reads(positions []string) []string {
	names := append([]string{o.positions}, positions...)
	for i := range o.catalogs {
		if c := &o.catalogs[i]; !c.Remote() {
			names = append(names, c.Where)
		}
	}
	return names
}

// sameFile reports whether two names are of one file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// within reports whether a file is in a directory or below it.
func within(file, dir string) bool {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return false
	}
	at, err := filepath.Abs(filepath.Dir(file))
	if err == nil {
		at, err = filepath.EvalSymlinks(at)
	}
	for err == nil {
		if sameFile(at, dir) {
			return true
		}
		if at == filepath.Dir(at) {
			return false
		}
		at = filepath.Dir(at)
	}
	return false
}
