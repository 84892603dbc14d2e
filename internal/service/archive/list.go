package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/printable"
)

// list is the command archive ls.
func (c Command) list(ctx context.Context, args []string) (err error) {
	f := flag.NewFlagSet("archive ls", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), listManual) }
	dir := f.String("out", "archive", "")
	byHour := f.Bool("hours", false, "")
	asJSON := f.Bool("json", false, "")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if *dir == "" {
		return errNoDir
	}
	st, err := c.openExisting(*dir)
	switch {
	case err != nil && c.OpenStore != nil:
		return err
	case err != nil: // List opens it without writing
		st = nil
	}
	hours, err := archive.List(ctx, st, *dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: name the directory of an archive with -out", err)
	}
	if err != nil {
		return err
	}
	if *asJSON {
		if hours == nil {
			hours = []archive.Hour{}
		}
		return json.NewEncoder(c.stdout()).Encode(struct {
			Archive string         `json:"archive"`
			Hours   []archive.Hour `json:"hours"`
		}{*dir, hours})
	}
	return writeList(c.stdout(), *dir, hours, *byHour)
}

// listed is a line of the table: the hours of one table on one day, or one hour.
type listed struct {
	archive.Hour
	hours int64
}

// add adds an hour to a line.
func (l *listed) add(h archive.Hour) {
	if h.Files > 0 {
		l.hours++
	}
	l.Rows += h.Rows
	l.Files += h.Files
	l.Compacted += h.Compacted
	l.Bytes += h.Bytes
	l.Pruned += h.Pruned
}

// writeList writes a table with a line for each day, or for each hour, and totals.
func writeList(w io.Writer, dir string, hours []archive.Hour, byHour bool) error {
	if len(hours) == 0 {
		_, err := fmt.Fprintf(w, "%s has no alerts yet\n", printable.Text(dir))
		return err
	}
	var lines, totals []*listed
	at := map[[2]string]*listed{}
	line := func(list *[]*listed, table, dir string) *listed {
		l := at[[2]string{table, dir}]
		if l == nil {
			l = &listed{Hour: archive.Hour{Table: table, Dir: dir}}
			at[[2]string{table, dir}], *list = l, append(*list, l)
		}
		return l
	}
	pruned := false
	for _, h := range hours {
		day := h.Dir
		if !byHour && strings.Count(day, "/") == 3 {
			day = day[:strings.LastIndex(day, "/")]
		}
		line(&lines, h.Table, day).add(h)
		line(&totals, h.Table, "total").add(h)
		pruned = pruned || h.Pruned > 0
	}
	slices.SortStableFunc(totals, func(a, b *listed) int { return cmp.Compare(a.Table, b.Table) })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "\tsurvey\thours\talerts\tfiles\tcompacted\tsize\t"
	if pruned {
		head += "pruned alerts\t"
	}
	fmt.Fprintln(t, head)
	for _, l := range slices.Concat(lines, totals) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t", l.Dir, printable.Text(strings.TrimPrefix(l.Table, "alerts/")),
			cli.Count(l.hours), cli.Count(l.Rows), cli.Count(l.Files), share(l.Compacted, l.Files), cli.Bytes(l.Bytes))
		if pruned {
			fmt.Fprintf(t, "%s\t", cli.Count(l.Pruned))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// share says how many of some files are compacted.
func share(n, of int64) string {
	switch {
	case n == 0:
		return "-"
	case n == of:
		return "all"
	}
	return cli.Count(n)
}
