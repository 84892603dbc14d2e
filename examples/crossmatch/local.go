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
	"time"

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
		PMRA: f.pmra, PMDec: f.pmdec, Epoch: f.epoch, CacheBytes: int64(o.memory),
	})
}

// openFile opens a catalogue that is a file: an index, or a table, which with
// -index becomes one.
func (o *options) openFile(ctx context.Context, f *catalogFlag, c *counter) (*crossmatch.Catalog, error) {
	index, err := isIndex(f.where)
	switch {
	case err != nil:
		return nil, err
	case index && f.ra+f.pmra+f.size != "":
		return nil, fmt.Errorf("%s is an index, which was made with its options: only radius and columns can be set", f.where)
	case index:
		return openIndex(f, c)
	case o.index == "":
		return f.load(ctx, c.loading(f.name))
	}
	return o.openIndexed(ctx, f, c)
}

// openIndex opens an index, if it is not of a table that has changed since.
func openIndex(f *catalogFlag, c *counter) (*crossmatch.Catalog, error) {
	opened, err := crossmatch.OpenIndex(f.where)
	if err != nil {
		return nil, err
	}
	o, ok := parseOrigin(opened.Note())
	f.moves = ok && o.moves()
	if ok && o.changed() {
		opened.Close()
		return nil, fmt.Errorf("%s is an index of %s as it was on %s, and that has changed since: name the table itself, with -index, which makes the index anew", f.where, o.Table, o.Modified.Format(time.DateTime))
	}
	c.say(describe(f.name, f.where, opened.Note()))
	return opened, nil
}

// openIndexed opens the index of a table, which is made if there is none, or one
// of the table as it was, or one that is damaged.
func (o *options) openIndexed(ctx context.Context, f *catalogFlag, c *counter) (*crossmatch.Catalog, error) {
	name, err := f.indexName(o.index)
	if err != nil {
		return nil, err
	}
	origin, err := f.origin() // as it is before it is read
	if err != nil {
		return nil, err
	}
	note := origin.String()
	opened, err := crossmatch.OpenIndex(name)
	if err == nil && note != "" && opened.Note() == note {
		c.say(describe(f.name, name, note))
		return opened, nil
	}
	if err == nil {
		err = opened.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, crossmatch.ErrBadIndex) {
		return nil, err
	}
	made, err := f.load(ctx, c.loading(f.name))
	if err != nil {
		return nil, err
	}
	defer made.Close()
	if err := os.MkdirAll(o.index, 0o755); err != nil {
		return nil, err
	}
	if err := made.WriteIndexNote(name, note); err != nil {
		return nil, err
	}
	c.say(describe(f.name, name, note))
	return crossmatch.OpenIndex(name) // other processes share its memory
}

func isIndex(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var head [64]byte
	n, _ := io.ReadFull(f, head[:]) // what cannot be read is no index
	return crossmatch.IsIndex(head[:n]), nil
}

// indexName is where the index of a table is kept. A table that is wanted
// otherwise has another.
func (c *catalogFlag) indexName(dir string) (string, error) {
	path, err := filepath.Abs(c.where)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %s", path, c.choice()))
	return filepath.Join(dir, fmt.Sprintf("%s-%x.skyidx", nameOf(c.where), sum[:8])), nil
}
