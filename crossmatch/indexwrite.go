package crossmatch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
)

// WriteIndex writes the catalogue to a file for OpenIndex, with its columns of booleans,
// integers, floating-point numbers, strings, bytes, timestamps and dates. It returns an
// error that names the first column of another type.
//
// The note is any text, in UTF-8, for example the name and modification time of the
// catalogue's table. A program that opens the index can get it with Catalog.Note,
// and check whether the index is up to date.
//
// The file is written under another name, flushed to the disk and renamed.
// Processes that have an older file of that name open keep using it.
func (c *Catalog) WriteIndex(name, note string) error {
	err := c.enter()
	if err == nil {
		defer c.leave()
		err = checkPlatform()
	}
	if err == nil && !utf8.ValidString(note) {
		err = errors.New("the note is not UTF-8")
	}
	if err == nil {
		err = replaceFile(name, func(f *os.File) error {
			return c.file.guard(func() error { return c.writeIndex(f, note) })
		})
	}
	if err != nil {
		return fmt.Errorf("crossmatch: write index %s: %w", name, err)
	}
	return nil
}

// Note returns the note of the index file that the catalogue was opened from; "" for a
// catalogue in memory.
func (c *Catalog) Note() string {
	if c.file == nil {
		return ""
	}
	return c.file.note
}

// replaceFile replaces a file by one with the contents that write writes. It never writes
// to the old file, which others may have mapped.
func replaceFile(name string, write func(*os.File) error) (err error) {
	temp := fmt.Sprintf("%s.%08x.tmp", name, rand.Uint32())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(filepath.Dir(name))
}

func (c *Catalog) writeIndex(f *os.File, note string) error {
	w := &indexWriter{out: bufio.NewWriterSize(f, 1<<20)}
	w.write(make([]byte, headerSize)) // invalid until the file is complete
	if err := w.catalog(c, note); err != nil {
		return err
	}
	w.align()
	h := indexHeader{description: w.at, sum: crc32.Checksum(w.description.Bytes(), castagnoli)}
	if n := w.description.Len(); n > maxDescription {
		return fmt.Errorf("the note and the columns' names and metadata take %d bytes: the maximum is %d", n, maxDescription)
	}
	w.write(w.description.Bytes())
	h.size = w.at
	if err := w.out.Flush(); err != nil {
		return err
	}
	_, err := f.WriteAt(h.bytes(), 0)
	return err
}

// indexWriter writes sections and their descriptions.
type indexWriter struct {
	out         *bufio.Writer // Flush returns the first error
	at          int64
	description bytes.Buffer
}

func (w *indexWriter) write(b []byte) {
	w.out.Write(b)
	w.at += int64(len(b))
}

func (w *indexWriter) align() { w.write(make([]byte, alignUp(w.at)-w.at)) }

// section writes a section and returns its description.
func (w *indexWriter) section(b []byte) section {
	w.align()
	sum := uint32(0)
	for chunk := range slices.Chunk(b, 1<<20) {
		sum = crc32.Update(sum, castagnoli, chunk)
		w.write(chunk)
	}
	return section{int64(len(b)), sum}
}

func (w *indexWriter) catalog(c *Catalog, note string) error {
	d := &indexCatalog{Note: note, Rows: c.rows, Layers: len(c.layers)}
	if c.radii != nil {
		s := w.section(bytesOf(c.radii))
		d.Radii = &s
	}
	if c.motions != nil {
		s := w.section(bytesOf(c.motions))
		d.Motions, d.Epoch = &s, c.epoch
	}
	lines := []any{d}
	for i := range c.layers {
		l := &c.layers[i]
		fields, start, rows := w.section(bytesOf(l.fields)), w.section(bytesOf(l.start)), w.section(bytesOf(l.rows))
		lines = append(lines, indexLayer{l.target, l.grid.checksum(), l.radius, l.speed, fields, start, rows})
	}
	if c.columns != nil {
		columns, err := w.columns(c.columns)
		if err != nil {
			return err
		}
		n := len(columns)
		d.Columns, d.Metadata = &n, metadataPairs(c.columns.Schema().Metadata())
		lines = append(lines, columns...)
	}
	description := json.NewEncoder(&w.description)
	for _, line := range lines {
		if err := description.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// metadataPairs returns the keys and values of metadata, in order.
func metadataPairs(m arrow.Metadata) (out [][2]string) {
	for i, k := range m.Keys() {
		out = append(out, [2]string{k, m.Values()[i]})
	}
	return out
}
