package archive

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream/files"
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
	if o.Store, err = c.openExisting(o.Dir); err != nil {
		return err
	}
	r, err := audit.Run(ctx, o)
	if err != nil {
		return err
	}
	if *asJSON {
		err = json.NewEncoder(c.stdout()).Encode(r)
	} else {
		err = r.WriteText(c.stdout())
	}
	switch n := int64(len(r.Findings)) + r.More; {
	case err != nil || n == 0:
		return err
	case n == 1:
		return fmt.Errorf("audit of %s: one thing does not hold: standard output names it", o.Dir)
	default:
		return fmt.Errorf("audit of %s: %s things do not hold: standard output names them", o.Dir, cli.Count(n))
	}
}

// openExisting opens the archive in a directory. It returns nil if there is
// none, which the packages report; a store would create it.
func (c Command) openExisting(dir string) (store.Store, error) {
	if _, err := os.Stat(filepath.Join(dir, "ledger", "ledger.json")); err != nil {
		return nil, nil
	}
	return c.openStore(dir)
}
