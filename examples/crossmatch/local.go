package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/hats"
)

// openHATS opens a catalogue that is a directory.
func (o *options) openHATS(f *catalogFlag) (crossmatch.Matcher, error) {
	if f.size != "" {
		return nil, errors.New("option size is for catalogues that are files")
	}
	return hats.Open(f.where, hats.Options{
		RA: f.ra, Dec: f.dec, Columns: f.columns,
		PMRA: f.pmra, PMDec: f.pmdec, Epoch: f.epoch, Memory: int64(o.memory),
	})
}

// openFile opens a catalogue that is a file: an index, or a table, which with
// -index becomes one.
func (o *options) openFile(ctx context.Context, f *catalogFlag, c *counter) (*crossmatch.Catalog, error) {
	if index, err := isIndex(f.where); err != nil || index {
		if err == nil && f.ra+f.pmra+f.size != "" {
			err = fmt.Errorf("%s is an index, which was made with its options: only radius and columns can be set", f.where)
		}
		if err != nil {
			return nil, err
		}
		return crossmatch.OpenIndex(f.where)
	}
	if o.index == "" {
		return f.load(ctx, c.loading(f.name))
	}
	name, err := f.indexName(o.index)
	if err != nil {
		return nil, err
	}
	opened, err := crossmatch.OpenIndex(name)
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, crossmatch.ErrIndex) {
		return opened, err
	}
	made, err := f.load(ctx, c.loading(f.name))
	if err != nil {
		return nil, err
	}
	defer made.Close()
	if err := os.MkdirAll(o.index, 0o755); err != nil {
		return nil, err
	}
	if err := made.WriteIndex(name); err != nil {
		return nil, err
	}
	return crossmatch.OpenIndex(name) // other processes share its memory
}

// indexMagic is what index files begin with.
const indexMagic = "\x89skyidx\n"

func isIndex(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(indexMagic))
	if _, err := io.ReadFull(f, head); err != nil {
		return false, nil // whatever it is, it is no index
	}
	return string(head) == indexMagic, nil
}

// indexName is where the index of a table is kept. A table that was changed, or
// is wanted otherwise, has another.
func (c *catalogFlag) indexName(dir string) (string, error) {
	info, err := os.Stat(c.where)
	if err != nil {
		return "", err
	}
	path, err := filepath.Abs(c.where)
	if err != nil {
		return "", err
	}
	key := fmt.Sprintf("%q %d %d %q %t %q %q %v %q %v", path, info.Size(), info.ModTime().UnixNano(),
		c.columns, c.columns == nil, []string{c.ra, c.dec}, []string{c.pmra, c.pmdec}, c.epoch, c.size, float64(c.unit))
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(dir, fmt.Sprintf("%s-%x.skyidx", nameOf(c.where), sum[:8])), nil
}
