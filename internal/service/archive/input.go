package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/kafka"
	"github.com/skyfinch/skyfinch/stream/monitor"
)

// input is what the flags ask to archive.
type input struct {
	source   stream.Source
	registry alert.Registry
	work     func(context.Context, *archive.Service) error
	close    func()
}

// open opens the input that the flags name, and checks that it exists.
func (o *options) open(ctx context.Context) (_ *input, err error) {
	in := &input{close: func() {}, work: func(ctx context.Context, s *archive.Service) error {
		if o.once {
			return s.Drain(ctx)
		}
		return s.Run(ctx)
	}}
	defer func() {
		if err != nil {
			in.close()
		}
	}()
	if in.registry, err = openRegistry(ctx, o.registry); err != nil {
		return nil, err
	}
	switch {
	case o.kafka.Simulator:
		err = in.simulate(ctx, o)
	case o.files == nil:
		err = in.openStream(ctx, o)
	default:
		err = in.openFiles(ctx, o)
	}
	return in, err
}

// job returns the service as a job that is watched.
func (in *input) job(s *archive.Service) *monitor.Job {
	j := &monitor.Job{Name: "archive", MicroBatch: &s.Job, Store: s.Store}
	if r, ok := in.registry.(interface{ Check(context.Context) error }); ok {
		j.Checks = map[string]func(context.Context) error{"registry": r.Check}
	}
	return j
}

// openRegistry opens a registry, if the flags name one, and checks that it can be
// reached, so that a wrong address is an error before the first alert needs it.
func openRegistry(ctx context.Context, flags cli.Registry) (alert.Registry, error) {
	at, err := flags.Address()
	if err != nil || at == "" {
		return nil, err
	}
	r, err := alert.OpenRegistry(ctx, at)
	if err != nil {
		return nil, err
	}
	return r, r.Check(ctx)
}

// openStream opens topics.
func (in *input) openStream(ctx context.Context, o *options) error {
	source, err := o.kafka.Source()
	if err != nil {
		return err
	}
	in.source, o.service.Shared = source, source.Join
	in.deferClose(func() { source.Close() })
	err = source.Check(ctx)
	var none *kafka.NoTopicError
	if !o.once && errors.As(err, &none) && none.Regexp {
		slog.Warn("nothing there yet, waiting for it", "topics", none.Topic)
		return nil
	}
	return err
}

// deferClose makes close call f, before what it calls already.
func (in *input) deferClose(f func()) {
	before := in.close
	in.close = func() { f(); before() }
}

// skipped returns an error if err is a files.SkippedError, and otherwise nil.
func skipped(err error) error {
	if errors.As(err, new(*files.SkippedError)) {
		return fmt.Errorf("everything else is archived, but %w", err)
	}
	return nil
}

// settle is how long a file must be unchanged before it is read.
const settle = 5 * time.Second

// openFiles opens files. With -once there must be some; without it the service
// may wait for its first files, and says so.
func (in *input) openFiles(ctx context.Context, o *options) error {
	source := &files.Source{Patterns: o.files, Log: cli.Log()}
	if !o.once {
		source.Settle = settle
	}
	in.source = source
	if o.once {
		in.work = func(ctx context.Context, s *archive.Service) error {
			if err := s.Drain(ctx); err != nil {
				return err
			}
			return skipped(source.Check(ctx))
		}
	}
	extents, err := source.Available(ctx)
	if err != nil {
		return err
	}
	err = source.Check(ctx)
	if skipped(err) != nil && (len(extents) > 0 || !o.once) {
		return nil // the others are archived, and the log names it
	}
	var none *files.NoMatchError
	if !o.once && errors.As(err, &none) {
		slog.Warn("nothing there yet, waiting for it", "files", none.Pattern)
		return nil
	}
	if err == nil && o.once && len(extents) == 0 {
		err = fmt.Errorf("no alerts in %s: in a directory they end in .avro, .bin, .tar, .tgz or .tar.gz", strings.Join(o.files, ","))
	}
	return err
}
