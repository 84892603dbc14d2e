package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/skyfinch/skyfinch/internal/cli"
)

// checkOut refuses, before anything is done, an output that could not be put in
// its place, or that would take the place of what is read.
func (o *options) checkOut(positions []string) error {
	if o.out == "" {
		return nil
	}
	info, err := os.Stat(o.out)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return cli.UsageError{Text: fmt.Sprintf("-o %s is there, and is no file: choose another name", o.out)}
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(o.out)); err != nil {
			return err
		}
	}
	for i, name := range o.reads(positions) {
		if sameFile(o.out, name) {
			return cli.UsageError{Text: fmt.Sprintf("-o %s is what is to be read: choose another name", o.out)}
		}
		if (formatOf(o.out) == parquetFormat || i > len(positions)) && within(o.out, name) {
			return cli.UsageError{Text: fmt.Sprintf("-o %s is in %s, whose files are read: choose another directory", o.out, name)}
		}
	}
	return nil
}

// reads returns the files and directories that are read.
func (o *options) reads(positions []string) []string {
	names := append([]string{o.positions}, positions...)
	for i := range o.catalogs {
		if c := &o.catalogs[i]; !c.remote() {
			names = append(names, c.where)
		}
	}
	return names
}

// sameFile tells whether two names are of one file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// within tells whether a file is in a directory, or in one of its own.
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
