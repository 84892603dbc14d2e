package filter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

// Set is a number of filters that are compiled for the columns of one table. It
// computes what they share once. A Set may be used concurrently.
type Set struct {
	schema   *arrow.Schema
	filters  []*compiled
	rejected map[string]error

	terms []*term
	keys  map[string]*term
	lists []*listColumn
	loose bool      // columns that are not in the schema are null
	runs  sync.Pool // of *run
}

// compiled is a filter of a set.
type compiled struct {
	*Filter
	part *part // nil if the filter is a Func
}

// Compile compiles filters for records of a schema. Filters with errors, such as
// those with columns that the schema has not, are left out: Rejected names them. Two
// filters of one name are an error.
func Compile(filters []*Filter, schema *arrow.Schema) (*Set, error) {
	return compile(filters, schema, false)
}

func compile(filters []*Filter, schema *arrow.Schema, loose bool) (*Set, error) {
	s := newSet(schema, loose)
	seen := map[string]*Filter{}
	for _, f := range filters {
		if old := seen[f.Name]; old != nil {
			return nil, fmt.Errorf("filter: two filters have the name %s (%s, %s): rename one", f.Name, cmp.Or(old.place, "a program's"), cmp.Or(f.place, "a program's"))
		}
		seen[f.Name] = f
		c := &compiled{Filter: f}
		if err := s.compile(c); err != nil {
			s.rejected[f.Name] = err
			continue
		}
		s.filters = append(s.filters, c)
	}
	return s, nil
}

func newSet(schema *arrow.Schema, loose bool) *Set {
	s := &Set{schema: schema, rejected: map[string]error{}, keys: map[string]*term{}, loose: loose}
	s.runs.New = func() any { return newRun(s) }
	return s
}

func (s *Set) compile(c *compiled) error {
	for _, name := range c.Columns {
		if _, _, ok := find(s.schema.Fields(), name); !ok && !s.loose {
			return c.errorf("column %s is not there%s", name, hint(s.columnNames(0, &names{}), name))
		}
	}
	if c.Func != nil {
		return nil
	}
	part, err := s.expression(c.Filter, true)
	if err != nil {
		return err
	}
	c.part = part
	return nil
}

// Filters returns the filters that were compiled, in the order of the results of
// Eval.
func (s *Set) Filters() []*Filter {
	out := make([]*Filter, len(s.filters))
	for i, c := range s.filters {
		out[i] = c.Filter
	}
	return out
}

// Rejected returns why filters were left out, by their names.
func (s *Set) Rejected() map[string]error { return s.rejected }

// Columns returns the columns that the filters need, as dotted names, sorted. Of a
// list it names the fields of its elements.
func (s *Set) Columns() []string {
	var terms []*term
	var more []string
	for _, c := range s.filters {
		more = append(more, c.Filter.Columns...)
		if c.part != nil {
			terms = append(terms, c.part.term)
		}
	}
	out := append(s.needs(terms), more...)
	slices.Sort(out)
	return slices.Compact(out)
}

// walk calls f once with each of the terms, and with those that they need.
func (s *Set) walk(terms []*term, f func(*term)) {
	used := make([]bool, len(s.terms))
	var walk func(t *term)
	walk = func(t *term) {
		if used[t.id] {
			return
		}
		used[t.id] = true
		f(t)
		for _, a := range t.args {
			walk(a)
		}
	}
	for _, t := range terms {
		walk(t)
	}
}

// needs returns the columns that terms need.
func (s *Set) needs(terms []*term) (out []string) {
	s.walk(terms, func(t *term) {
		switch {
		case t.op == "column" && t.scope == 0:
			out = append(out, strings.Join(t.column, "."))
		case t.op == "column":
			out = append(out, strings.Join(append(slices.Clip(s.lists[t.scope-1].column), t.column...), "."))
		case t.list != nil:
			out = append(out, strings.Join(t.list.column, "."))
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// Verdicts say which rows pass which filters.
type Verdicts struct {
	passes [][]uint64
	failed []int
	errs   []error
}

// Passes reports whether a row passes filter i of Set.Filters.
func (v *Verdicts) Passes(i, row int) bool { return v.passes[i][row/64]>>(row%64)&1 == 1 }

// Count returns how many rows pass filter i.
func (v *Verdicts) Count(i int) (n int) {
	for _, w := range v.passes[i] {
		n += bits.OnesCount64(w)
	}
	return n
}

// Failed returns the number of rows for which filter i could not be evaluated, which
// therefore do not pass, and the first of the errors.
func (v *Verdicts) Failed(i int) (rows int, err error) { return v.failed[i], v.errs[i] }

// Eval evaluates the filters on the rows of a record, which must have the columns
// that Compile was given; one that is missing is null. A row passes a filter if its
// condition is true, not if it is false or null. A filter that fails does so for some
// rows alone: see Verdicts.Failed. The error is that of ctx.
//
// Apart from the record, Eval needs 8 bytes (16 for texts) for each part of the filters and
// each of 2,048 rows, and for each part within a function of a list and each of up to
// 65,536 elements. With many parts it takes fewer rows and elements at a time, so that
// both stay below 16 million values. A row whose list needs more of them for one filter
// fails that filter.
func (s *Set) Eval(ctx context.Context, rec arrow.Record) (*Verdicts, error) {
	rows := int(rec.NumRows())
	v := &Verdicts{make([][]uint64, len(s.filters)), make([]int, len(s.filters)), make([]error, len(s.filters))}
	for i := range v.passes {
		v.passes[i] = make([]uint64, (rows+63)/64)
	}
	r := s.runs.Get().(*run)
	r.open(rec)
	defer func() { r.close(); s.runs.Put(r) }()
	for from := 0; from < rows; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := r.move(from, rows-from)
		for i, c := range s.filters {
			if c.part == nil {
				continue
			}
			values, err := r.verdict(c.part)
			if err != nil {
				v.fail(i, n, err)
				continue
			}
			orBits(v.passes[i], values.truth, from)
		}
		from += n
	}
	for i, c := range s.filters {
		if c.Func == nil {
			continue
		}
		passes, err := c.call(ctx, rec)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err != nil {
			v.fail(i, rows, err)
			continue
		}
		for row, p := range passes {
			v.passes[i][row/64] |= bit(p) << (row % 64)
		}
	}
	return v, nil
}

// orBits sets the bits of b in a, from bit at on.
func orBits(a, b []uint64, at int) {
	shift := at % 64
	for i, x := range b {
		a[at/64+i] |= x << shift
		if over := x >> (64 - shift); over != 0 {
			a[at/64+i+1] |= over
		}
	}
}

func (v *Verdicts) fail(i, rows int, err error) {
	v.failed[i] += rows
	v.errs[i] = cmp.Or(v.errs[i], err)
}

// verdict computes an expression in the tile. Every error is of the whole tile, which
// is of one row if a list is too long.
func (r *run) verdict(p *part) (v *vector, err error) {
	for i, parts := range p.elements {
		if err := r.lists[i].list.err; err != nil && parts > 0 {
			return nil, err
		}
		if n := r.lists[i].n; r.n == 1 && parts > 0 && n > min(maxElements, maxValues/parts) {
			return nil, fmt.Errorf("filter: a list of %d elements; at most %d are looked at, or %d for all parts of a filter", n, maxElements, maxValues)
		}
	}
	defer func() {
		if e := recover(); e != nil {
			f, ok := e.(failure)
			if !ok {
				f = failure{fmt.Errorf("filter: %v", e)}
			}
			v, err = nil, f.error
		}
	}()
	return r.values(p.term), nil
}

// call calls a Func, whose panics are errors.
func (c *compiled) call(ctx context.Context, rec arrow.Record) (passes []bool, err error) {
	defer func() {
		if e := recover(); e != nil {
			passes, err = nil, fmt.Errorf("filter: %s: panic: %v", c.Name, e)
		}
	}()
	passes, err = c.Func(ctx, rec)
	if err == nil && len(passes) != int(rec.NumRows()) {
		err = fmt.Errorf("filter: %s: %d answers for %d rows", c.Name, len(passes), rec.NumRows())
	}
	return passes, err
}

// SQL returns a query for DuckDB with the rows of a table expression, such as
// "read_parquet('sky/alerts/ztf/**/*.parquet', union_by_name = true)", that pass a
// filter.
func (s *Set) SQL(name, columns, table string) (string, error) {
	c, err := s.filter(name)
	if err != nil {
		return "", err
	}
	where, err := c.part.term.query()
	if err != nil {
		return "", c.errorf("%w", err)
	}
	return "SELECT " + columns + "\nFROM " + table + " AS alerts\nWHERE " + where, nil
}

// errNotExpression is that of a Func, which has no expression.
var errNotExpression = errors.New("filter: it is a function of a program, not an expression")

// filter returns a filter that is an expression.
func (s *Set) filter(name string) (*compiled, error) {
	i := slices.IndexFunc(s.filters, func(c *compiled) bool { return c.Name == name })
	switch {
	case i >= 0 && s.filters[i].part == nil:
		return nil, errNotExpression
	case i >= 0:
		return s.filters[i], nil
	case s.rejected[name] != nil:
		return nil, s.rejected[name]
	}
	var all []string
	for _, c := range s.filters {
		all = append(all, c.Name)
	}
	return nil, fmt.Errorf("filter: no filter %s%s", name, hint(all, name))
}

// Reason is a part of a filter, and what it is for an alert.
type Reason struct {
	Text  string   // the part, as written
	Value string   // true, false, null, or the value of another part
	Parts []Reason // those that it is made of
}

// Why returns how a filter judges one row: its parts, with their values.
func (s *Set) Why(name string, rec arrow.Record, row int) (why Reason, err error) {
	c, err := s.filter(name)
	if err != nil {
		return why, err
	}
	one := rec.NewSlice(int64(row), int64(row)+1)
	defer one.Release()
	r := newRun(s)
	r.open(one)
	r.move(0, 1)
	if _, err := r.verdict(c.part); err != nil {
		return why, err
	}
	return r.reason(c.part), nil
}

func (r *run) reason(p *part) Reason {
	why := Reason{Text: p.text, Value: "null"}
	v, err := r.verdict(p)
	switch {
	case err != nil:
		why.Value = err.Error()
	case p.term.kind == kindOther:
		why.Value = "not shown"
	default:
		why.Value = v.text(p.term.kind)
	}
	for _, q := range p.parts {
		if q.term.scope == 0 && q.term.op != "constant" {
			why.Parts = append(why.Parts, r.reason(q))
		}
	}
	return why
}

// text returns the only value of a vector.
func (v *vector) text(k kind) string {
	if v.valid[0]&1 == 0 {
		return "null"
	}
	switch k {
	case kindBool:
		return strconv.FormatBool(v.truth[0]&1 == 1)
	case kindInt:
		return strconv.FormatInt(v.ints[0], 10)
	case kindFloat:
		return strconv.FormatFloat(v.floats[0], 'g', -1, 64)
	case kindTime:
		return time.UnixMicro(v.ints[0]).UTC().Format(time.RFC3339Nano)
	case kindText:
		return strconv.Quote(clip(v.texts[0], 200))
	}
	return "null"
}

// String returns the parts, one a line, each below what it is a part of.
func (r Reason) String() string {
	var b strings.Builder
	r.write(&b, 0)
	return strings.TrimSuffix(b.String(), "\n")
}

func (r Reason) write(b *strings.Builder, depth int) {
	fmt.Fprintf(b, "%s%-5s  %s\n", strings.Repeat("    ", depth), r.Value, strings.Join(strings.Fields(r.Text), " "))
	for _, p := range r.Parts {
		p.write(b, depth+1)
	}
}
