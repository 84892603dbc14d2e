package filter

import (
	"context"
	"fmt"
	"strings"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/rows"
)

// sql is the command filter sql: a filter as a query for DuckDB.
func sql(_ context.Context, args []string) error {
	o := newOptions("filter sql").input()
	name := ""
	columns := o.flags.String("columns", "*", "")
	if err := o.parse(args, &name); err != nil {
		return err
	}
	if name == "" {
		return cli.UsageError{Text: "which filter? filter sql NAME -in ARCHIVE"}
	}
	f, tables, err := o.one(name)
	if err != nil {
		return err
	}
	if len(f.Watchlists) > 0 {
		return fmt.Errorf("filter %s needs the matches of its watchlist %s, which are not in the table: DuckDB cannot tell", name, f.Watchlists[0].Name)
	}
	for _, t := range tables {
		set, err := filter.Compile([]*filter.Filter{f}, t.Schema)
		if err != nil {
			return err
		}
		query, err := set.SQL(name, *columns, "read_parquet("+t.Glob()+", union_by_name = true)")
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, query+";")
	}
	return nil
}

// one returns the filter of a name, and the tables of its survey.
func (o *options) one(name string) (*filter.Filter, []*rows.Table, error) {
	all, err := o.read()
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, f := range all {
		names = append(names, f.Name)
		if f.Name != name {
			continue
		}
		tables, err := o.tables()
		if err != nil {
			return nil, nil, err
		}
		var right []*rows.Table
		for _, t := range tables {
			if len(forTable([]*filter.Filter{f}, t)) > 0 {
				right = append(right, t)
			}
		}
		if len(right) == 0 {
			return nil, nil, fmt.Errorf("filter %s is for survey %s, and %s has %s", name, f.Survey, o.in, rows.Names(tables))
		}
		return f, right, nil
	}
	return nil, nil, fmt.Errorf("%s: no filter %s: there are %s", o.filters, name, strings.Join(names, ", "))
}
