package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/sink"
)

// replayRejected is the command archive replay-rejected.
func replayRejected(ctx context.Context, args []string) error {
	s := &archive.Service{Log: cli.Log()}
	f := flag.NewFlagSet("archive replay-rejected", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), replayManual) }
	f.StringVar(&s.Dir, "out", "archive", "")
	cause := f.String("cause", "", "")
	registry := f.String("registry", "", "")
	compression := f.String("compression", "zstd", "")
	f.IntVar(&s.Workers, "workers", 0, "")
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
		return cli.UsageError{Text: "say where the archive is: -out DIR"}
	case s.Workers < 0:
		return cli.UsageError{Text: "-workers must not be negative"}
	}
	if *registry != "" {
		if s.Registry, err = openRegistry(ctx, *registry); err != nil {
			return err
		}
	}
	if s.Store, err = existing(s.Dir); err != nil {
		return err
	}
	r, err := s.Replay(ctx, re.MatchString)
	if err != nil {
		return err
	}
	summary(r)
	return nil
}

// mostCauses is how many causes a summary shows.
const mostCauses = 5

func summary(r archive.Replayed) {
	fmt.Fprintf(os.Stdout, "replayed  %s rejected messages: %s are alerts now\n", cli.Count(r.Chosen), cli.Count(r.Written))
	if r.Rejected == 0 {
		return
	}
	fmt.Fprintf(os.Stdout, "          %s that lay beside them or failed again stay rejected:\n", cli.Count(r.Rejected))
	causes := slices.SortedFunc(maps.Keys(r.Causes), func(a, b string) int { return int(r.Causes[b] - r.Causes[a]) })
	for _, c := range causes[:min(len(causes), mostCauses)] {
		fmt.Fprintf(os.Stdout, "          %s  %s\n", cli.Count(r.Causes[c]), c)
	}
}
