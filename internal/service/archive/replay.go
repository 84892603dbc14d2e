package archive

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/printable"
	"github.com/skyfinch/skyfinch/sink"
)

// replayRejected is the command archive replay-rejected.
func (c Command) replayRejected(ctx context.Context, args []string) error {
	s := &archive.Service{}
	s.Job.Log = cli.Log()
	f := flag.NewFlagSet("archive replay-rejected", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), replayManual) }
	f.StringVar(&s.Dir, "out", "archive", "")
	cause := f.String("cause", "", "")
	var registry cli.Registry
	registry.Flags(f)
	compression := f.String("compression", "zstd", "")
	f.IntVar(&s.Job.Workers, "workers", 0, "")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	re, err := regexp.Compile(*cause)
	if err != nil {
		return cli.UsageError{Text: fmt.Sprintf("-cause: %v", err)}
	}
	if s.Compression, err = sink.ParseCompression(*compression); err != nil {
		return cli.UsageError{Text: err.Error()}
	}
	switch {
	case s.Dir == "":
		return errNoDir
	case s.Job.Workers < 0:
		return cli.UsageError{Text: "-workers must not be negative"}
	}
	if s.Registry, err = openRegistry(ctx, registry); err != nil {
		return err
	}
	if s.Store, err = c.openExisting(s.Dir); err != nil {
		return err
	}
	r, err := s.Replay(ctx, re.MatchString)
	if err != nil {
		return err
	}
	printReplayed(c.stdout(), r)
	return nil
}

// maxCauses is how many causes the summary shows.
const maxCauses = 5

func printReplayed(w io.Writer, r archive.Replayed) {
	fmt.Fprintf(w, "replayed  %s rejected messages: %s are alerts now\n", cli.Count(r.Chosen), cli.Count(r.Written))
	if r.Rejected == 0 {
		return
	}
	fmt.Fprintf(w, "          %s stay rejected, not tried or failed again:\n", cli.Count(r.Rejected))
	causes := slices.SortedFunc(maps.Keys(r.Causes), func(a, b string) int { return int(r.Causes[b] - r.Causes[a]) })
	for _, c := range causes[:min(len(causes), maxCauses)] {
		fmt.Fprintf(w, "          %s  %s\n", cli.Count(r.Causes[c]), printable.Text(c))
	}
}
