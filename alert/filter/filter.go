package filter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Filter says which alerts are wanted.
type Filter struct {
	Name        string // of letters, digits and _ - .
	Description string
	Survey      string // whose alerts it is for, such as "ztf"; empty: any survey's
	Version     string
	Where       string // the condition: see LANGUAGE.md
	// Func decides in place of Where: it returns whether each row of a record
	// passes. It may be called concurrently. An error, or a panic, means that none of the
	// rows pass, and is counted.
	Func func(ctx context.Context, rec arrow.Record) ([]bool, error)
	// Watchlists are the tables that the columns of the condition come from. They
	// are matched with the alerts before the filter.
	Watchlists []Watchlist
	// Columns are those that the filter needs. Those of Where need not be named.
	Columns []string
	// MaxShare is the largest share of a night's alerts, 0 to 1, with which the
	// filter may be activated. If zero, DefaultMaxShare.
	MaxShare float64
	// Pass and Fail are alerts that must pass, and that must not.
	Pass, Fail []Case

	names *names
	place string // the file
}

// DefaultMaxShare is the largest share of a night's alerts that a filter may pass
// unless it says otherwise.
const DefaultMaxShare = 0.05

// Watchlist is a table of positions. Its matches with an alert are the columns that
// crossmatch.Transform adds for a catalogue: NAME_match, NAME_separation, and those
// of the nearest row.
type Watchlist struct {
	Name string
	// Spec says where the table is, and its options, such as
	// "stars.csv?radius=1.5": what package crossmatch/catalog takes after NAME=.
	Spec string
	// Dir is the directory of the filter's file, to which the name of a file is
	// relative.
	Dir fs.FS
}

// Case is an alert that a filter is tested with.
type Case struct {
	Alert string         // an alert id, to be looked for in an archive
	Row   map[string]any // or the values of the columns, by dotted name; those that are not named are null
	Line  int            // in the filter's file
}

// Parse reads a file of filters in YAML, or of blocks and lists for the filters that
// it has. The name is for errors.
func Parse(name string, data []byte) ([]*Filter, error) {
	f := newFolder()
	if err := f.read(name, data); err != nil {
		return nil, err
	}
	return f.filters, f.check()
}

// ReadDir reads all files *.yml and *.yaml of a directory and those below it. A file
// of blocks and lists, without a filter, is for all filters of its directory, or, if
// it names a survey, for those of that survey.
func ReadDir(fsys fs.FS, dir string) ([]*Filter, error) {
	dirs, err := readFolders(fsys, dir)
	if err != nil {
		return nil, err
	}
	var all []*Filter
	for _, name := range sorted(dirs) {
		all = append(all, dirs[name].filters...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("filter: no filters in %s: a filter is a file *.yml with a name and a where", dir)
	}
	return all, nil
}

// readFolders reads the files of a directory and those below it.
func readFolders(fsys fs.FS, dir string) (map[string]*folder, error) {
	dirs := map[string]*folder{}
	err := fs.WalkDir(fsys, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yml" && path.Ext(name) != ".yaml" {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		f := dirs[path.Dir(name)]
		if f == nil {
			f = newFolder()
			if f.dir, err = fs.Sub(fsys, path.Dir(name)); err != nil {
				return err
			}
			dirs[path.Dir(name)] = f
		}
		return f.read(name, data)
	})
	for _, name := range sorted(dirs) {
		if err == nil {
			err = dirs[name].check()
		}
	}
	return dirs, err
}

func (f *Filter) errorf(format string, args ...any) error {
	place := f.Name
	if f.place != "" {
		place = f.place + ": " + place
	}
	return fmt.Errorf("filter: "+place+": "+format, args...)
}

// check checks what can be checked without columns.
func (f *Filter) check() error {
	switch {
	case f.Name == "" || strings.ContainsFunc(f.Name, func(c rune) bool { return !nameRune(c) && c != '-' && c != '.' }):
		return f.errorf("%q is not a name: use letters, digits and _ - .", f.Name)
	case f.MaxShare < 0 || f.MaxShare > 1 || math.IsNaN(f.MaxShare):
		return f.errorf("max_share must be from 0 to 1")
	case f.Func != nil && f.Where != "":
		return f.errorf("it has both a condition and a function")
	case f.Func != nil:
		return nil
	}
	_, err := f.parse()
	return err
}

func (f *Filter) parse() (*node, error) {
	if strings.TrimSpace(f.Where) == "" {
		return nil, f.errorf("where is missing")
	}
	n, err := parse(f.Where)
	if err != nil {
		return nil, f.errorf("%w", placed(err, f.Where, ""))
	}
	return n, nil
}

// Test evaluates the cases that have a Row, and returns those that are not judged as
// they should be.
func (f *Filter) Test(ctx context.Context) error {
	var errs []error
	cases := func(all []Case, pass bool) {
		for _, c := range all {
			if c.Row == nil {
				continue
			}
			got, why, err := f.judge(ctx, c.Row)
			switch {
			case err != nil:
				errs = append(errs, f.errorf("line %d: %w", c.Line, err))
			case got != pass:
				errs = append(errs, f.errorf("line %d: the alert %s, but it must %s\n%s", c.Line, verb(got), verb(pass)[:4], why))
			}
		}
	}
	cases(f.Pass, true)
	cases(f.Fail, false)
	return errors.Join(errs...)
}

func verb(pass bool) string {
	if pass {
		return "passes"
	}
	return "fails"
}

// judge evaluates the filter on one row.
func (f *Filter) judge(ctx context.Context, row map[string]any) (bool, Reason, error) {
	tree := map[string]any{}
	for name, v := range row {
		if err := put(tree, name, v); err != nil {
			return false, Reason{}, err
		}
	}
	t, err := typeOf(tree)
	if err != nil {
		return false, Reason{}, err
	}
	schema := arrow.NewSchema(t.(*arrow.StructType).Fields(), nil)
	data, err := json.Marshal([]any{forJSON(tree)})
	if err != nil {
		return false, Reason{}, err
	}
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, bytes.NewReader(data), array.WithUseNumber())
	if err != nil {
		return false, Reason{}, err
	}
	defer rec.Release()
	s, err := compile([]*Filter{f}, schema, true)
	if err != nil {
		return false, Reason{}, err
	}
	if err := s.rejected[f.Name]; err != nil {
		return false, Reason{}, err
	}
	v, err := s.Eval(ctx, rec)
	if err != nil {
		return false, Reason{}, err
	}
	if _, err := v.Failed(0); err != nil || f.Func != nil {
		return v.Passes(0, 0), Reason{}, err
	}
	why, err := s.Why(f.Name, rec, 0)
	return v.Passes(0, 0), why, err
}

// put puts a value with a dotted name into a tree.
func put(tree map[string]any, name string, v any) error {
	first, rest, nested := strings.Cut(name, ".")
	if !nested {
		if _, ok := tree[name]; ok {
			return fmt.Errorf("%s is there twice", name)
		}
		tree[name] = v
		return nil
	}
	inner, ok := tree[first].(map[string]any)
	if tree[first] == nil {
		inner, ok = map[string]any{}, true
		tree[first] = inner
	}
	if !ok {
		return fmt.Errorf("%s has both a value and fields", first)
	}
	return put(inner, rest, v)
}

// forJSON returns a value from YAML as the builders of arrays take it from JSON,
// which has no infinity and no NaN: that is null.
func forJSON(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) {
			return nil
		}
		if math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = forJSON(x)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for name, x := range v {
			out[name] = forJSON(x)
		}
		return out
	}
	return v
}

// typeOf returns the type of a value from YAML.
func typeOf(v any) (arrow.DataType, error) {
	switch v := v.(type) {
	case nil:
		return arrow.Null, nil
	case bool:
		return arrow.FixedWidthTypes.Boolean, nil
	case int64:
		return arrow.PrimitiveTypes.Int64, nil
	case float64:
		return arrow.PrimitiveTypes.Float64, nil
	case string:
		return arrow.BinaryTypes.String, nil
	case []any:
		var t arrow.DataType = arrow.Null
		for _, x := range v {
			u, err := typeOf(x)
			if err != nil {
				return nil, err
			}
			if t, err = merge(t, u); err != nil {
				return nil, err
			}
		}
		return arrow.ListOf(t), nil
	case map[string]any:
		var fields []arrow.Field
		for _, name := range sorted(v) {
			t, err := typeOf(v[name])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			fields = append(fields, arrow.Field{Name: name, Type: t, Nullable: true})
		}
		return arrow.StructOf(fields...), nil
	}
	return nil, fmt.Errorf("a value of an unexpected type: %v", v)
}

// merge returns a type for the values of two.
func merge(a, b arrow.DataType) (arrow.DataType, error) {
	switch {
	case b.ID() == arrow.NULL || arrow.TypeEqual(a, b):
		return a, nil
	case a.ID() == arrow.NULL:
		return b, nil
	case a.ID() == arrow.INT64 && b.ID() == arrow.FLOAT64 || a.ID() == arrow.FLOAT64 && b.ID() == arrow.INT64:
		return arrow.PrimitiveTypes.Float64, nil
	}
	x, isX := a.(*arrow.StructType)
	y, isY := b.(*arrow.StructType)
	if !isX || !isY {
		return nil, fmt.Errorf("values of different types in one list: %v, %v", a, b)
	}
	fields := slices.Clone(x.Fields())
	for _, f := range y.Fields() {
		i, ok := x.FieldIdx(f.Name)
		if !ok {
			fields = append(fields, f)
			continue
		}
		t, err := merge(fields[i].Type, f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		fields[i].Type = t
	}
	return arrow.StructOf(fields...), nil
}
