package filter

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/rows"
)

// counted is what a filter passes of the alerts of one night, or of all.
type counted struct {
	Night    string   `json:"night"`
	Alerts   int64    `json:"alerts"`
	Objects  int64    `json:"objects"`
	Of       int64    `json:"of"` // all alerts of the night
	Failed   int64    `json:"failed,omitempty"`
	Examples []string `json:"examples"`

	objects map[uint64]struct{}
}

// result is what a filter passes of a table.
type result struct {
	Filter   string     `json:"filter"`
	Version  string     `json:"version,omitempty"`
	Survey   string     `json:"survey"`
	Total    counted    `json:"total"`
	Nights   []*counted `json:"nights"`
	MaxShare float64    `json:"max_share"`
	Over     bool       `json:"over_max_share"`
}

const maxExamples = 3

// tally counts the rows of some workers.
type tally struct {
	seed   maphash.Seed
	mu     sync.Mutex
	nights map[string]int64 // alerts
	passed []map[string]*counted
	errs   []error
}

// count is the command filter count: what filters would have passed.
func count(ctx context.Context, args []string) error {
	o := newOptions("filter count").input().times()
	asJSON := o.flags.Bool("json", false, "")
	byNight := o.flags.Bool("nights", false, "")
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
	results, rejected := []result{}, map[string]string{}
	begun, seen := time.Now(), int64(0)
	some := false
	for _, t := range tables {
		filters := forTable(all, t)
		if len(filters) == 0 {
			continue
		}
		some = true
		r, n, err := countTable(ctx, filters, t, rejected)
		if err != nil {
			return err
		}
		results, seen = append(results, r...), seen+n
	}
	if !some {
		return fmt.Errorf("%s: no filter is for the alerts of %s (%s)", o.filters, o.in, rows.Names(tables))
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Alerts   int64             `json:"alerts"`
			Filters  []result          `json:"filters"`
			Rejected map[string]string `json:"rejected"`
		}{seen, results, rejected})
	}
	if err := writeCounts(results, *byNight); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s alerts in %s\n", cli.Count(seen), time.Since(begun).Round(10*time.Millisecond))
	for _, name := range slices.Sorted(maps.Keys(rejected)) {
		fmt.Fprintf(os.Stderr, "not evaluated: %s\n", rejected[name])
	}
	return nil
}

// countTable counts what filters pass of a table.
func countTable(ctx context.Context, filters []*filter.Filter, t *rows.Table, rejected map[string]string) ([]result, int64, error) {
	s := &sets{filters: filters}
	var err error
	if s.lists, err = openWatchlists(ctx, filters); err != nil {
		return nil, 0, err
	}
	defer s.lists.close()
	all := &tally{seed: maphash.MakeSeed(), nights: map[string]int64{}, passed: make([]map[string]*counted, len(filters)), errs: make([]error, len(filters))}
	place := map[string]int{}
	for i, f := range filters {
		place[f.Name], all.passed[i] = i, map[string]*counted{}
	}
	more := append(append([]string{"night"}, idColumns...), objectColumns...)
	evaluated := map[string]bool{}
	err = t.Each(ctx, workers(), func(schema *arrow.Schema) ([]string, error) { return s.columns(schema, more...) }, func(schema *arrow.Schema, rec arrow.Record) error {
		set, err := s.of(schema)
		if err != nil {
			return err
		}
		matched, err := s.lists.match(ctx, rec)
		if err != nil {
			return err
		}
		defer matched.Release()
		v, err := set.Eval(ctx, matched)
		if err != nil {
			return err
		}
		return all.add(rec, set, v, place, evaluated, rejected)
	})
	if err != nil {
		return nil, 0, err
	}
	var out []result
	seen := int64(0)
	for _, n := range all.nights {
		seen += n
	}
	for i, f := range filters {
		if !evaluated[f.Name] {
			continue
		}
		r := result{Filter: f.Name, Version: f.Version, Survey: surveyOf(t), MaxShare: cmp.Or(f.MaxShare, filter.DefaultMaxShare), Nights: []*counted{}}
		r.Total = counted{Night: "all", Of: seen, Examples: []string{}, objects: map[uint64]struct{}{}}
		for _, night := range slices.Sorted(maps.Keys(all.nights)) {
			c := all.passed[i][night]
			if c == nil {
				c = &counted{Night: night, Examples: []string{}}
			}
			c.Objects, c.Of = int64(len(c.objects)), all.nights[night]
			r.Nights = append(r.Nights, c)
			r.Total.Alerts += c.Alerts
			r.Total.Failed += c.Failed
			for h := range c.objects {
				r.Total.objects[h] = struct{}{}
			}
			r.Total.Examples = append(r.Total.Examples, c.Examples...)
		}
		r.Total.Objects = int64(len(r.Total.objects))
		r.Total.Examples = r.Total.Examples[max(0, len(r.Total.Examples)-maxExamples):]
		if n := len(r.Nights); n > 0 {
			last := r.Nights[n-1]
			r.Over = float64(last.Alerts) > r.MaxShare*float64(last.Of)
		}
		out = append(out, r)
	}
	return out, seen, nil
}

// add counts the rows of a record.
func (t *tally) add(rec arrow.Record, set *filter.Set, v *filter.Verdicts, place map[string]int, evaluated map[string]bool, rejected map[string]string) error {
	night := nightOf(rec)
	ids, err := textColumn(rec, idColumns...)
	if err != nil {
		return err
	}
	objects, err := textColumn(rec, objectColumns...)
	if err != nil {
		objects = ids
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, err := range set.Rejected() {
		rejected[name] = reason(err)
	}
	n := int(rec.NumRows())
	nights := make([]string, n)
	for row := range n {
		nights[row] = night(row)
		t.nights[nights[row]]++
	}
	for k, f := range set.Filters() {
		evaluated[f.Name] = true
		passed := t.passed[place[f.Name]]
		of := func(night string) *counted {
			c := passed[night]
			if c == nil {
				c = &counted{Night: night, Examples: []string{}, objects: map[uint64]struct{}{}}
				passed[night] = c
			}
			return c
		}
		if failed, _ := v.Failed(k); failed > 0 {
			of(nights[0]).Failed += int64(failed)
		}
		if v.Count(k) == 0 {
			continue
		}
		for row := range n {
			if !v.Passes(k, row) {
				continue
			}
			c := of(nights[row])
			c.Alerts++
			object := objects(row)
			if object == "" { // such as an alert of a solar system object
				object = ids(row)
			}
			c.objects[maphash.String(t.seed, object)] = struct{}{}
			if len(c.Examples) < maxExamples {
				c.Examples = append(c.Examples, ids(row))
			}
		}
	}
	return nil
}

// nightOf returns the night of each row by the column of an archive, a number
// YYYYMMDD.
func nightOf(rec arrow.Record) func(row int) string {
	if i := rec.Schema().FieldIndices("night"); len(i) > 0 {
		if a, ok := rec.Column(i[0]).(*array.Int32); ok {
			return func(row int) string {
				if n := a.Value(row); a.IsValid(row) {
					return fmt.Sprintf("%04d-%02d-%02d", n/10000, n/100%100, n%100)
				}
				return "unknown"
			}
		}
	}
	return func(int) string { return "unknown" }
}

func writeCounts(results []result, byNight bool) error {
	w := tabwriter.NewWriter(stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "FILTER\tNIGHT\tALERTS\tOBJECTS\tSHARE\tEXAMPLES")
	line := func(name string, c *counted, note string) {
		share := "-"
		if c.Of > 0 {
			share = fmt.Sprintf("%.3f%%", 100*float64(c.Alerts)/float64(c.Of))
		}
		if c.Failed > 0 {
			note += fmt.Sprintf(" (%d could not be evaluated)", c.Failed)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s%s\n", name, c.Night, cli.Count(c.Alerts), cli.Count(c.Objects), share, strings.Join(c.Examples, " "), note)
	}
	for _, r := range results {
		if byNight {
			for _, c := range r.Nights {
				line(r.Filter, c, "")
			}
		}
		note := ""
		if r.Over {
			note = fmt.Sprintf(" (more than its max_share of %g%% in the last night)", 100*r.MaxShare)
		}
		line(r.Filter, &r.Total, note)
	}
	return w.Flush()
}
