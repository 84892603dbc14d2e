package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// UsageError is an error of whoever typed the command; Main exits with 2.
type UsageError struct{ Text string }

// Error is the text.
func (e UsageError) Error() string { return e.Text }

// memoryLimit is from where on Go collects garbage more often than it would:
// what is alive is bounded by the settings of the job, and far below.
const memoryLimit = 400 << 20

// mostInflated is how large a compressed batch of Kafka messages may become in
// memory, in bytes; sarama has no bound by itself. Brokers refuse batches above
// 1 MiB, or some more, before they are inflated.
const mostInflated = 128 << 20

// Main runs a command until it ends, or until Ctrl-C or SIGTERM end its
// context; a second signal kills it. It returns the exit status: 0, 1 after an
// error or when what was asked for was not finished, which stands on standard
// error in one line, or 2 after wrong usage.
func Main(name string, run func(ctx context.Context, args []string) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	sarama.MaxDecompressedBatchSize = mostInflated
	err := run(ctx, os.Args[1:])
	var usage UsageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintf(os.Stderr, "%s: interrupted: start again to finish, nothing is lost\n", name)
		return 1
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "%s (%s -h tells more)\n", Explain(name, err), name)
		return 2
	}
	fmt.Fprintln(os.Stderr, Explain(name, err))
	return 1
}

// Explain puts an error into one line that begins with the command's name and
// ends with what to do, where that is known.
func Explain(name string, err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	text = name + ": " + strings.TrimPrefix(text, name+": ")
	if hint := hintFor(err); hint != "" {
		text += ": " + hint
	}
	return text
}

func hintFor(err error) string {
	var batch *stream.BatchError
	again := ""
	if errors.As(err, &batch) {
		again = ", then start again: nothing is lost"
	}
	var lost *stream.LostError
	var cut *stream.TruncatedError
	var none *files.NoMatchError
	switch {
	case errors.As(err, &none):
		return "" // it says so itself
	case errors.As(err, &lost):
		return "bring them back, or start with -lost record to go on without them"
	case errors.As(err, &cut):
		return "see what happened there; to go on without the messages that get these offsets again, start with -lost record"
	case errors.Is(err, syscall.ENOSPC):
		return "free space on that disk" + again
	case errors.Is(err, syscall.EDQUOT):
		return "free space within the quota" + again
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return "make it accessible to this user" + again
	case again != "":
		return "mend the cause" + again
	}
	return ""
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
		return UsageError{withoutSecret(err.Error())}
	case f.NArg() > 0:
		return UsageError{fmt.Sprintf("unexpected argument %q", f.Arg(0))}
	}
	return nil
}

// withoutSecret leaves out what package flag quotes of a list of brokers, in
// which somebody may have put a password.
func withoutSecret(text string) string {
	const at = " for flag -brokers: "
	if quoted, cause, ok := strings.Cut(text, at); ok && strings.Contains(quoted, "@") {
		return "-brokers: " + cause
	}
	return text
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
