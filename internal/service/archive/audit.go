package archive

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/monitor"
	"github.com/skyfinch/skyfinch/stream/store"
)

// audit is the command archive audit.
func (c Command) audit(ctx context.Context, args []string) (err error) {
	var o audit.Options
	kafka := cli.Kafka{Observer: true} // it must not commit offsets
	f := flag.NewFlagSet("archive audit", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), auditManual) }
	f.StringVar(&o.Dir, "out", "archive", "")
	f.BoolVar(&o.Repair, "repair", false, "")
	f.BoolVar(&o.Deep, "deep", false, "")
	asJSON := f.Bool("json", false, "")
	since, save := f.String("since", "", ""), f.String("save", "", "")
	paths := f.String("files", "", "")
	kafka.Flags(f)
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	patterns, err := splitPaths(*paths)
	switch {
	case err != nil:
		return err
	case o.Dir == "":
		return errNoDir
	case kafka.Simulator:
		return cli.UsageError{Text: "a simulator that has ended cannot be compared with its archive: leave out -simulator"}
	case patterns != nil && kafka.Given():
		return cli.UsageError{Text: "-files and a stream have two archives: leave out one of them"}
	case patterns != nil:
		o.Source = &files.Source{Patterns: patterns, Log: cli.Log()}
	case kafka.Given():
		source, err := kafka.Source()
		if err != nil {
			return err
		}
		defer source.Close()
		if err := source.Check(ctx); err != nil {
			return err
		}
		o.Source = source
	}
	if o.Since, err = readSummary(*since); err != nil {
		return err
	}
	if o.Store, err = c.openExisting(o.Dir); err != nil {
		return err
	}
	r, err := audit.Run(ctx, o)
	if err != nil {
		return err
	}
	if o.Store != nil { // the metrics of services say when the last audit was
		if err := monitor.RecordAudit(ctx, o.Store, int(int64(len(r.Findings))+r.More)); err != nil {
			cli.Log().Warn("the services' metrics will not show this audit", "err", err)
		}
	}
	err = c.printReport(r, *asJSON)
	if *save != "" && r.Summary != nil {
		err = errors.Join(err, writeFile(*save, r.Summary))
	}
	return err
}

// readSummary reads the file of -since, if there is one.
func readSummary(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("-since %s: no such file: the first audit needs only -save", name)
	}
	return data, err
}

// printReport prints a report. It returns an error if there are findings.
func (c Command) printReport(r *audit.Report, asJSON bool) (err error) {
	if asJSON {
		err = json.NewEncoder(c.stdout()).Encode(r)
	} else {
		err = r.WriteText(c.stdout())
	}
	switch n := int64(len(r.Findings)) + r.More; {
	case err != nil || n == 0:
		return err
	case n == 1:
		return fmt.Errorf("audit of %s: one thing does not hold: standard output names it", r.Archive)
	default:
		return fmt.Errorf("audit of %s: %s things do not hold: standard output names them", r.Archive, cli.Count(n))
	}
}

// writeFile writes a file, or leaves it as it was.
func writeFile(name string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

// openExisting opens the archive in a directory. It returns nil if there is
// none, which the packages report; a store would create it.
func (c Command) openExisting(dir string) (store.Store, error) {
	if _, err := os.Stat(filepath.Join(dir, "ledger", "ledger.json")); err != nil {
		return nil, nil
	}
	return c.openStore(dir)
}
