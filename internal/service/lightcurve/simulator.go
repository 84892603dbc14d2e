package lightcurve

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/lightcurve"
	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
)

// simulatedAlerts is the number of alerts of -simulator.
const simulatedAlerts = 500

// simulated writes the alerts of a simulated night of ZTF, without cutouts, to a file in
// a directory. It returns the file's name, and the object with the longest light curve.
func simulated(ctx context.Context, dir string) (name, object string, err error) {
	b := stream.NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	night := sim.Simulator{Survey: sim.ZTF, Seed: 1, Alerts: simulatedAlerts}
	for p, err := range night.Packets(simulatedAlerts) {
		if err != nil {
			return "", "", err
		}
		b.Append(stream.Message{Topic: "simulator", Offset: int64(b.Len()), Time: p.Time, Value: stream.View{Buffer: memory.NewBufferBytes(p.Value), To: len(p.Value)}})
	}
	messages := b.NewRecord()
	defer messages.Release()
	var d alert.Decoder
	defer d.Close()
	decoded, err := d.Apply(ctx, stream.Rows{Record: messages})
	if err != nil {
		return "", "", err
	}
	if len(decoded.Rows) != 1 {
		return "", "", fmt.Errorf("the simulated night has %d tables, and %d messages that cannot be decoded", len(decoded.Rows), len(decoded.Rejects))
	}
	all := decoded.Rows[0].Record
	defer all.Release()
	var fields []arrow.Field
	var columns []arrow.Array
	for _, column := range []string{"alert_id", "object_id", "candidate", "prv_candidates"} {
		i := all.Schema().FieldIndices(column)[0]
		fields, columns = append(fields, all.Schema().Field(i)), append(columns, all.Column(i))
	}
	rec := array.NewRecord(arrow.NewSchema(fields, nil), columns, all.NumRows())
	defer rec.Release()
	if object, err = longest(rec); err != nil {
		return "", "", err
	}
	name = filepath.Join(dir, "simulated.parquet")
	file, err := os.Create(name)
	if err != nil {
		return "", "", err
	}
	defer file.Close()
	w, err := parquetfile.NewWriter(file, rec.Schema(), parquetfile.Options{})
	if err != nil {
		return "", "", err
	}
	if err := w.WriteRowGroup([]parquetfile.Rows{{Record: rec}}); err != nil {
		return "", "", err
	}
	return name, object, w.Close()
}

// longest returns the object whose alert has the most points.
func longest(rec arrow.Record) (object string, err error) {
	name, err := objectOf(rec)
	if err != nil {
		return "", err
	}
	most, points := 0, []lightcurve.Point(nil)
	for row := range int(rec.NumRows()) {
		if points, err = lightcurve.Points(points[:0], rec, row); err != nil {
			return "", err
		}
		if len(points) > most && name(row) != "" {
			most, object = len(points), name(row)
		}
	}
	return object, nil
}
