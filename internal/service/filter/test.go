package filter

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/internal/rows"
)

// test is the command filter test: the tests that filters bring with them.
func test(ctx context.Context, args []string) error {
	o := newOptions("filter test").input()
	if err := o.parse(args, nil); err != nil {
		return err
	}
	all, err := o.read()
	if err != nil {
		return err
	}
	var tables []*rows.Table
	if o.in != "" {
		if tables, err = o.tables(); err != nil {
			return err
		}
	}
	failed, open := 0, 0
	for _, f := range all {
		err := f.Test(ctx)
		n, errAlerts := o.testAlerts(ctx, f, tables)
		open += n
		if err == nil {
			err = errAlerts
		}
		switch {
		case err != nil:
			failed++
			fmt.Fprintf(stdout, "FAIL  %s\n      %s\n", f.Name, strings.ReplaceAll(err.Error(), "\n", "\n      "))
		case len(f.Pass) == 0 || len(f.Fail) == 0:
			failed++
			fmt.Fprintf(stdout, "FAIL  %s\n      it needs an alert that passes and one that fails, under pass and fail\n", f.Name)
		default:
			fmt.Fprintf(stdout, "ok    %s: %d pass, %d fail\n", f.Name, len(f.Pass), len(f.Fail))
		}
	}
	if open > 0 {
		fmt.Fprintf(os.Stderr, "%d alerts of tests were not looked at: name the archive that has them with -in\n", open)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d filters fail", failed, len(all))
	}
	return nil
}

// testAlerts judges the alerts of tests that are ids. Without tables it returns how
// many there are.
func (o *options) testAlerts(ctx context.Context, f *filter.Filter, tables []*rows.Table) (open int, err error) {
	want := map[string]bool{}
	for _, c := range f.Pass {
		if c.Alert != "" {
			want[c.Alert] = true
		}
	}
	for _, c := range f.Fail {
		if c.Alert != "" {
			want[c.Alert] = false
		}
	}
	if len(tables) == 0 || len(want) == 0 {
		return len(want), nil
	}
	for _, t := range tables {
		if len(forTable([]*filter.Filter{f}, t)) == 0 {
			continue
		}
		err := o.find(ctx, f, t, func(id string) bool { _, ok := want[id]; return ok }, func(set *filter.Set, rec arrow.Record, row int, id string) error {
			reason, err := set.Why(f.Name, rec, row)
			if err == nil && want[id] != (reason.Value == "true") {
				err = fmt.Errorf("alert %s is judged wrongly\n%s", id, reason)
			}
			delete(want, id)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	for id := range want {
		return 0, fmt.Errorf("alert %s of its tests is not in %s", id, o.in)
	}
	return 0, nil
}
