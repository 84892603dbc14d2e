// Package filter is the command filter: it tests filters, and tells what they would
// have passed.
package filter

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/alert/filter/fink"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/nearest"
	"github.com/skyfinch/skyfinch/internal/rows"
	"github.com/skyfinch/skyfinch/sink"
)

// stdout is replaced by tests.
var stdout io.Writer = os.Stdout

// Run runs the command with its arguments, without the name of the program.
func Run(ctx context.Context, args []string) error {
	commands := map[string]func(context.Context, []string) error{"test": test, "count": count, "why": why, "eval": eval, "sql": sql}
	if len(args) > 0 {
		if run := commands[args[0]]; run != nil {
			return cli.UsageOf("filter", shown(run(ctx, args[1:])))
		}
		if !strings.HasPrefix(args[0], "-") {
			return cli.UsageError{Text: fmt.Sprintf("unknown command %q", args[0]) + nearest.Hint(args[0], []string{"test", "count", "why", "eval", "sql"})}
		}
	}
	f := flag.NewFlagSet("filter", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	return cli.UsageError{Text: "which command: test, count, why, eval or sql?"}
}

// shown prints the lines of an error after the first, which show a place in an
// expression or a list, and returns the first: the program prints it as the last line.
func shown(err error) error {
	if err == nil {
		return nil
	}
	first, rest, more := strings.Cut(err.Error(), "\n")
	if !more {
		return err
	}
	fmt.Fprintln(os.Stderr, rest)
	return errors.New(strings.TrimSuffix(first, ":"))
}

// options are the flags that several commands have.
type options struct {
	flags    *flag.FlagSet
	filters  string
	in       string
	from, to string
	survey   string
}

func newOptions(name string) *options {
	o := &options{flags: flag.NewFlagSet(name, flag.ContinueOnError)}
	o.flags.Usage = func() { fmt.Fprint(o.flags.Output(), manual) }
	o.flags.StringVar(&o.filters, "filters", "fink", "")
	o.flags.StringVar(&o.survey, "survey", "", "")
	return o
}

func (o *options) input() *options {
	o.flags.StringVar(&o.in, "in", "", "")
	return o
}

func (o *options) times() *options {
	o.flags.StringVar(&o.from, "from", "", "")
	o.flags.StringVar(&o.to, "to", "", "")
	return o
}

// parse parses flags and, if name is not nil, one argument before them.
func (o *options) parse(args []string, name *string) error {
	if name != nil && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		*name, args = args[0], args[1:]
	}
	return cli.Parse(o.flags, args)
}

// Load reads filters: those of Fink if where is fink, else those of a directory or a
// file.
func Load(where string) ([]*filter.Filter, error) {
	if where == "fink" {
		return fink.Filters()
	}
	info, err := os.Stat(where)
	switch {
	case err != nil:
		return nil, fmt.Errorf("-filters: %w", err)
	case info.IsDir():
		return filter.ReadDir(os.DirFS(where), ".")
	}
	return readFile(where)
}

// read reads the filters, those of a survey if -survey names one.
func (o *options) read() ([]*filter.Filter, error) {
	all, err := Load(o.filters)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, f := range all {
		if names[f.Name] {
			return nil, fmt.Errorf("%s: two filters have the name %s: rename one", o.filters, f.Name)
		}
		names[f.Name] = true
	}
	if o.survey != "" {
		all = slices.DeleteFunc(all, func(f *filter.Filter) bool { return f.Survey != "" && f.Survey != o.survey })
		if len(all) == 0 {
			return nil, fmt.Errorf("%s: no filter is for survey %s", o.filters, o.survey)
		}
	}
	return all, nil
}

func readFile(path string) ([]*filter.Filter, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return filter.Parse(path, data)
}

// tables opens -in.
func (o *options) tables() ([]*rows.Table, error) {
	if o.in == "" {
		return nil, cli.UsageError{Text: "-in is missing: name the directory of an archive, or a Parquet file"}
	}
	times, err := o.timeRange()
	if err != nil {
		return nil, err
	}
	return rows.Open(o.in, times)
}

func (o *options) timeRange() (archive.TimeRange, error) {
	if o.from == "" && o.to == "" {
		return archive.TimeRange{}, nil
	}
	r, err := archive.ParseTimeRange("event=" + o.from + "," + o.to)
	if err != nil {
		return r, cli.UsageError{Text: "-from, -to: " + strings.TrimPrefix(err.Error(), "archive: ")}
	}
	r.Clock = sink.EventTime
	return r, nil
}

// workers is the number of goroutines that evaluate filters.
func workers() int { return runtime.GOMAXPROCS(0) }

// surveyOf returns the survey of a table's alerts, or "".
func surveyOf(t *rows.Table) string {
	has := func(name string) bool { return len(t.Schema.FieldIndices(name)) > 0 }
	switch {
	case has("candidate"):
		return "ztf"
	case has("diaSource"):
		return "rubin"
	}
	return t.Name
}

// forTable returns the filters for a table's survey.
func forTable(all []*filter.Filter, t *rows.Table) []*filter.Filter {
	return slices.DeleteFunc(slices.Clone(all), func(f *filter.Filter) bool { return f.Survey != "" && !sameSurvey(f.Survey, surveyOf(t)) })
}

// sameSurvey takes lsst, the name of the table, and rubin, that of the observatory,
// for the same.
func sameSurvey(a, b string) bool {
	rubin := func(s string) bool { return s == "lsst" || s == "rubin" }
	return a == b || rubin(a) && rubin(b)
}

// sets compiles filters for the schemas of files, each once.
type sets struct {
	filters []*filter.Filter
	lists   *watchlists

	mu  sync.Mutex
	all map[string]*filter.Set
}

// of returns the set for a schema of the columns of a table.
func (s *sets) of(schema *arrow.Schema) (*filter.Set, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := schema.String()
	if set := s.all[key]; set != nil {
		return set, nil
	}
	matched, err := s.lists.schema(schema)
	if err != nil {
		return nil, err
	}
	set, err := filter.Compile(s.filters, matched)
	if err == nil {
		if s.all == nil {
			s.all = map[string]*filter.Set{}
		}
		s.all[key] = set
	}
	return set, err
}

// columns returns the columns to read for a set, and further ones if the schema has
// them.
func (s *sets) columns(schema *arrow.Schema, more ...string) ([]string, error) {
	set, err := s.of(schema)
	if err != nil {
		return nil, err
	}
	out := slices.DeleteFunc(set.Columns(), func(name string) bool { return s.lists.adds(name) })
	for _, name := range append(more, s.lists.position(schema)...) {
		first, _, _ := strings.Cut(name, ".")
		if len(schema.FieldIndices(first)) > 0 && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if len(set.Filters()) == 0 {
		return nil, rejected(set)
	}
	return out, nil
}

// rejected returns an error with one line for each filter that cannot be evaluated.
func rejected(set *filter.Set) error {
	all := set.Rejected()
	if len(all) == 1 {
		for _, err := range all {
			return err
		}
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, "    "+reason(all[name]))
	}
	return fmt.Errorf("none of the filters can be evaluated on these columns:\n%s", strings.Join(lines, "\n"))
}

// reason returns why a filter was rejected, in one line.
func reason(err error) string {
	line, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "filter: "), "\n")
	return line
}

// warnRejected names the filters of a set that cannot be evaluated.
func warnRejected(set *filter.Set) {
	all := set.Rejected()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(os.Stderr, "not evaluated: %s\n", reason(all[name]))
	}
}
