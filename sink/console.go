package sink

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

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

// Stage implements stream.Sink.
func (c Console) Stage(ctx context.Context, b stream.Batch) (stream.Receipt, error) {
	return stream.SinkFunc(c.print).Stage(ctx, b)
}

// Publish implements stream.Sink; what is printed is printed.
func (c Console) Publish(context.Context, stream.Receipt) error { return nil }

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
	var text strings.Builder
	for i := range int(rows.Record.NumRows()) {
		for k, name := range names {
			value := "null"
			if cols[k] != nil {
				value = cols[k].ValueStr(i)
			}
			if k > 0 {
				text.WriteByte(' ')
			}
			fmt.Fprintf(&text, "%s=%s", name, value)
		}
		text.WriteByte('\n')
	}
	_, err := io.WriteString(out, text.String())
	return err
}
