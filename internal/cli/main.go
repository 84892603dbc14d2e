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

// memoryLimit is the size from which Go collects garbage more often than it
// would. The memory that a job needs is bounded by its settings, far below.
const memoryLimit = 400 << 20

// maxInflated bounds the size in memory of a compressed batch of Kafka
// messages, in bytes; sarama has no bound of its own, and takes up to four times
// as much while it inflates one. It is enough for one message of the size that a
// decoder accepts. Producers' batches have about 1 MiB before they are compressed.
const maxInflated = 65 << 20

// The exit statuses of Main.
const (
	exitError       = 1
	exitUsage       = 2
	exitInterrupted = 128 + int(syscall.SIGINT)
)

// Main runs a command until it ends, or until SIGINT (Ctrl-C) or SIGTERM cancels
// its context; a second signal kills the process. It returns the exit status,
// and prints an error on standard error, in one line:
//
//	0    the command succeeded
//	1    an error, or SIGTERM before the work was done
//	2    a usage error
//	130  SIGINT before the work was done
func Main(name string, run func(ctx context.Context, args []string) error) int {
	ctx := untilSignal()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	sarama.MaxDecompressedBatchSize = maxInflated
	err := run(ctx, os.Args[1:])
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var usage UsageError
	text, status := Explain(name, err), exitError
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		text = name + ": interrupted: start again to finish, nothing is lost"
	case errors.As(err, &usage):
		text, status = fmt.Sprintf("%s (%s -h tells more)", text, name), exitUsage
	}
	var by stopSignal
	if errors.As(context.Cause(ctx), &by) && by.Signal == os.Interrupt {
		status = exitInterrupted
	}
	fmt.Fprintln(os.Stderr, text)
	return status
}

// stopSignal is the cause of a context that a signal canceled.
type stopSignal struct{ os.Signal }

// Error implements error.
func (s stopSignal) Error() string { return s.String() }

// untilSignal returns a context that the first SIGINT or SIGTERM cancels. The
// second one kills the process.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		by := <-signals
		signal.Stop(signals)
		cancel(stopSignal{by})
	}()
	return ctx
}

// Explain formats an error as one line that begins with the command's name and
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
	var truncated *stream.TruncatedError
	var noMatch *files.NoMatchError
	switch {
	case errors.As(err, &noMatch):
		return "" // the error has its own
	case errors.As(err, &lost):
		return "bring them back, or start with -lost record to go on without them"
	case errors.As(err, &truncated):
		return "see what happened there; to go on without the new messages that reuse these offsets, start with -lost record"
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
