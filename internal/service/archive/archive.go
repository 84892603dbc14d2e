package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/nearest"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Command is the command archive. Its fields are for tests; users run the zero
// value.
type Command struct {
	// Stdout is the standard output. If nil, it is os.Stdout.
	Stdout io.Writer
	// OpenStore opens the directory of an archive. If nil, it is store.OpenDir.
	OpenStore func(dir string) (store.Store, error)
	// Prepare, if not nil, changes a service before it archives.
	Prepare func(*archive.Service)
}

// Run runs the command archive until it is done or the context ends.
func Run(ctx context.Context, args []string) error { return Command{}.Run(ctx, args) }

// Run runs the command with its arguments, without the name of the program.
func (c Command) Run(ctx context.Context, args []string) error {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		switch name := args[0]; name {
		case "audit":
			return c.audit(ctx, args[1:])
		case "replay-rejected":
			return c.replayRejected(ctx, args[1:])
		default:
			return cli.UsageError{Text: fmt.Sprintf("unknown command %q", name) + nearest.Hint(name, []string{"audit", "replay-rejected"})}
		}
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	o.meter.Out = c.stdout()
	if o.demo {
		fmt.Fprintf(o.meter.Out, beforeDemo, demoZTF+demoLSST, o.service.Dir)
	}
	return c.archive(ctx, o)
}

// archive archives what the flags name.
func (c Command) archive(ctx context.Context, o *options) error {
	in, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer in.close()
	s := &o.service
	s.Job.Source, s.Registry, s.Job.Log = in.source, in.registry, cli.Log()
	if s.Store, err = c.openStore(s.Dir); err != nil {
		return fmt.Errorf("%w: choose with -out a directory that can be written", err)
	}
	if c.Prepare != nil {
		c.Prepare(s)
	}
	err = o.meter.Watch(s.Progress, func() error { return in.work(ctx, s) })
	if p := s.Progress(); p.Elapsed > 0 { // it has begun
		err = errors.Join(err, o.meter.Summary(p, s.Dir))
	}
	if o.demo && err == nil {
		fmt.Fprintf(o.meter.Out, afterDemo, s.Dir)
	}
	return err
}

func (c Command) stdout() io.Writer {
	if c.Stdout != nil {
		return c.Stdout
	}
	return os.Stdout
}

func (c Command) openStore(dir string) (store.Store, error) {
	if c.OpenStore != nil {
		return c.OpenStore(dir)
	}
	return store.OpenDir(dir)
}
