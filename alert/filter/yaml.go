package filter

import (
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/skyfinch/skyfinch/internal/nearest"
)

// file reads the files of one directory, whose filters share blocks and lists.
type file struct {
	dir, name string
	names     names
	filters   []*Filter
	blocks    map[string]string // the files of the blocks
}

func newFile(name string) *file {
	return &file{dir: path.Dir(name), name: name, names: names{map[string]*node{}, map[string]string{}, map[string][]string{}}, blocks: map[string]string{}}
}

func (f *file) fail(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("filter: %s:%d:%d: %s", f.name, n.Line, n.Column, fmt.Sprintf(format, args...))
}

// read adds what a file has.
func (f *file) read(data []byte) error {
	var doc yaml.Node
	if len(data) > 1<<20 {
		return fmt.Errorf("filter: %s has %d bytes; at most 1 MiB is allowed", f.name, len(data))
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("filter: %s: %s", f.name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 {
		return fmt.Errorf("filter: %s is empty", f.name)
	}
	root := doc.Content[0]
	filter := &Filter{place: f.name, names: &f.names}
	shared := false
	err := f.keys(root, map[string]func(*yaml.Node) error{
		"name":        f.text(&filter.Name),
		"description": f.text(&filter.Description),
		"survey":      f.text(&filter.Survey),
		"version":     f.text(&filter.Version),
		"where":       f.text(&filter.Where),
		"max_share":   f.number(&filter.MaxShare),
		"columns":     f.texts(&filter.Columns),
		"watchlists":  f.each(func(n *yaml.Node) error { return f.watchlist(filter, n) }),
		"pass":        f.each(func(n *yaml.Node) error { return f.testCase(&filter.Pass, n) }),
		"fail":        f.each(func(n *yaml.Node) error { return f.testCase(&filter.Fail, n) }),
		"blocks":      func(n *yaml.Node) error { shared = true; return f.block(n) },
		"lists":       func(n *yaml.Node) error { shared = true; return f.list(n) },
	})
	if err != nil {
		return err
	}
	if filter.Name == "" && filter.Where == "" && shared {
		return nil
	}
	f.filters = append(f.filters, filter)
	return nil
}

// check checks the filters, once all blocks are known.
func (f *file) check() error {
	for _, g := range f.filters {
		if err := g.check(); err != nil {
			return err
		}
	}
	return nil
}

// keys calls the function of each key of a map.
func (f *file) keys(n *yaml.Node, known map[string]func(*yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return f.fail(n, "a map of keys and values is expected here")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read := known[key.Value]
		if read == nil {
			return f.fail(key, "unknown key %s%s", key.Value, nearest.Hint(key.Value, sorted(known)))
		}
		if seen[key.Value] {
			return f.fail(key, "%s is there twice", key.Value)
		}
		seen[key.Value] = true
		if value.Kind == yaml.AliasNode {
			return f.fail(value, "aliases are not supported")
		}
		if err := read(value); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) text(to *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode {
			return f.fail(n, "a text is expected here")
		}
		*to = n.Value
		return nil
	}
}

func (f *file) number(to *float64) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode || n.Decode(to) != nil {
			return f.fail(n, "a number is expected here")
		}
		return nil
	}
}

func (f *file) each(read func(*yaml.Node) error) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.SequenceNode {
			return f.fail(n, "a list is expected here")
		}
		for _, item := range n.Content {
			if err := read(item); err != nil {
				return err
			}
		}
		return nil
	}
}

func (f *file) texts(to *[]string) func(*yaml.Node) error {
	return f.each(func(n *yaml.Node) error {
		var s string
		if err := f.text(&s)(n); err != nil {
			return err
		}
		*to = append(*to, s)
		return nil
	})
}

func (f *file) watchlist(filter *Filter, n *yaml.Node) error {
	var w Watchlist
	err := f.keys(n, map[string]func(*yaml.Node) error{
		"name": f.text(&w.Name), "table": f.text(&w.Table), "radius": f.number(&w.Radius), "radius_column": f.text(&w.RadiusColumn),
	})
	switch {
	case err != nil:
		return err
	case w.Name == "" || w.Table == "":
		return f.fail(n, "a watchlist needs a name and a table")
	case w.RadiusColumn == "" && !(w.Radius > 0):
		return f.fail(n, "watchlist %s needs a radius in arcseconds, or a radius_column", w.Name)
	}
	filter.Watchlists = append(filter.Watchlists, w)
	return nil
}

func (f *file) testCase(to *[]Case, n *yaml.Node) error {
	c := Case{Line: n.Line}
	switch n.Kind {
	case yaml.ScalarNode:
		c.Alert = n.Value
	case yaml.MappingNode:
		v, err := f.value(n, 0)
		if err != nil {
			return err
		}
		c.Row = v.(map[string]any)
	default:
		return f.fail(n, "an alert id, or a map of columns and values, is expected here")
	}
	*to = append(*to, c)
	return nil
}

// value returns a value of a test's alert.
func (f *file) value(n *yaml.Node, depth int) (any, error) {
	switch {
	case depth > 20:
		return nil, f.fail(n, "values are nested more than 20 times")
	case n.Kind == yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := f.value(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			if _, ok := m[n.Content[i].Value]; ok {
				return nil, f.fail(n.Content[i], "%s is there twice", n.Content[i].Value)
			}
			m[n.Content[i].Value] = v
		}
		return m, nil
	case n.Kind == yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			v, err := f.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case n.Kind != yaml.ScalarNode:
		return nil, f.fail(n, "aliases are not supported")
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, f.fail(n, "%v", err)
	}
	switch x := v.(type) {
	case int:
		return int64(x), nil
	case nil, bool, int64, float64, string:
		return v, nil
	}
	return n.Value, nil // a time, as text
}

func (f *file) block(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return f.fail(n, "names with their expressions are expected here")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, text := n.Content[i], ""
		if err := f.text(&text)(n.Content[i+1]); err != nil {
			return err
		}
		if old, ok := f.blocks[name.Value]; ok {
			return f.fail(name, "block %s is in %s too", name.Value, old)
		}
		e, err := parse(text)
		if err != nil {
			return f.fail(n.Content[i+1], "%v", placed(err, text, name.Value))
		}
		f.blocks[name.Value], f.names.blocks[name.Value], f.names.texts[name.Value] = f.name, e, text
	}
	return nil
}

func (f *file) list(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return f.fail(n, "names with their lists are expected here")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, texts := n.Content[i], []string{}
		if _, ok := f.names.lists[name.Value]; ok {
			return f.fail(name, "there are two lists %s", name.Value)
		}
		if err := f.texts(&texts)(n.Content[i+1]); err != nil {
			return err
		}
		f.names.lists[name.Value] = texts
	}
	return nil
}
