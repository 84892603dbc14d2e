package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

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
			return cli.UsageOf("archive audit", c.audit(ctx, args[1:]))
		case "ls":
			return cli.UsageOf("archive ls", c.list(ctx, args[1:]))
		case "compact":
			return cli.UsageOf("archive compact", interrupted(ctx, c.compact(ctx, args[1:])))
		case "prune":
			return cli.UsageOf("archive prune", interrupted(ctx, c.prune(ctx, args[1:])))
		case "replay-rejected":
			return cli.UsageOf("archive replay-rejected", interrupted(ctx, c.replayRejected(ctx, args[1:])))
		default:
			return cli.UsageError{Text: fmt.Sprintf("unknown command %q", name) + nearest.Hint(name, []string{"audit", "compact", "ls", "prune", "replay-rejected"})}
		}
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	o.meter.Out = cli.Unblocked(c.stdout())
	signal.Ignore(syscall.SIGPIPE) // a reader of the progress that has ended does not end the archive
	if o.demo {
		fmt.Fprintf(o.meter.Out, beforeDemo, demoZTF+demoLSST, o.service.Dir)
	}
	return interrupted(ctx, c.archive(ctx, o))
}

// interrupted returns the error of work that was interrupted and can be resumed.
func interrupted(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return errors.New("interrupted: start again to finish, nothing is lost")
	}
	return err
}

// archive archives what the flags name.
func (c Command) archive(ctx context.Context, o *options) error {
	server, err := o.watch.Open()
	if err != nil {
		return err
	}
	defer server.Close()
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
	server.Add(in.job(s))
	err = server.Run(ctx, func() error {
		return o.meter.Watch(s.Progress, func() error { return in.work(ctx, s) })
	})
	if p := s.Progress(); p.Elapsed > 0 { // it has begun
		failed := o.meter.Summary(p, s.Dir)
		switch {
		case failed == nil || err != nil:
		case o.once:
			err = fmt.Errorf("the work is done, but its summary cannot be printed: %w", failed)
		default:
			cli.Log().Warn("the summary cannot be printed", "err", failed)
		}
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
