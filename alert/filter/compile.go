package filter

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/nearest"
)

// kind is the type of a term's values. Every value may also be null.
type kind uint8

const (
	kindNull  kind = iota // always null
	kindBool              // vector.truth
	kindInt               // vector.ints: 64 bits
	kindFloat             // vector.floats: 64 bits, never NaN
	kindTime              // vector.ints: microseconds
	kindText              // vector.texts
	kindOther             // can only be compared with null
)

func (k kind) String() string {
	return [...]string{"null", "a condition", "a number", "a number", "a time", "a text", "a column of another type"}[k]
}

func (k kind) number() bool { return k == kindInt || k == kindFloat || k == kindNull }

// term is a part of an expression with a type. Equal parts of all filters of a Set
// are one term, so that each is computed once.
type term struct {
	id    int
	op    string
	kind  kind
	scope int // 0: a value for each row; otherwise for each element of Set.lists[scope-1]
	cost  int // of all that it needs, roughly
	args  []*term

	list   *listColumn // of a function of a list
	text   string      // a constant, or a pattern
	number float64     // a constant
	int    int64       // a constant
	column []string    // the path of a column, from the element in a list
	fn     *function
	like   func(string) bool // of "like" and "regexp_matches"
	texts  map[string]bool   // of "in"
	ints   map[int64]bool
	floats map[float64]bool
}

// listColumn is a column with a list of structs.
type listColumn struct {
	column []string
	fields []arrow.Field // of an element
}

// part is a piece of a filter, for Why.
type part struct {
	text     string
	term     *term
	parts    []*part
	elements []int // of a whole expression: how many of its terms have a value for each element, by list
}

// compiler makes terms from nodes.
type compiler struct {
	set    *Set
	names  *names
	scope  int
	source string   // the expression
	within []string // the blocks around it
	lag    bool     // within a lag
	nodes  *int     // of the filter so far
}

// names are the blocks and lists that an expression may use.
type names struct {
	blocks map[string]*node
	texts  map[string]string // of the blocks
	lists  map[string][]string
	shared *names // with other filters; may be nil
}

func (n *names) block(name string) (b *node, text string) {
	for ; n != nil; n = n.shared {
		if b := n.blocks[name]; b != nil {
			return b, n.texts[name]
		}
	}
	return nil, ""
}

func (n *names) list(name string) (texts []string, ok bool) {
	for ; n != nil && !ok; n = n.shared {
		texts, ok = n.lists[name]
	}
	return texts, ok
}

// all returns the names of all blocks, or of all lists.
func (n *names) all(lists bool) (out []string) {
	for ; n != nil; n = n.shared {
		if lists {
			out = append(out, sorted(n.lists)...)
		} else {
			out = append(out, sorted(n.blocks)...)
		}
	}
	return out
}

// expression compiles the condition of a filter, or the expression of a column.
func (s *Set) expression(f *Filter, condition bool) (p *part, err error) {
	c := compiler{set: s, names: cmp.Or(f.names, new(names)), source: f.Where, nodes: new(int)}
	n, err := f.parse()
	if err != nil {
		return nil, err
	}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *placedError:
			p, err = nil, f.errorf("%w", e)
		default:
			panic(e)
		}
	}()
	p = c.compile(n)
	if condition {
		c.want(n, p.term, kindBool)
	}
	p.elements = make([]int, len(s.lists))
	s.walk([]*term{p.term}, func(t *term) {
		if t.scope > 0 {
			p.elements[t.scope-1]++
		}
	})
	return p, nil
}

// A placedError is an error in an expression or in one of its blocks.
type placedError struct {
	exprError
	source string
	block  string // "", or the block's name
}

// placed returns the error of parse with its place.
func placed(err error, source, block string) error {
	return &placedError{*err.(*exprError), source, block}
}

func (e *placedError) Error() string {
	text := e.text
	if e.block != "" {
		text = "block " + e.block + ": " + text
	}
	return text + "\n" + caret(e.source, e.pos)
}

// caret returns the line of a text that has a place, with a caret below the place.
func caret(text string, pos int) string {
	pos = min(pos, len(text))
	start := strings.LastIndexByte(text[:pos], '\n') + 1
	line, _, _ := strings.Cut(text[start:], "\n")
	line, before := strings.ReplaceAll(line, "\t", " "), []rune(text[start:pos])
	shown := []rune(line)
	if from := len(before) - 60; from > 0 { // a long line
		shown, before = append([]rune("…"), shown[from:]...), before[from-1:]
	}
	if len(shown) > 120 {
		shown = append(shown[:119], '…')
	}
	return "    " + string(shown) + "\n    " + strings.Repeat(" ", len(before)) + "^"
}

func (c *compiler) fail(n *node, format string, args ...any) {
	block := ""
	if len(c.within) > 0 {
		block = c.within[len(c.within)-1]
	}
	panic(&placedError{*errorAt(n.pos, format, args...), c.source, block})
}

func (c *compiler) want(n *node, t *term, want kind) {
	if t.kind != want && t.kind != kindNull {
		c.fail(n, "%s is %v, but %v is needed here", clip(c.source[n.pos:n.end], 60), t.kind, want)
	}
}

func (c *compiler) wantNumber(n *node, t *term) {
	if !t.kind.number() {
		c.want(n, t, kindFloat)
	}
}

// intern returns the term that equals t, or adds t.
func (s *Set) intern(t term) *term {
	var key strings.Builder
	fmt.Fprintf(&key, "%s %d %d %q %d %d %q", t.op, t.kind, t.scope, t.text, math.Float64bits(t.number), t.int, t.column)
	t.cost++
	for _, a := range t.args {
		fmt.Fprintf(&key, " %d", a.id)
		t.cost += a.cost
	}
	if old := s.keys[key.String()]; old != nil {
		return old
	}
	t.id = len(s.terms)
	s.terms = append(s.terms, &t)
	s.keys[key.String()] = &t
	return &t
}

// make adds a term of arguments, which get the same scope.
func (c *compiler) make(op string, k kind, change func(*term), args ...*term) *term {
	t := term{op: op, kind: k, args: args}
	for _, a := range args {
		t.scope = max(t.scope, a.scope)
	}
	for i, a := range args {
		args[i] = c.lift(a, t.scope)
	}
	if change != nil {
		change(&t)
	}
	return c.set.intern(t)
}

// lift gives the values of a row to each element of its list.
func (c *compiler) lift(t *term, scope int) *term {
	switch {
	case t.scope == scope:
		return t
	case t.op == "constant":
		lifted := *t
		lifted.scope, lifted.cost = scope, 0
		return c.set.intern(lifted)
	}
	return c.set.intern(term{op: "spread", kind: t.kind, scope: scope, args: []*term{t}})
}

func (c *compiler) float(t *term) *term {
	switch {
	case t.kind == kindFloat:
		return t
	case t.op == "constant" && t.kind == kindInt:
		return c.set.intern(term{op: "constant", kind: kindFloat, scope: t.scope, number: float64(t.int)})
	}
	return c.make("float", kindFloat, nil, t)
}

// count counts more parts of the filter.
func (c *compiler) count(n *node, more int) {
	if *c.nodes += more; *c.nodes > maxNodes {
		c.fail(n, "with its blocks and lists, the filter has more than %d parts", maxNodes)
	}
}

// compile returns the term of a node, and how it was made.
func (c *compiler) compile(n *node) *part {
	c.count(n, 1)
	p := &part{text: c.source[n.pos:n.end]}
	args := func(nodes []*node) (terms []*term) {
		for _, a := range nodes {
			q := c.compile(a)
			p.parts = append(p.parts, q)
			terms = append(terms, q.term)
		}
		return terms
	}
	constant := func(t term) *term { t.op = "constant"; return c.set.intern(t) }
	switch n.op {
	case "()":
		return c.compile(n.args[0])
	case "int":
		if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
			p.term = constant(term{kind: kindInt, int: i})
			break
		}
		fallthrough // larger than 64 bits
	case "number":
		f, err := strconv.ParseFloat(n.text, 64)
		if err != nil {
			c.fail(n, "%s is out of the range of numbers", clip(n.text, 40))
		}
		p.term = constant(term{kind: kindFloat, number: f})
	case "text":
		p.term = constant(term{kind: kindText, text: n.text})
	case "true", "false":
		p.term = constant(term{kind: kindBool, int: int64(len("false") - len(n.op))})
	case "null":
		p.term = constant(term{kind: kindNull})
	case "name":
		return c.name(n, p)
	case "and", "or":
		terms := args(n.args)
		for i, t := range terms {
			c.want(n.args[i], t, kindBool)
		}
		slices.SortStableFunc(terms, func(a, b *term) int { return cmp.Compare(a.cost, b.cost) })
		p.term = c.make(n.op, kindBool, nil, terms...)
	case "not":
		terms := args(n.args)
		c.want(n.args[0], terms[0], kindBool)
		p.term = c.make("not", kindBool, nil, terms...)
	case "is null":
		p.term = c.make("is null", kindBool, nil, args(n.args)...)
	case "=", "<>", "<", "<=", ">", ">=":
		terms := args(n.args)
		p.term = c.make(n.op, kindBool, nil, c.same(n, "compared", terms)...)
	case "+", "-", "*", "/", "%", "negative":
		p.term = c.arithmetic(n, args(n.args))
	case "like":
		terms := args(n.args)
		c.want(n.args[0], terms[0], kindText)
		pattern := c.pattern(n.args[1], terms[1])
		p.term = c.make("like", kindBool, func(t *term) { t.text, t.like = pattern, like(pattern) }, terms[0])
	case "in":
		if n.args[1].op == "list" {
			p.term = c.in(n, args(n.args[:1]))
		} else {
			p.term = c.in(n, args(n.args))
		}
	case "case":
		p.term = c.choice(n, args(n.args))
	case "call":
		if f, ok := aggregates[n.text]; ok {
			return c.aggregate(n, p, f)
		}
		f := functions[n.text]
		if f == nil {
			c.fail(n, "unknown function %s%s", clip(n.text, 60), nearest.Hint(n.text, functionNames()))
		}
		if len(n.args) < f.least || len(n.args) > f.most {
			c.fail(n, "%s", f.usage(n.text))
		}
		inner := *c
		inner.lag = c.lag || n.text == "lag"
		outer := c
		c = &inner
		terms := args(n.args)
		p.term = outer.call(n, f, terms)
	}
	return p
}

// name compiles a column, or a block.
func (c *compiler) name(n *node, p *part) *part {
	if c.scope > 0 {
		path, field, ok := find(c.set.lists[c.scope-1].fields, n.text)
		if ok {
			p.term = c.set.intern(term{op: "column", kind: kindOf(field.Type), scope: c.scope, column: path})
			return p
		}
	}
	if b, text := c.names.block(n.text); b != nil {
		if slices.Contains(c.within, n.text) {
			c.fail(n, "block %s uses itself", n.text)
		}
		inner := *c
		inner.scope, inner.source, inner.within = 0, text, append(slices.Clip(c.within), n.text)
		q := inner.compile(b)
		p.term, p.parts = q.term, []*part{q}
		return p
	}
	path, field, ok := find(c.set.schema.Fields(), n.text)
	if !ok && c.set.loose {
		p.term = c.set.intern(term{op: "constant", kind: kindNull})
		return p
	}
	if !ok {
		c.fail(n, "unknown column %s%s", clip(n.text, 60), hint(c.set.columnNames(c.scope, c.names), n.text))
	}
	p.term = c.set.intern(term{op: "column", kind: kindOf(field.Type), column: path})
	return p
}

// hint suggests names for an unknown one.
func hint(all []string, name string) string {
	var near []string
	last := name[strings.LastIndexByte(name, '.')+1:]
	for _, n := range all {
		if strings.EqualFold(n[strings.LastIndexByte(n, '.')+1:], last) && len(near) < 3 {
			near = append(near, n)
		}
	}
	if near == nil {
		return nearest.Hint(name, all)
	}
	return ", did you mean " + strings.Join(near, " or ") + "?"
}

// find finds the field with a dotted name.
func find(fields []arrow.Field, name string) (path []string, f arrow.Field, ok bool) {
	for _, f := range fields {
		if f.Name == name {
			return []string{name}, f, true
		}
		rest, found := strings.CutPrefix(name, f.Name+".")
		s, isStruct := f.Type.(*arrow.StructType)
		if !found || !isStruct {
			continue
		}
		if path, g, ok := find(s.Fields(), rest); ok {
			return append([]string{f.Name}, path...), g, true
		}
	}
	return nil, f, false
}

func kindOf(t arrow.DataType) kind {
	switch t := t.(type) {
	case *arrow.NullType:
		return kindNull
	case *arrow.BooleanType:
		return kindBool
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type, *arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type:
		return kindInt
	case *arrow.Uint64Type, *arrow.Float32Type, *arrow.Float64Type:
		return kindFloat
	case *arrow.TimestampType:
		return kindTime
	case *arrow.StringType, *arrow.LargeStringType:
		return kindText
	case *arrow.DictionaryType:
		if k := kindOf(t.ValueType); k == kindText {
			return k
		}
	}
	return kindOther
}

// same gives terms one kind: int if all are, else float, or the kind that they have.
func (c *compiler) same(n *node, verb string, terms []*term) []*term {
	k := kindNull
	for _, t := range terms {
		switch {
		case t.kind == kindOther:
			c.fail(n, "%s has a value of a type that can only be compared with null", clip(c.source[n.pos:n.end], 60))
		case t.kind == kindNull || t.kind == k:
		case k == kindNull:
			k = t.kind
		case k.number() && t.kind.number():
			k = kindFloat
		default:
			c.fail(n, "%v and %v cannot be %s: %s", k, t.kind, verb, clip(c.source[n.pos:n.end], 60))
		}
	}
	out := make([]*term, len(terms))
	for i, t := range terms {
		switch {
		case k == kindFloat:
			out[i] = c.float(t)
		case t.kind == kindNull && k != kindNull:
			out[i] = c.make("null", k, nil, t)
		default:
			out[i] = t
		}
	}
	return out
}

func (c *compiler) arithmetic(n *node, terms []*term) *term {
	whole := true
	for i, t := range terms {
		c.wantNumber(n.args[i], t)
		whole = whole && t.kind == kindInt
	}
	switch {
	case whole && n.op == "%":
		return c.make("%", kindInt, nil, terms...)
	case n.op == "negative" && terms[0].op == "constant" && whole:
		return c.set.intern(term{op: "constant", kind: kindInt, int: -terms[0].int})
	case n.op == "negative" && terms[0].op == "constant" && terms[0].kind == kindFloat:
		return c.set.intern(term{op: "constant", kind: kindFloat, number: -terms[0].number})
	}
	for i, t := range terms {
		terms[i] = c.float(t)
	}
	return c.make(n.op, kindFloat, nil, terms...)
}

// pattern returns the text of a constant.
func (c *compiler) pattern(n *node, t *term) string {
	if t.op != "constant" || t.kind != kindText {
		c.fail(n, "a pattern must be a text in quotes")
	}
	return t.text
}

func (c *compiler) in(n *node, terms []*term) *term {
	if list := n.args[1]; list.op == "list" {
		texts, ok := c.names.list(list.text)
		if !ok {
			c.fail(list, "unknown list %s%s", clip(list.text, 60), nearest.Hint(list.text, c.names.all(true)))
		}
		c.count(list, len(texts))
		for _, s := range texts {
			terms = append(terms, c.set.intern(term{op: "constant", kind: kindText, text: s}))
		}
	}
	terms = c.same(n, "compared", terms)
	constant := true
	for _, t := range terms[1:] {
		constant = constant && t.op == "constant" && t.kind != kindNull
	}
	if k := terms[0].kind; !constant || k == kindBool || k == kindNull {
		return c.make("among", kindBool, nil, terms...)
	}
	of := terms[0]
	t := term{op: "in", kind: kindBool, scope: of.scope, args: []*term{of}, texts: map[string]bool{}, ints: map[int64]bool{}, floats: map[float64]bool{}}
	var key []string
	for _, a := range terms[1:] {
		t.texts[a.text], t.ints[a.int], t.floats[a.number] = true, true, true
		key = append(key, literal(a))
	}
	slices.Sort(key)
	t.text = strings.Join(slices.Compact(key), ", ")
	return c.set.intern(t)
}

func (c *compiler) choice(n *node, terms []*term) *term {
	var values []*term
	for i := 0; i+1 < len(terms); i += 2 {
		c.want(n.args[i], terms[i], kindBool)
		values = append(values, terms[i+1])
	}
	if len(terms)%2 == 1 {
		values = append(values, terms[len(terms)-1])
	} else {
		values = append(values, c.set.intern(term{op: "constant"}))
	}
	values = c.same(n, "values of one CASE", values)
	k := kindNull
	for _, v := range values {
		k = max(k, v.kind)
	}
	var all []*term
	for i, v := range values {
		if 2*i < len(terms)-len(terms)%2 {
			all = append(all, terms[2*i])
		}
		all = append(all, v)
	}
	return c.make("case", k, nil, all...)
}

// aggregate compiles a function of a list.
func (c *compiler) aggregate(n *node, p *part, f aggregate) *part {
	if len(n.args) < f.least || len(n.args) > 2 || n.args[0].op != "name" {
		c.fail(n, "%s(list, expression) needs the name of a list column first", n.text)
	}
	if c.scope > 0 {
		c.fail(n, "%s within a function of another list", n.text)
	}
	name := n.args[0]
	path, field, ok := find(c.set.schema.Fields(), name.text)
	if !ok && c.set.loose {
		path, field, ok = []string{name.text}, arrow.Field{Type: arrow.Null}, true
	}
	if !ok {
		c.fail(name, "unknown column %s%s", clip(name.text, 60), hint(c.set.columnNames(0, c.names), name.text))
	}
	var elements arrow.DataType
	switch l := field.Type.(type) {
	case *arrow.ListType:
		elements = l.Elem()
	case *arrow.LargeListType:
		elements = l.Elem()
	case *arrow.NullType:
		elements = arrow.StructOf()
	}
	s, ok := elements.(*arrow.StructType)
	if !ok {
		c.fail(name, "%s is not a list of structs", name.text)
	}
	inner := *c
	inner.scope = c.set.list(path, s.Fields())
	var of *term
	if len(n.args) == 2 {
		q := inner.compile(n.args[1])
		of = q.term
		if f.condition {
			inner.want(n.args[1], of, kindBool)
		} else {
			inner.wantNumber(n.args[1], of)
			of = inner.float(of)
		}
		of = inner.lift(of, inner.scope)
	} else {
		of = c.set.intern(term{op: "constant", kind: kindBool, scope: inner.scope, int: 1})
	}
	p.term = c.set.intern(term{op: n.text, kind: f.kind, args: []*term{of}, list: c.set.lists[inner.scope-1], cost: 100})
	return p
}

// list returns the scope of the elements of a list column.
func (s *Set) list(column []string, fields []arrow.Field) int {
	i := slices.IndexFunc(s.lists, func(l *listColumn) bool { return slices.Equal(l.column, column) })
	if i < 0 {
		i = len(s.lists)
		s.lists = append(s.lists, &listColumn{column, fields})
	}
	return i + 1
}

func (c *compiler) call(n *node, f *function, terms []*term) *term {
	for i, t := range terms {
		switch f.args {
		case kindFloat:
			c.wantNumber(n.args[i], t)
			terms[i] = c.float(t)
		case kindText, kindTime:
			if i == 0 {
				c.want(n.args[i], t, f.args)
			}
		}
	}
	switch n.text {
	case "regexp_matches":
		pattern := c.pattern(n.args[1], terms[1])
		re, err := compilePattern(pattern)
		if err != nil {
			c.fail(n.args[1], "%v", err)
		}
		return c.make(n.text, kindBool, func(t *term) { t.text, t.like, t.cost = pattern, re.MatchString, 50 }, terms[0])
	case "lag":
		if c.scope == 0 || c.lag {
			c.fail(n, "lag is for the elements of a list, and not within another lag: max(list, lag(value, key))")
		}
		if terms[0].kind == kindOther || terms[1].kind == kindOther {
			c.same(n, "used", terms)
		}
		return c.set.intern(term{op: "lag", kind: terms[0].kind, scope: c.scope, args: []*term{c.lift(terms[0], c.scope), c.lift(terms[1], c.scope)}, list: c.set.lists[c.scope-1]})
	case "nullif":
		terms = c.same(n, "compared", terms)
		return c.make("nullif", terms[0].kind, nil, terms...)
	case "coalesce", "least", "greatest":
		terms = c.same(n, "arguments of "+n.text, terms)
		if k := terms[0].kind; n.text != "coalesce" && !k.number() {
			c.want(n.args[0], terms[0], kindFloat)
		}
		return c.make(n.text, terms[0].kind, nil, terms...)
	}
	return c.make(n.text, f.result, func(t *term) { t.fn = f }, terms...)
}

// columnNames returns the names that an expression may use, sorted.
func (s *Set) columnNames(scope int, names *names) (out []string) {
	var walk func(prefix string, fields []arrow.Field)
	walk = func(prefix string, fields []arrow.Field) {
		for _, f := range fields {
			if st, ok := f.Type.(*arrow.StructType); ok {
				walk(prefix+f.Name+".", st.Fields())
			} else {
				out = append(out, prefix+f.Name)
			}
		}
	}
	if scope > 0 {
		walk("", s.lists[scope-1].fields)
	}
	walk("", s.schema.Fields())
	return append(out, names.all(false)...)
}
