package archive

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/sink"
)

// compact is the command archive compact.
func (c Command) compact(ctx context.Context, args []string) (err error) {
	var job archive.Compaction
	f := flag.NewFlagSet("archive compact", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), compactManual) }
	f.StringVar(&job.Dir, "out", "archive", "")
	f.DurationVar(&job.Quiet, "quiet", time.Hour, "")
	order := f.String("order", "time", "")
	f.Var((*cli.Size)(&job.Size), "size", "")
	f.DurationVar(&job.Grace, "grace", 0, "")
	compression := f.String("compression", "zstd", "")
	f.IntVar(&job.Workers, "workers", 0, "")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if job.Order, err = archive.ParseOrder(*order); err != nil {
		return cli.UsageError{Text: "-order: " + err.Error()}
	}
	if job.Compression, err = sink.ParseCompression(*compression); err != nil {
		return cli.UsageError{Text: err.Error()}
	}
	switch {
	case job.Dir == "":
		return errNoDir
	case job.Quiet < 0 || job.Grace < 0 || job.Workers < 0:
		return cli.UsageError{Text: "-quiet, -grace and -workers must not be negative"}
	}
	if job.Store, err = c.openExisting(job.Dir); err != nil {
		return err
	}
	begun := time.Now()
	done, err := watchCompaction(ctx, &job)
	if err == nil || done.Dirs > 0 {
		printCompacted(c.stdout(), done, time.Since(begun))
	}
	return err
}

// watchCompaction runs a compaction and shows its progress on a terminal.
func watchCompaction(ctx context.Context, job *archive.Compaction) (done archive.Compacted, err error) {
	if _, _, ok := cli.Terminal(os.Stderr); !ok {
		return job.Run(ctx)
	}
	var mu sync.Mutex
	var now archive.Compacted
	job.Observe = func(d archive.Compacted) {
		mu.Lock()
		defer mu.Unlock()
		now = d
	}
	begun := time.Now()
	err = cli.Meanwhile(200*time.Millisecond, func() {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s done, %s to look at: %s files are %s, %s/s",
			hours(now.Dirs), cli.Count(now.Left), cli.Count(now.Files), cli.Count(now.NewFiles), cli.Bytes(perSecond(now.Bytes+now.Merged, time.Since(begun))))
	}, func() error {
		done, err = job.Run(ctx)
		return err
	})
	fmt.Fprint(os.Stderr, "\r\x1b[K")
	return done, err
}

func perSecond(n int64, d time.Duration) int64 { return int64(float64(n) / max(d.Seconds(), 1e-3)) }

// printCompacted prints one line.
func printCompacted(w io.Writer, d archive.Compacted, took time.Duration) {
	text := "nothing: no hour that is quiet has small files to merge"
	if d.Dirs > 0 {
		text = fmt.Sprintf("%s, %s alerts: %s files are %s now, %s are %s (%s, %s/s)",
			hours(d.Dirs), cli.Count(d.Rows), cli.Count(d.Files), cli.Count(d.NewFiles), cli.Bytes(d.Bytes), cli.Bytes(d.NewBytes),
			took.Round(10*time.Millisecond), cli.Bytes(perSecond(d.Bytes, took)))
	}
	if d.Deleted > 0 {
		text += fmt.Sprintf("; deleted %s files that were replaced earlier", cli.Count(d.Deleted))
	}
	if d.Busy > 0 {
		text += fmt.Sprintf("; %s left to other processes", hours(d.Busy))
	}
	fmt.Fprintf(w, "compacted  %s\n", text)
}

func hours(n int64) string {
	if n == 1 {
		return "1 hour"
	}
	return cli.Count(n) + " hours"
}

// prune is the command archive prune.
func (c Command) prune(ctx context.Context, args []string) (err error) {
	var job archive.Prune
	f := flag.NewFlagSet("archive prune", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), pruneManual) }
	f.StringVar(&job.Dir, "out", "archive", "")
	before := f.String("before", "", "")
	f.Var((*cli.Size)(&job.Keep), "keep", "")
	f.BoolVar(&job.DryRun, "n", false, "")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	switch {
	case job.Dir == "":
		return errNoDir
	case (*before == "") == (job.Keep == 0):
		return cli.UsageError{Text: "say what to remove: -before YYYY-MM-DD or -keep SIZE"}
	case *before != "":
		if job.Before, err = time.Parse(time.DateOnly, *before); err != nil {
			return cli.UsageError{Text: fmt.Sprintf("-before %q: write a date, such as 2026-01-31", *before)}
		}
	}
	if job.Store, err = c.openExisting(job.Dir); err != nil {
		return err
	}
	done, err := job.Run(ctx)
	verb := "pruned"
	if job.DryRun {
		verb = "would prune"
	}
	if done.Dirs > 0 {
		fmt.Fprintf(c.stdout(), "%s  %s, %s to %s: %s alerts in %s files, %s; %s remain\n", verb, hours(done.Dirs), done.First, done.Last,
			cli.Count(done.Rows), cli.Count(done.Files), cli.Bytes(done.Bytes), cli.Bytes(done.Left))
	} else if err == nil {
		fmt.Fprintf(c.stdout(), "%s  nothing: %s of alerts\n", verb, cli.Bytes(done.Left))
	}
	return err
}
