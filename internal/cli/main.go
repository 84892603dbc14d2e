package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/internal/nearest"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// UsageError is wrong usage of a command; Main exits with 2.
type UsageError struct{ Text string }

// Error returns the text.
func (e UsageError) Error() string { return e.Text }

// memoryLimit is where Go begins to collect garbage more often. Live memory is
// bounded by the settings of the job, far below it.
const memoryLimit = 400 << 20

// maxInflated is the most memory, in bytes, that a compressed batch of Kafka
// messages may take; sarama itself has no limit. Brokers limit batches, to 1 MiB
// by default, before compression or after, depending on the producer.
const maxInflated = 128 << 20

// Main runs a command until it ends, or until SIGINT or SIGTERM end its
// context; a second signal kills it. It returns the exit status: 0; 1 after an
// error, which it prints to standard error in one line; 2 after wrong usage;
// 130 if SIGINT interrupted unfinished work, 1 if SIGTERM did.
func Main(name string, run func(ctx context.Context, args []string) error) int {
	ctx, interrupted, stop := notifyContext()
	defer stop()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	sarama.MaxDecompressedBatchSize = maxInflated
	err := run(ctx, os.Args[1:])
	var usage UsageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "%s (%s -h tells more)\n", Explain(name, err), name)
		return 2
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintf(os.Stderr, "%s: interrupted: start again to finish, nothing is lost\n", name)
	default:
		fmt.Fprintln(os.Stderr, Explain(name, err))
	}
	if interrupted() {
		return 128 + int(syscall.SIGINT)
	}
	return 1
}

// notifyContext returns a context that ends at the first SIGINT or SIGTERM;
// later ones have their usual effect. interrupted reports whether it was SIGINT.
func notifyContext() (ctx context.Context, interrupted func() bool, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	errInterrupt := errors.New("interrupt")
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			if s == os.Interrupt {
				cancel(errInterrupt)
			}
			cancel(nil)
		case <-ctx.Done():
		}
	}()
	interrupted = func() bool { return context.Cause(ctx) == errInterrupt }
	return ctx, interrupted, func() { signal.Stop(signals); cancel(nil) }
}

// Explain formats an error as one line that begins with the command's name and
// ends with what to do, if that is known.
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
	var truncated *stream.TruncatedError
	var noMatch *files.NoMatchError
	switch {
	case errors.As(err, &noMatch):
		return "" // its text says what to do
	case errors.As(err, &lost):
		return "bring them back, or start with -lost record to go on without them"
	case errors.As(err, &truncated):
		return "find out what happened there; to go on without the messages that get these offsets again, start with -lost record"
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

// Parse parses flags. Unlike flag.FlagSet.Parse it returns wrong usage as a
// UsageError, without printing the usage, and knows -version. For -h and
// -version it prints to standard output and returns flag.ErrHelp.
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
		return UsageError{withoutSecret(err.Error()) + nearestFlag(f, err)}
	case *version:
		fmt.Println(Version(f.Name()))
		return flag.ErrHelp
	case f.NArg() > 0:
		return UsageError{fmt.Sprintf("unexpected argument %q", f.Arg(0))}
	}
	return nil
}

// nearestFlag returns a hint at the flag that an undefined one may stand for.
func nearestFlag(f *flag.FlagSet, err error) string {
	name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return ""
	}
	var defined []string
	f.VisitAll(func(f *flag.Flag) { defined = append(defined, f.Name) })
	if n := nearest.To(strings.TrimPrefix(name, "-"), defined); n != "" {
		return ", did you mean -" + n + "?"
	}
	return ""
}

// withoutSecret removes a quoted list of brokers, which may contain a password
// by mistake.
func withoutSecret(text string) string {
	const at = " for flag -brokers: "
	if quoted, cause, ok := strings.Cut(text, at); ok && strings.Contains(quoted, "@") {
		return "-brokers: " + cause
	}
	return text
}
