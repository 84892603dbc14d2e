package filter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/rows"
)

// eval is the command filter eval: the verdict of each filter on each row of a file.
func eval(ctx context.Context, args []string) error {
	o := newOptions("filter eval").input()
	out := o.flags.String("o", "-", "")
	if err := o.parse(args, nil); err != nil {
		return err
	}
	all, err := o.read()
	if err != nil {
		return err
	}
	tables, err := o.tables()
	if err != nil {
		return err
	}
	if len(tables) != 1 {
		return cli.UsageError{Text: "-in must be a Parquet file, or a directory of them: the rows of an archive have no order that a file could show"}
	}
	t := tables[0]
	s := &sets{filters: forTable(all, t)}
	if len(s.filters) == 0 {
		return fmt.Errorf("%s: no filter is for the survey of %s", o.filters, o.in)
	}
	if s.lists, err = openWatchlists(ctx, s.filters); err != nil {
		return err
	}
	defer s.lists.close()
	write := func(w io.Writer) error { return s.write(ctx, t, w) }
	if *out != "-" {
		return cli.WriteFile(*out, write)
	}
	w := bufio.NewWriter(stdout)
	return errors.Join(write(w), w.Flush())
}

// write writes the verdicts on the rows of a table.
func (s *sets) write(ctx context.Context, t *rows.Table, w io.Writer) error {
	fmt.Fprintln(w, "row,filter,passes")
	row, warned := 0, false
	return t.Each(ctx, 1, func(schema *arrow.Schema) ([]string, error) { return s.columns(schema) }, func(schema *arrow.Schema, rec arrow.Record) error {
		matched, err := s.lists.match(ctx, rec)
		if err != nil {
			return err
		}
		defer matched.Release()
		set, err := s.of(schema)
		if err != nil {
			return err
		}
		if !warned {
			warnRejected(set)
			warned = true
		}
		v, err := set.Eval(ctx, matched)
		if err != nil {
			return err
		}
		for i := range int(rec.NumRows()) {
			for k, f := range set.Filters() {
				if _, err := fmt.Fprintf(w, "%d,%s,%t\n", row, f.Name, v.Passes(k, i)); err != nil {
					return err
				}
			}
			row++
		}
		for k, f := range set.Filters() {
			if n, err := v.Failed(k); err != nil {
				fmt.Fprintf(os.Stderr, "filter %s failed for %d rows: %v\n", f.Name, n, err)
			}
		}
		return nil
	})
}
