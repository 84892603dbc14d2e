package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/store"
)

// audit is the command archive audit.
func audit(ctx context.Context, args []string) error {
	a := &archive.Audit{}
	kafka := cli.Kafka{Observer: true} // it must not commit offsets
	f := flag.NewFlagSet("archive audit", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), auditManual) }
	f.StringVar(&a.Dir, "out", "archive", "")
	f.BoolVar(&a.Repair, "repair", false, "")
	f.BoolVar(&a.Deep, "deep", false, "")
	asJSON := f.Bool("json", false, "")
	paths := f.String("files", "", "")
	kafka.Flags(f)
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	switch {
	case a.Dir == "":
		return cli.UsageError{Text: "say where the archive is: -out DIR"}
	case kafka.Simulator:
		return cli.UsageError{Text: "no archive is kept of a simulator that has ended: leave out -simulator"}
	case *paths != "" && kafka.Given():
		return cli.UsageError{Text: "-files and a stream are two archives: leave out one of them"}
	case *paths != "":
		names := strings.Split(*paths, ",")
		if slices.Contains(names, "") {
			return cli.UsageError{Text: fmt.Sprintf("an empty name in -files %q", *paths)}
		}
		a.Source = &files.Source{Patterns: names}
	case kafka.Given():
		source, err := kafka.Source()
		if err != nil {
			return err
		}
		defer source.Close()
		if err := source.Check(ctx); err != nil {
			return err
		}
		a.Source = source
	}
	var err error
	if a.Store, err = existing(a.Dir); err != nil {
		return err
	}
	r, err := a.Run(ctx)
	if err != nil {
		return err
	}
	if err := show(r, *asJSON); err != nil {
		return err
	}
	if !r.OK() {
		return fmt.Errorf("audit of %s: %s", a.Dir, wrong(int64(len(r.Findings))+r.More))
	}
	return nil
}

func wrong(n int64) string {
	if n == 1 {
		return "one thing does not hold: standard output names it"
	}
	return cli.Count(n) + " things do not hold: standard output names them"
}

func show(r *archive.Report, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	return r.WriteText(os.Stdout)
}

// existing opens the archive in a directory. It returns nil if none is there:
// a store would make one.
func existing(dir string) (store.Store, error) {
	if _, err := os.Stat(filepath.Join(dir, "ledger", "ledger.json")); err != nil {
		return nil, nil // package archive says what is wrong
	}
	return openStore(dir)
}
