package crossmatch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

type format int

const (
	noFormat format = iota
	csvFormat
	tsvFormat
	parquetFormat
)

// formatOf returns the format of a file by its ending; standard output is CSV.
func formatOf(name string) format {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv":
		return csvFormat
	case ".tsv":
		return tsvFormat
	case ".parquet":
		return parquetFormat
	}
	if name == "" || name == "-" {
		return csvFormat
	}
	return noFormat
}

// output is a table that is being written.
type output interface {
	write(rec arrow.Record) error
	end() error // writes what is left
	drop()      // releases what is held; harmless after end
}

// create has f write a table to the output. A file appears when it is complete;
// until then, and after an error, one of that name stays unchanged.
func (o *options) create(schema *arrow.Schema, f func(output) error) error {
	if o.toStdout() {
		return fill(os.Stdout, o.format, schema, f)
	}
	name := o.out
	dir, base := filepath.Split(name)
	partial := filepath.Join(dir, fmt.Sprintf(".%s.%08x.tmp", base, rand.Uint32()))
	file, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	complete := false
	defer func() {
		if !complete {
			_ = file.Close() // if it was not
			_ = os.Remove(partial)
		}
	}()
	if err := fill(file, o.format, schema, f); err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(partial, name); err != nil {
		return err
	}
	complete = true
	return nil
}

func fill(w io.Writer, f format, schema *arrow.Schema, write func(output) error) error {
	var out output
	var err error
	switch f {
	case parquetFormat:
		out, err = newParquet(w, schema)
	case tsvFormat:
		out, err = newCSV(w, schema, '\t')
	default:
		out, err = newCSV(w, schema, ',')
	}
	if err != nil {
		return err
	}
	defer out.drop()
	if err := write(out); err != nil {
		return err
	}
	return out.end()
}

// csvOutput writes CSV that package table reads back: null is an empty cell.
type csvOutput struct {
	w     *bufio.Writer
	comma byte
	row   []byte
}

func newCSV(w io.Writer, schema *arrow.Schema, comma byte) (*csvOutput, error) {
	c := &csvOutput{w: bufio.NewWriterSize(w, 256<<10), comma: comma}
	for i, f := range schema.Fields() {
		c.cell(i, f.Name)
	}
	return c, c.flushRow()
}

func (c *csvOutput) write(rec arrow.Record) error {
	cells := make([]func(row int) string, rec.NumCols())
	for i, a := range rec.Columns() {
		cells[i] = texts(a)
	}
	for row := range int(rec.NumRows()) {
		for i, a := range rec.Columns() {
			if a.IsNull(row) {
				c.cell(i, "")
			} else {
				c.cell(i, cells[i](row))
			}
		}
		if err := c.flushRow(); err != nil {
			return err
		}
	}
	return nil
}

// cell adds a cell to the row, quoted if needed.
func (c *csvOutput) cell(i int, text string) {
	if i > 0 {
		c.row = append(c.row, c.comma)
	}
	if strings.ContainsAny(text, "\"\n\r,;|\t") || i == 0 && strings.HasPrefix(text, "#") || strings.TrimSpace(text) != text {
		text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	c.row = append(c.row, text...)
}

func (c *csvOutput) flushRow() error {
	c.row = append(c.row, '\n')
	_, err := c.w.Write(c.row)
	c.row = c.row[:0]
	return err
}

func (c *csvOutput) end() error { return c.w.Flush() }
func (c *csvOutput) drop()      {}

// texts returns a function that formats a column's values.
func texts(a arrow.Array) func(row int) string {
	switch a := a.(type) {
	case *array.String:
		return a.Value
	case *array.Float64:
		return func(i int) string { return number(a.Value(i), 64) }
	case *array.Float32:
		return func(i int) string { return number(float64(a.Value(i)), 32) }
	case *array.Timestamp:
		unit := a.DataType().(*arrow.TimestampType).Unit
		return func(i int) string { return a.Value(i).ToTime(unit).UTC().Format(time.RFC3339Nano) }
	}
	return a.ValueStr
}

// number formats a float without an exponent unless it is very large or small.
func number(x float64, bits int) string {
	if size := math.Abs(x); size >= 1e-4 && size < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, bits)
	}
	return strconv.FormatFloat(x, 'g', -1, bits)
}
