package avroarrow

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// code is what an op does with the value at its position.
type code uint8

const (
	opNull      code = iota // no bytes
	opBoolean               //
	opInt                   // int to int32
	opIntWide               // int to int64
	opLong                  //
	opFloat                 //
	opFloatWide             // float to float64
	opDouble                //
	opString                // UTF-8 is checked
	opBinary                // bytes to a binary column
	opView                  // bytes to a view column
	opFixed                 //
	opEnum                  //
	opDecimal               //
	opList                  // arrays and maps
	opRecord                // its fields are the ops that follow
	opUnion                 // numbers of two widths
)

// op decodes one value of a datum into one column. A record's fields follow it
// in the same program, so a nested datum is mostly one loop.
type op struct {
	code     code
	nullable bool
	null     byte  // how the union's index of null is written
	value    byte  // and that of the value
	skip     int32 // ops of its fields
	cost     int32 // of a null
	col      *column
	more     *details
}

// details is what few ops, or only errors, need.
type details struct {
	at         *place
	node       *node
	null, only int  // indices in the union of null and of the value, or -1
	body       []op // opList: a program for an element
	chunk      int  // opList: elements to make room for at once
	branches   []op // opUnion
}

func (o *op) fail(err error) error { return fmt.Errorf("%s: %w", o.more.at, err) }

// place is where a value lies in a datum. Its name is put together only when
// someone asks, which few do.
type place struct {
	up   *place
	name string // of a field; with a bracket first, of what a list holds
}

func (p *place) String() string {
	switch {
	case p.up == nil:
		return p.name
	case p.name[0] == '[':
		return p.up.String() + p.name
	}
	return p.up.String() + "." + p.name
}

// program decodes one writer's schema into one target.
type program struct {
	ops     []op
	untouch []absentee // what the writer lacks
}

// absentee is a column, with all below it in the same rows, that a program
// does not write.
type absentee struct {
	col *column
	in  *rows
}

// noIndex stands for a union index that cannot be written in one byte.
const noIndex = 0xff

// linker makes a program.
type linker struct{ p *program }

func link(s *Schema, b *Builder) (*program, error) {
	l := linker{p: &program{}}
	ops, err := l.fields(nil, s.root, b.names, b.cols, nil, &b.top)
	if err != nil {
		return nil, fmt.Errorf("avroarrow: %w", err)
	}
	l.p.ops = ops
	return l.p, nil
}

// fields appends the ops of a record's fields, which go into cols.
func (l linker) fields(ops []op, n *node, names map[string]int, cols []*column, at *place, in *rows) ([]op, error) {
	touched := make([]bool, len(cols))
	for _, f := range n.fields {
		sub := &place{at, f.name}
		i, ok := names[f.name]
		if !ok {
			return nil, fmt.Errorf("%s: the target has no such column", sub)
		}
		touched[i] = true
		var err error
		if ops, err = l.value(ops, f.node, cols[i], sub, in); err != nil {
			return nil, err
		}
	}
	for i, c := range cols {
		if !touched[i] {
			l.p.untouch = append(l.p.untouch, absentee{c, in})
		}
	}
	return ops, nil
}

// value appends the ops of a node that goes into column c.
func (l linker) value(ops []op, n *node, c *column, at *place, in *rows) ([]op, error) {
	if n.kind == kindUnion {
		return l.union(ops, n, c, at, in)
	}
	code, ok := codeFor(n, c)
	if !ok {
		return nil, &ConflictError{Path: at.String(), Have: c.typ, Want: n.typ}
	}
	first := len(ops)
	ops = append(ops, op{code: code, null: noIndex, value: noIndex, cost: int32(n.cost), col: c,
		more: &details{at: at, node: n}})
	var err error
	switch code {
	case opRecord:
		ops, err = l.fields(ops, n, fieldNames(c.typ.(*arrow.StructType).Fields()), c.kids, at, in)
	case opList:
		err = l.list(ops[first].more, n, c, at)
	}
	if err != nil {
		return nil, err
	}
	ops[first].skip = int32(len(ops) - first - 1)
	return ops, nil
}

func fieldNames(fields []arrow.Field) map[string]int {
	names := make(map[string]int, len(fields))
	for i, f := range fields {
		if _, ok := names[f.Name]; !ok {
			names[f.Name] = i
		}
	}
	return names
}

func (l linker) list(d *details, n *node, c *column, at *place) (err error) {
	d.chunk = max(1, (1<<14)/n.elem.cost)
	if n.kind == kindArray {
		d.body, err = l.value(nil, n.elem, c.elem, &place{at, "[]"}, c.elems)
		return err
	}
	if d.body, err = l.value(nil, &mapKey, c.elem.kids[0], &place{at, "[].key"}, c.elems); err != nil {
		return err
	}
	d.body, err = l.value(d.body, n.elem, c.elem.kids[1], &place{at, "[].value"}, c.elems)
	return err
}

func (l linker) union(ops []op, n *node, c *column, at *place, in *rows) ([]op, error) {
	null, only := -1, -1
	for i, b := range n.branches {
		switch {
		case b.kind == kindNull:
			null = i
		case only < 0:
			only = i
		default:
			return l.numbers(ops, n, c, at, in)
		}
	}
	first := len(ops)
	ops, err := l.value(ops, n.branches[max(only, 0)], c, at, in)
	if err != nil {
		return nil, err
	}
	o := &ops[first]
	o.nullable = true
	o.more.null, o.more.only = null, only
	if null >= 0 {
		o.null = byte(2 * null)
	}
	if only >= 0 {
		o.value = byte(2 * only)
	}
	return ops, nil
}

// numbers makes the op of a union of numbers, which has an op for each branch.
func (l linker) numbers(ops []op, n *node, c *column, at *place, in *rows) ([]op, error) {
	o := op{code: opUnion, col: c, more: &details{at: at, node: n}}
	for _, b := range n.branches {
		var err error
		if o.more.branches, err = l.value(o.more.branches, b, c, at, in); err != nil {
			return nil, err
		}
	}
	return append(ops, o), nil
}

// codeFor says how a node's values get into a column, if they can.
func codeFor(n *node, c *column) (code, bool) {
	have := c.typ.ID()
	switch n.kind { // those whose types are compared as they are linked
	case kindNull:
		return opNull, true
	case kindArray:
		return opList, have == arrow.LIST
	case kindMap:
		return opList, have == arrow.MAP && c.elem.kids[0].typ.ID() == arrow.STRING
	case kindRecord:
		return opRecord, have == arrow.STRUCT
	}
	switch [2]arrow.Type{n.typ.ID(), have} {
	case [2]arrow.Type{arrow.INT32, arrow.INT64}:
		return opIntWide, true
	case [2]arrow.Type{arrow.FLOAT32, arrow.FLOAT64}:
		return opFloatWide, true
	case [2]arrow.Type{arrow.BINARY_VIEW, arrow.BINARY}:
		return opBinary, true
	}
	return codes[n.kind], arrow.TypeEqual(n.typ, c.typ)
}

// codes are the ops of kinds that go into a column of their own type.
var codes = [...]code{
	kindBoolean: opBoolean, kindInt: opInt, kindLong: opLong, kindFloat: opFloat, kindDouble: opDouble,
	kindBytes: opView, kindString: opString, kindFixed: opFixed, kindEnum: opEnum, kindDecimal: opDecimal,
}
