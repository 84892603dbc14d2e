// Package crossmatch is the command crossmatch, which finds what catalogues have
// at positions on the sky.
package crossmatch

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

	"github.com/skyfinch/skyfinch/crossmatch/catalog"
	"github.com/skyfinch/skyfinch/internal/cli"
)

// Run runs the command.
func Run(ctx context.Context, args []string) error {
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

// interrupted returns the error after Ctrl-C. Unlike the archive, this command
// starts again from the beginning.
func (o *options) interrupted() error {
	if o.toStdout() {
		return errors.New("interrupted: not all rows were written: start again from the beginning")
	}
	return fmt.Errorf("interrupted: nothing was written to %s: start again from the beginning", o.out)
}

func (o *options) toStdout() bool { return o.out == "" || o.out == "-" }

// options are the values of the flags.
type options struct {
	positions    string
	catalogs     []catalog.Spec
	columns      []string // nil for all
	ra, dec      string
	epoch        string
	all, retry   bool
	limit        int
	out          string // "" and "-" are standard output
	format       format
	index        string
	memory       cli.Size
	cdsURL, mode string
	demo         bool // there is no flag at all
	watch        cli.Watch
}

func parse(args []string) (*options, error) {
	o := &options{memory: 1 << 30}
	radius := catalog.DefaultRadius
	f := flag.NewFlagSet("crossmatch", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	f.StringVar(&o.positions, "positions", "", "")
	f.Func("catalog", "", func(text string) error {
		s, err := catalog.Parse(text)
		o.catalogs = append(o.catalogs, s)
		return err
	})
	f.Func("radius", "", func(text string) (err error) {
		radius, err = catalog.ParseAngle(text)
		return err
	})
	columns := f.String("columns", "", "")
	f.StringVar(&o.ra, "ra", "", "")
	f.StringVar(&o.dec, "dec", "", "")
	f.StringVar(&o.epoch, "epoch", "", "")
	f.BoolVar(&o.all, "all", false, "")
	f.BoolVar(&o.retry, "retry", false, "")
	f.IntVar(&o.limit, "limit", 0, "")
	f.StringVar(&o.out, "o", "", "")
	format := f.String("format", "", "")
	f.StringVar(&o.index, "index", "", "")
	f.Var(&o.memory, "memory", "")
	f.StringVar(&o.cdsURL, "cds-url", "", "")
	f.StringVar(&o.mode, "progress", "auto", "")
	o.watch.Flags(f)
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	o.demo = f.NFlag() == 0
	for i := range o.catalogs {
		if c := &o.catalogs[i]; !c.HasRadius {
			c.Radius, c.HasRadius = radius, true
		}
	}
	if *columns != "" {
		o.columns = strings.Split(*columns, ",")
	}
	o.format = formatOf(o.out)
	if *format != "" {
		o.format = formatOf("." + *format)
	}
	if wrong := o.wrong(*format); wrong != "" {
		return nil, cli.UsageError{Text: wrong}
	}
	return o, o.watch.Check()
}

// wrong returns what is wrong with the flags; "" if they are valid.
func (o *options) wrong(format string) string {
	if wrong := o.wrongCatalogs(); wrong != "" || o.demo {
		return wrong
	}
	switch {
	case o.positions == "":
		return "say whose positions to match: -positions FILE, a directory of Parquet, a glob, or - for standard input"
	case len(o.catalogs) == 0:
		return "say what to match with: -catalog FILE, a HATS directory, cds:simbad or cds:vizier:TABLE"
	case (o.ra == "") != (o.dec == ""):
		return "-ra and -dec go together"
	case slices.Contains(o.columns, ""):
		return "an empty name in -columns"
	case o.retry && o.columns != nil:
		return "-retry keeps all columns: leave out -columns"
	case format != "" && o.format == noFormat:
		return fmt.Sprintf("unknown -format %q: use csv, tsv or parquet", format)
	case o.format == noFormat:
		return fmt.Sprintf("-o %s: its ending must be .csv, .tsv or .parquet; or add -format", o.out)
	case !slices.Contains([]string{"auto", "off"}, o.mode):
		return fmt.Sprintf("unknown -progress %q: use auto or off", o.mode)
	}
	return o.wrongAll()
}

// wrongCatalogs returns what is wrong with -catalog.
func (o *options) wrongCatalogs() string {
	names := map[string]bool{}
	for i := range o.catalogs {
		c := &o.catalogs[i]
		if names[c.Name] {
			return fmt.Sprintf("two catalogues are called %q: give one another name, as in -catalog NAME=%s", c.Name, c.Where)
		}
		names[c.Name] = true
		if err := c.Check(); err != nil { // again, with the radius
			return fmt.Sprintf("-catalog %s: %v", c.Where, err)
		}
	}
	return ""
}

// wrongAll returns what is wrong with -all and -limit.
func (o *options) wrongAll() string {
	switch {
	case o.limit < 0:
		return "-limit must not be negative"
	case o.limit > 0 && !o.all:
		return "-limit is for -all: without it only the nearest row is taken"
	case o.all && o.retry:
		return "-all and -retry do not go together"
	case o.all && len(o.catalogs) > 1:
		return "-all is for one -catalog"
	case o.all && o.catalogs[0].Remote():
		return "-all is for a catalogue that is a file: the CDS is asked for the nearest row"
	}
	return ""
}
