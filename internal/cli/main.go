package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// UsageError is an error of whoever typed the command; Main exits with 2.
type UsageError struct{ Text string }

func (e UsageError) Error() string { return e.Text }

// Main runs a command until it ends, or until Ctrl-C or SIGTERM end its
// context; a second signal kills it. It returns the exit status: 0, 1 after an
// error, which stands on standard error in one line, or 2 after wrong usage.
func Main(name string, run func(ctx context.Context, args []string) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:])
	var usage UsageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return 0 // asked for; what was not finished comes again
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "%s: %s (%s -h tells more)\n", name, oneLine(err), name)
		return 2
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", name, oneLine(err))
	return 1
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

// Parse parses flags, without package flag's habit of printing the whole usage
// after each mistake.
func Parse(f *flag.FlagSet, args []string) error {
	f.Init(f.Name(), flag.ContinueOnError)
	usage, out := f.Usage, f.Output()
	f.Usage = func() {}
	f.SetOutput(discard{})
	err := f.Parse(args)
	f.SetOutput(out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.SetOutput(os.Stdout)
		usage()
		return err
	case err != nil:
		return UsageError{err.Error()}
	case f.NArg() > 0:
		return UsageError{fmt.Sprintf("unexpected argument %q", f.Arg(0))}
	}
	return nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
