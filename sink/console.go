package sink

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/stream"
)

// Console prints rows, a line each. It is at-least-once: after a crash or a
// retry the rows of one batch are printed again.
type Console struct {
	Out io.Writer // nil: standard output
	// Columns are what to print, "candidate.magpsf" for a field of a record;
	// one that a row has not is printed as null. None: the standard columns of alerts.
	Columns []string
}

var standardColumns = []string{"survey", "alert_id", "object_id", "ra", "dec", "event_time"}

// Stage implements stream.Sink. Strings are quoted where they would not be
// told from the rest of the line, bytes are counted.
func (c Console) Stage(ctx context.Context, b stream.Batch) (stream.Receipt, error) {
	return stream.SinkFunc(c.print).Stage(ctx, b)
}

// Publish implements stream.Sink; what is printed is printed.
func (c Console) Publish(_ context.Context, _ stream.BatchID, r stream.Receipt) error {
	if len(r.Files) > 0 || len(r.Parts) > 0 || len(r.Data) > 0 {
		return foreign("another sink", "Console")
	}
	return nil
}

func (c Console) print(_ context.Context, rows stream.Rows) error {
	out, names := c.Out, c.Columns
	if out == nil {
		out = os.Stdout
	}
	if len(names) == 0 {
		names = standardColumns
	}
	cols := make([]field, len(names))
	for i, name := range names {
		cols[i] = fieldOf(rows.Record, name)
	}
	var text []byte
	for i := range int(rows.Record.NumRows()) {
		for k, name := range names {
			if k > 0 {
				text = append(text, ' ')
			}
			text = append(append(text, name...), '=')
			text = cols[k].append(text, i)
		}
		text = append(text, '\n')
	}
	_, err := out.Write(text)
	return err
}

// field is a field of a record's rows: its array, and those of the structs
// around it, which may be null where the field itself is not.
type field []arrow.Array

// fieldOf is nil if the record has no such field.
func fieldOf(r arrow.Record, path string) field {
	names := strings.Split(path, ".")
	a := column(r, names[0])
	if a == nil {
		return nil
	}
	f := field{a}
	for _, name := range names[1:] {
		s, ok := a.(*array.Struct)
		if !ok {
			return nil
		}
		i, ok := s.DataType().(*arrow.StructType).FieldIdx(name)
		if !ok {
			return nil
		}
		a = s.Field(i)
		f = append(f, a)
	}
	return f
}

func (f field) append(text []byte, row int) []byte {
	for _, a := range f {
		if a.IsNull(row) {
			f = nil
		}
	}
	if f == nil {
		return append(text, "null"...)
	}
	return appendValue(text, f[len(f)-1], row)
}
