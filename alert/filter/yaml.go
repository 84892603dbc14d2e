package filter

import (
	"cmp"
	"fmt"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/skyfinch/skyfinch/internal/nearest"
)

// folder reads the files of one directory.
type folder struct {
	dir     fs.FS
	name    string            // of the file that is read
	values  int               // of test cases in it so far
	shared  map[string]*names // by survey
	filters []*Filter
	columns []*Column
}

func newFolder() *folder { return &folder{shared: map[string]*names{}} }

func newNames() *names {
	return &names{map[string]*node{}, map[string]string{}, map[string][]string{}, nil}
}

func (f *folder) fail(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("filter: %s:%d:%d: %s", f.name, n.Line, n.Column, fmt.Sprintf(format, args...))
}

// read adds what a file has: a filter, or blocks and lists.
func (f *folder) read(name string, data []byte) error {
	f.name, f.values = name, 0
	if len(data) > 1<<20 {
		return fmt.Errorf("filter: %s has %d bytes; at most 1 MiB is allowed", f.name, len(data))
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("filter: %s: %s", f.name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 {
		return fmt.Errorf("filter: %s is empty", f.name)
	}
	root := doc.Content[0]
	g := &Filter{place: f.name, names: newNames()}
	if err := f.keys(root, map[string]func(*yaml.Node) error{
		"name":        f.text(&g.Name),
		"description": f.text(&g.Description),
		"survey":      f.text(&g.Survey),
		"version":     f.text(&g.Version),
		"where":       f.text(&g.Where),
		"max_share":   f.number(&g.MaxShare),
		"columns":     f.texts(&g.Columns),
		"watchlists":  func(n *yaml.Node) error { return f.watchlists(g, n) },
		"pass":        f.each(func(n *yaml.Node) error { return f.testCase(&g.Pass, n) }),
		"fail":        f.each(func(n *yaml.Node) error { return f.testCase(&g.Fail, n) }),
		"blocks":      func(n *yaml.Node) error { return f.blocks(g.names, n) },
		"compute":     func(n *yaml.Node) error { return f.compute(g, n) },
		"lists":       func(n *yaml.Node) error { return f.lists(g.names, n) },
	}); err != nil {
		return err
	}
	computed := false
	for _, c := range f.columns {
		if c.names == g.names {
			c.Survey, computed = g.Survey, true
		}
	}
	if computed && g.Name == "" && g.Where == "" {
		return nil
	}
	if g.Name != "" || g.Where != "" || len(g.names.blocks)+len(g.names.lists) == 0 {
		f.filters = append(f.filters, g)
		return nil
	}
	all := f.shared[g.Survey]
	if all == nil {
		all = newNames()
		f.shared[g.Survey] = all
	}
	for name, b := range g.names.blocks {
		if all.blocks[name] != nil {
			return fmt.Errorf("filter: %s: another file of the directory has a block %s", f.name, name)
		}
		all.blocks[name], all.texts[name] = b, g.names.texts[name]
	}
	for name, l := range g.names.lists {
		if all.lists[name] != nil {
			return fmt.Errorf("filter: %s: another file of the directory has a list %s", f.name, name)
		}
		all.lists[name] = l
	}
	return nil
}

// check checks the filters, once all blocks are known.
func (f *folder) check() error {
	for survey, n := range f.shared {
		if survey != "" {
			n.shared = f.shared[""]
		}
	}
	for _, c := range f.columns {
		c.names.shared = cmp.Or(f.shared[c.Survey], f.shared[""])
	}
	for _, g := range f.filters {
		g.names.shared = cmp.Or(f.shared[g.Survey], f.shared[""])
		if err := g.check(); err != nil {
			return err
		}
	}
	return nil
}

// keys calls the function of each key of a map.
func (f *folder) keys(n *yaml.Node, known map[string]func(*yaml.Node) error) error {
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

func (f *folder) text(to *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode {
			return f.fail(n, "a text is expected here")
		}
		*to = n.Value
		return nil
	}
}

func (f *folder) number(to *float64) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode || n.Decode(to) != nil {
			return f.fail(n, "a number is expected here")
		}
		return nil
	}
}

func (f *folder) each(read func(*yaml.Node) error) func(*yaml.Node) error {
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

func (f *folder) texts(to *[]string) func(*yaml.Node) error {
	return f.each(func(n *yaml.Node) error {
		var s string
		if err := f.text(&s)(n); err != nil {
			return err
		}
		*to = append(*to, s)
		return nil
	})
}

func (f *folder) watchlists(g *Filter, n *yaml.Node) error {
	return f.named(n, func(name string, value *yaml.Node) error {
		w := Watchlist{Name: name, Dir: f.dir}
		g.Watchlists = append(g.Watchlists, w)
		return f.text(&g.Watchlists[len(g.Watchlists)-1].Spec)(value)
	})
}

// named calls read with each name of a map, and its value.
func (f *folder) named(n *yaml.Node, read func(name string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return f.fail(n, "a map of names is expected here")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if seen[name.Value] {
			return f.fail(name, "%s is there twice", name.Value)
		}
		seen[name.Value] = true
		if err := read(name.Value, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) testCase(to *[]Case, n *yaml.Node) error {
	c := Case{Line: n.Line}
	switch n.Kind {
	case yaml.ScalarNode:
		c.Alert = n.Value
	case yaml.MappingNode:
		c.Row = map[string]any{}
		if err := f.fields(c.Row, n, 0); err != nil {
			return err
		}
	default:
		return f.fail(n, "an alert id, or a map of columns and values, is expected here")
	}
	*to = append(*to, c)
	return nil
}

// value returns a value of a test's alert.
func (f *folder) value(n *yaml.Node, depth int) (any, error) {
	if f.values++; f.values > 100_000 || depth > 20 {
		return nil, f.fail(n, "more than 100,000 values, or nested more than 20 times")
	}
	switch n.Kind {
	case yaml.AliasNode:
		return f.value(n.Alias, depth+1)
	case yaml.MappingNode:
		m := map[string]any{}
		return m, f.fields(m, n, depth)
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			v, err := f.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, f.fail(n, "%v", err)
	}
	switch x := v.(type) {
	case int:
		return int64(x), nil
	case uint64: // larger than an int64
		return float64(x), nil
	case nil, bool, int64, float64, string:
		return v, nil
	}
	return n.Value, nil // a time, as text
}

// fields adds the fields of a map, and those that it merges with <<, unless they are
// there.
func (f *folder) fields(m map[string]any, n *yaml.Node, depth int) error {
	if f.values++; f.values > 100_000 {
		return f.fail(n, "more than 100,000 values")
	}
	own := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Tag == "!!merge" {
			continue
		}
		if own[key.Value] {
			return f.fail(key, "%s is there twice", key.Value)
		}
		own[key.Value] = true
		if _, ok := m[key.Value]; ok {
			continue // a merged map comes second
		}
		v, err := f.value(n.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		m[key.Value] = v
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			continue
		}
		from := []*yaml.Node{n.Content[i+1]}
		if from[0].Kind == yaml.SequenceNode {
			from = from[0].Content
		}
		for _, x := range from {
			if x.Kind == yaml.AliasNode {
				x = x.Alias
			}
			if x.Kind != yaml.MappingNode || depth > 20 {
				return f.fail(x, "<< merges maps")
			}
			if err := f.fields(m, x, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// compute reads columns. They are blocks, too, of their own file.
func (f *folder) compute(g *Filter, n *yaml.Node) error {
	return f.named(n, func(name string, value *yaml.Node) error {
		c := &Column{Name: name, names: g.names, place: f.name}
		if err := f.text(&c.Expr)(value); err != nil {
			return err
		}
		f.columns = append(f.columns, c)
		return f.block(g.names, name, value)
	})
}

func (f *folder) blocks(to *names, n *yaml.Node) error {
	return f.named(n, func(name string, value *yaml.Node) error { return f.block(to, name, value) })
}

func (f *folder) block(to *names, name string, value *yaml.Node) error {
	text := ""
	if err := f.text(&text)(value); err != nil {
		return err
	}
	if to.blocks[name] != nil {
		return f.fail(value, "there are two blocks %s", name)
	}
	b, err := parse(text)
	if err != nil {
		return f.fail(value, "%v", placed(err, text, name))
	}
	to.blocks[name], to.texts[name] = b, text
	return nil
}

func (f *folder) lists(to *names, n *yaml.Node) error {
	return f.named(n, func(name string, value *yaml.Node) error {
		texts := []string{}
		err := f.texts(&texts)(value)
		to.lists[name] = texts
		return err
	})
}
