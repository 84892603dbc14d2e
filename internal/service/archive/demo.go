package archive

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/demo"
)

const (
	// demoDir is the archive of a run without flags.
	demoDir = "skyfinch-demo"
	// A simulated night is small enough for a first run, and archived often
	// enough to be seen as a stream.
	demoZTF, demoLSST = 400, 100
	demoInterval      = 500 * time.Millisecond
	// demoRate is the rate of a simulation without end, in alerts a second.
	demoRate = 100
)

// simulate reads a simulation. With -once it is a short night, and the work is
// done when all of it is archived.
func (in *input) simulate(ctx context.Context, o *options) error {
	night := demo.Night{Rate: demoRate}
	if o.once {
		night = demo.Night{ZTF: demoZTF, LSST: demoLSST}
		o.service.Job.Interval = min(o.service.Job.Interval, demoInterval)
	}
	night.Seed = uint64(time.Now().UnixNano()) // no two runs send the same alerts
	d, err := demo.Start(ctx, night)
	if err != nil {
		return err
	}
	if o.once {
		in.work = func(ctx context.Context, s *archive.Service) error { return archiveNight(ctx, s, d) }
	}
	in.deferClose(func() { d.Close() })
	o.kafka.Use(d.Brokers, d.Topics)
	if in.registry == nil {
		in.registry = d.Registry
	}
	return in.openStream(ctx, o)
}

// errNightOver ends a service that has archived a whole night.
var errNightOver = errors.New("the night is over")

// archiveNight archives until all of a demo's night is archived.
func archiveNight(ctx context.Context, s *archive.Service, d *demo.Demo) error {
	run, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		err := d.Wait()
		tick := time.NewTicker(demoInterval / 10)
		defer tick.Stop()
		for err == nil && s.Progress().Read < demoZTF+demoLSST && run.Err() == nil {
			<-tick.C
		}
		stop(cmp.Or(err, errNightOver))
	}()
	if err := s.Run(run); err != nil {
		return err
	}
	if err := context.Cause(run); err != errNightOver {
		return err
	}
	return nil
}

// beforeDemo is printed before anything is written.
const beforeDemo = "writing a simulated night of %d alerts, 23 MB, to ./%[2]s (elsewhere: archive -simulator -once -out DIR; to remove it: rm -r %[2]s)\n"

// afterDemo says what to do with the archive of a run without flags.
const afterDemo = `
Look at it:

  duckdb -c "SELECT objectId, count(*) AS alerts, min(candidate.magpsf) AS brightest
    FROM read_parquet('%[1]s/alerts/ztf/**/*.parquet', union_by_name = true) GROUP BY 1 ORDER BY 3 LIMIT 9"

  python3 -c "import pandas; print(pandas.read_parquet('%[1]s/alerts/lsst', columns=['alert_id', 'ra', 'dec', 'event_time']))"

Your own stream:  archive -brokers HOST:PORT -topics NAME -out DIR     (archive -h is the manual)
`
