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
	all, again   bool
	limit        int
	out          string
	index        string
	memory       cli.Size
	cdsURL, mode string
	demo         bool // no flag at all
}

// angle is a flag: 1.5 and 1.5arcsec are seconds of arc.
type angle crossmatch.Angle

var units = []struct {
	name string
	unit crossmatch.Angle
}{{"arcsec", crossmatch.Arcsecond}, {"arcmin", crossmatch.Arcminute}, {"deg", crossmatch.Degree}, {"mas", crossmatch.Milliarcsecond}, {"", crossmatch.Arcsecond}}

// Set implements flag.Value.
func (a *angle) Set(text string) error {
	for _, u := range units {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			x, err := parseNumber(digits)
			if err != nil || !(x >= 0) || !(x*u.unit.Degrees() <= 180) {
				return fmt.Errorf("no angle from 0 to 180 degrees: write 1.5 (seconds of arc), 2arcmin or 0.1deg")
			}
			*a = angle(crossmatch.Angle(x) * u.unit)
			return nil
		}
	}
	return nil
}

// String implements flag.Value.
func (a *angle) String() string { return fmt.Sprintf("%varcsec", crossmatch.Angle(*a).Arcseconds()) }

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
	f.BoolVar(&o.again, "again", false, "")
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
	if wrong := o.wrong(); wrong != "" {
		return nil, cli.UsageError{Text: wrong}
	}
	return o, nil
}

// wrong says what is wrong with the flags.
func (o *options) wrong() string {
	names := map[string]bool{}
	for i := range o.catalogs {
		c := &o.catalogs[i]
		if c.radius < 0 {
			c.radius = o.radius
		}
		if names[c.name] {
			return fmt.Sprintf("two catalogues are called %q: give one another name, as in -catalog NAME=%s", c.name, c.where)
		}
		names[c.name] = true
		if wrong := c.wrong(); wrong != "" {
			return fmt.Sprintf("-catalog %s: %s", c.where, wrong)
		}
	}
	switch {
	case o.demo:
		return ""
	case o.positions == "":
		return "say whose positions to match: -positions FILE, a directory of Parquet or a glob"
	case len(o.catalogs) == 0:
		return "say what to match with: -catalog FILE, a HATS directory, cds:simbad or cds:vizier:TABLE"
	case (o.ra == "") != (o.dec == ""):
		return "-ra and -dec go together"
	case slices.Contains(o.columns, ""):
		return "an empty name in -columns"
	case o.limit < 0:
		return "-limit must not be negative"
	case o.limit > 0 && !o.all:
		return "-limit is of -all: otherwise the nearest row is taken"
	case o.all && o.again:
		return "-all and -again do not go together"
	case o.all && len(o.catalogs) > 1:
		return "-all is for one -catalog"
	case o.all && o.catalogs[0].remote():
		return "-all is for a catalogue that is a file: the CDS is asked for the nearest row"
	case o.again && o.columns != nil:
		return "-again keeps all columns: leave out -columns"
	case formatOf(o.out) == noFormat:
		return fmt.Sprintf("-o %s: its ending is to be .csv, .tsv or .parquet", o.out)
	case !slices.Contains([]string{"auto", "off"}, o.mode):
		return fmt.Sprintf("no progress %q: use auto or off", o.mode)
	}
	return ""
}
