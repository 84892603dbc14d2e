// Crossmatch finds what catalogues have at positions on the sky.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/internal/cli"
)

func main() { os.Exit(cli.Main("crossmatch", run)) }

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.demo {
		return demonstrate(ctx, os.Stdout)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(math.MaxInt64) // the catalogues' size is the user's choice
	}
	err = o.run(ctx)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return o.interrupted()
	}
	return err
}

// interrupted says what Ctrl-C left: a job begins from the beginning, and does
// not go on where it was.
func (o *options) interrupted() error {
	if o.out == "" {
		return errors.New("interrupted: not all rows were written: start again from the beginning")
	}
	return fmt.Errorf("interrupted: nothing was written to %s: start again from the beginning", o.out)
}

// options is what the flags say.
type options struct {
	positions    string
	catalogs     []catalogFlag
	radius       angle
	columns      []string // nil: all
	ra, dec      string
	epoch        string
	all, retry   bool
	limit        int
	out          string
	index        string
	memory       cli.Size
	cdsURL, mode string
	demo         bool // no flag at all
}

func parse(args []string) (*options, error) {
	o := &options{radius: angle(1.5 * crossmatch.Arcsecond), memory: 1 << 30}
	f := flag.NewFlagSet("crossmatch", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	f.StringVar(&o.positions, "positions", "", "")
	f.Func("catalog", "", func(text string) error {
		c, err := parseCatalog(text)
		o.catalogs = append(o.catalogs, c)
		return err
	})
	f.Var(&o.radius, "radius", "")
	columns := f.String("columns", "", "")
	f.StringVar(&o.ra, "ra", "", "")
	f.StringVar(&o.dec, "dec", "", "")
	f.StringVar(&o.epoch, "epoch", "", "")
	f.BoolVar(&o.all, "all", false, "")
	f.BoolVar(&o.retry, "retry", false, "")
	f.IntVar(&o.limit, "limit", 0, "")
	f.StringVar(&o.out, "o", "", "")
	f.StringVar(&o.index, "index", "", "")
	f.Var(&o.memory, "memory", "")
	f.StringVar(&o.cdsURL, "cds-url", "", "")
	f.StringVar(&o.mode, "progress", "auto", "")
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	o.demo = f.NFlag() == 0
	if *columns != "" {
		o.columns = strings.Split(*columns, ",")
	}
	for i := range o.catalogs {
		if c := &o.catalogs[i]; c.radius < 0 {
			c.radius = o.radius
		}
	}
	if wrong := o.wrong(); wrong != "" {
		return nil, cli.UsageError{Text: wrong}
	}
	return o, nil
}

// wrong says what is wrong with the flags.
func (o *options) wrong() string {
	if wrong := o.wrongCatalogs(); wrong != "" || o.demo {
		return wrong
	}
	switch {
	case o.positions == "":
		return "say whose positions to match: -positions FILE, a directory of Parquet or a glob"
	case len(o.catalogs) == 0:
		return "say what to match with: -catalog FILE, a HATS directory, cds:simbad or cds:vizier:TABLE"
	case (o.ra == "") != (o.dec == ""):
		return "-ra and -dec go together"
	case slices.Contains(o.columns, ""):
		return "an empty name in -columns"
	case o.retry && o.columns != nil:
		return "-retry keeps all columns: leave out -columns"
	case formatOf(o.out) == noFormat:
		return fmt.Sprintf("-o %s: its ending is to be .csv, .tsv or .parquet", o.out)
	case !slices.Contains([]string{"auto", "off"}, o.mode):
		return fmt.Sprintf("no progress %q: use auto or off", o.mode)
	}
	return o.wrongAll()
}

// wrongCatalogs says what is wrong with -catalog.
func (o *options) wrongCatalogs() string {
	names := map[string]bool{}
	for i := range o.catalogs {
		c := &o.catalogs[i]
		if names[c.name] {
			return fmt.Sprintf("two catalogues are called %q: give one another name, as in -catalog NAME=%s", c.name, c.where)
		}
		names[c.name] = true
		if wrong := c.wrong(); wrong != "" {
			return fmt.Sprintf("-catalog %s: %s", c.where, wrong)
		}
	}
	return ""
}

// wrongAll says what is wrong with -all and -limit.
func (o *options) wrongAll() string {
	switch {
	case o.limit < 0:
		return "-limit must not be negative"
	case o.limit > 0 && !o.all:
		return "-limit is of -all: otherwise the nearest row is taken"
	case o.all && o.retry:
		return "-all and -retry do not go together"
	case o.all && len(o.catalogs) > 1:
		return "-all is for one -catalog"
	case o.all && o.catalogs[0].remote():
		return "-all is for a catalogue that is a file: the CDS is asked for the nearest row"
	}
	return ""
}
