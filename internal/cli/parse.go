package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/skyfinch/skyfinch/internal/nearest"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

// UsageError reports a command line that makes no sense; Main exits with 2.
type UsageError struct{ Text string }

// Error returns the text.
func (e UsageError) Error() string { return e.Text }

// Usage returns err as a UsageError if it is a kafka.FlagError.
func Usage(err error) error {
	var wrong kafka.FlagError
	if errors.As(err, &wrong) {
		return UsageError{err.Error()}
	}
	return err
}

// Parse parses a command line that has flags only. Unlike FlagSet.Parse it
// prints no usage after a mistake: the error says which flag, or which of the
// sub-commands, was probably meant. With -h it prints f's usage and with
// -version the version on standard output, and returns flag.ErrHelp.
func Parse(f *flag.FlagSet, args []string, commands ...string) error {
	f.Init(f.Name(), flag.ContinueOnError)
	version := f.Bool("version", false, "")
	usage, out := f.Usage, f.Output()
	f.Usage = func() {}
	f.SetOutput(io.Discard)
	err := f.Parse(args)
	f.SetOutput(out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.SetOutput(os.Stdout)
		usage()
		return err
	case err != nil:
		return UsageError{err.Error() + meantFlag(f, err)}
	case *version:
		fmt.Println(Version(f.Name()))
		return flag.ErrHelp
	case f.NArg() > 0:
		return UsageError{fmt.Sprintf("unexpected argument %q", f.Arg(0)) + meantArgument(f, commands)}
	}
	return nil
}

// meantFlag suggests a flag for one that is not defined.
func meantFlag(f *flag.FlagSet, err error) string {
	name, undefined := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !undefined {
		return ""
	}
	return didYouMean("-", nearest.Of(name, flagNames(f)))
}

// meantArgument suggests a sub-command, or a flag that was written without its
// dash.
func meantArgument(f *flag.FlagSet, commands []string) string {
	if command := nearest.Of(f.Arg(0), commands); command != "" {
		return didYouMean("", command)
	}
	return didYouMean("-", nearest.Of(f.Arg(0), flagNames(f)))
}

func didYouMean(dash, name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s%s?", dash, name)
}

func flagNames(f *flag.FlagSet) (names []string) {
	f.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}
