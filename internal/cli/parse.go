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

// UsageError reports an invalid command line; Main exits with 2.
type UsageError struct {
	Text    string
	Command string // whose -h tells more; if empty, the program
}

// Error returns the text.
func (e UsageError) Error() string { return e.Text }

// Usage returns err as a UsageError if it is a kafka.FlagError.
func Usage(err error) error {
	var wrong kafka.FlagError
	if errors.As(err, &wrong) {
		return UsageError{Text: err.Error()}
	}
	return err
}

// UsageOf sets the Command of a UsageError that has none. It returns other errors
// as they are.
func UsageOf(command string, err error) error {
	var wrong UsageError
	if errors.As(err, &wrong) && wrong.Command == "" {
		wrong.Command = command
		return wrong
	}
	return err
}

// Parse parses a command line that has flags only. Unlike FlagSet.Parse it
// prints no usage after a mistake: the error names the flag that was probably
// meant. With -h it prints f's usage and with -version the version on standard
// output, and returns flag.ErrHelp.
func Parse(f *flag.FlagSet, args []string) error {
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
		text := err.Error()
		if name, undefined := strings.CutPrefix(text, "flag provided but not defined: -"); undefined {
			text += flagHint(f, name)
		}
		return UsageError{Text: text}
	case *version:
		fmt.Println(versionLine(f.Name()))
		return flag.ErrHelp
	case f.NArg() > 0:
		return UsageError{Text: fmt.Sprintf("unexpected argument %q", f.Arg(0)) + flagHint(f, f.Arg(0))}
	}
	return nil
}

// flagHint suggests the flag that was meant, if one is near.
func flagHint(f *flag.FlagSet, name string) string {
	var names []string
	f.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	if meant := nearest.To(name, names); meant != "" {
		return fmt.Sprintf(", did you mean -%s?", meant)
	}
	return ""
}
