package sink

import (
	"context"
	"io"
	"os"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/stream"
)

// Console prints one line for each row. Strings are quoted if they contain
// spaces or special characters, and of binary values only the length is
// printed. Delivery is at-least-once: after a crash or a retry, rows of a batch
// are printed again.
type Console struct {
	Out io.Writer // if nil, os.Stdout
	// Columns are the paths of the columns to print, such as "candidate.magpsf".
	// Absent columns are printed as null. If empty, they are the columns that
	// all surveys share: survey, alert_id, object_id, ra, dec and event_time.
	Columns []string
}

var standardColumns = []string{"survey", "alert_id", "object_id", "ra", "dec", "event_time"}

// Stage implements stream.Sink.
func (c Console) Stage(ctx context.Context, b stream.Batch) (stream.Receipt, error) {
	return stream.SinkFunc(c.print).Stage(ctx, b)
}

// Publish implements stream.Sink. Stage has printed the rows already.
func (c Console) Publish(_ context.Context, _ stream.BatchID, r stream.Receipt) error {
	if len(r.Files) > 0 || len(r.Parts) > 0 || len(r.Data) > 0 {
		return wrongReceipt("another sink", "Console")
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
	cols := make([]arrow.Array, len(names))
	for i, name := range names {
		cols[i] = stream.Field(rows.Record, name)
	}
	var text []byte
	for i := range int(rows.Record.NumRows()) {
		for k, name := range names {
			if k > 0 {
				text = append(text, ' ')
			}
			text = append(append(text, name...), '=')
			text = appendValue(text, cols[k], i)
		}
		text = append(text, '\n')
	}
	_, err := out.Write(text)
	return err
}
