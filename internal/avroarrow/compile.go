package avroarrow

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// opcode is how an op decodes its value.
type opcode uint8

const (
	opNull opcode = iota
	opBoolean
	opInt     // int to int32
	opIntWide // int to int64
	opLong
	opTime // int or long to a date, time or timestamp
	opFloat
	opFloatWide // float to float64
	opDouble
	opString
	opBinary // bytes to a binary column
	opView   // bytes to a view column
	opFixed
	opEnum
	opDecimal
	opList   // arrays and maps
	opRecord // its fields are the ops that follow
	opUnion  // numbers of two widths
)

// op decodes one value of a datum into one column. The ops of a record's fields
// follow it in the same program, so most nested datums are one loop.
type op struct {
	code     opcode
	nullable bool
	null     byte  // the union's index of null, encoded
	value    byte  // the union's index of the value, encoded
	skip     int32 // ops to skip if null
	col      *column
	more     *details
}

// details is what only few ops, or only errors, need.
type details struct {
	at         *fieldPath
	node       *node
	null, only int       // indices of null and of the value in the union, or -1
	body       []op      // opList: the program of an element
	branches   []op      // opUnion
	times      timeRange // opTime
}

func (o *op) fail(err error) error { return fmt.Errorf("%s: %w", o.more.at, err) }

// fieldPath is the path of a value in a datum. Its text is put together only
// for errors.
type fieldPath struct {
	up   *fieldPath
	name string // a field's name, or "[]…" for a part of a list
}

func (p *fieldPath) String() string {
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
	missing []missingColumn
	count   int // of all ops, those of list elements and unions included
}

// size returns the number of ops and missing columns; p may be nil.
func (p *program) size() int {
	if p == nil {
		return 0
	}
	return p.count + len(p.missing)
}

// missingColumn is a column that a program does not write, nor those below it in
// the same rows.
type missingColumn struct {
	col *column
	in  *rows
}

// noIndex is no union's index of one byte.
const noIndex = 0xff

// compiler makes a program.
type compiler struct{ p *program }

// compile returns the program that decodes datums of s into the columns of b.
func compile(s *Schema, b *Builder) (*program, error) {
	l := compiler{p: &program{}}
	ops, err := l.fields(nil, s.root, b.names, b.cols, nil, &b.top)
	if err != nil {
		return nil, fmt.Errorf("avroarrow: %w", err)
	}
	l.p.ops = ops
	return l.p, nil
}

// fields appends the ops that decode a record's fields into cols.
func (l compiler) fields(ops []op, n *node, names map[string]int, cols []*column, at *fieldPath, in *rows) ([]op, error) {
	written := make([]bool, len(cols))
	for _, f := range n.fields {
		sub := &fieldPath{at, f.name}
		i, ok := names[f.name]
		if !ok {
			return nil, fmt.Errorf("%s: the target has no such column", sub)
		}
		written[i] = true
		var err error
		if ops, err = l.value(ops, f.node, cols[i], sub, in); err != nil {
			return nil, err
		}
	}
	for i, c := range cols {
		if !written[i] {
			l.p.missing = append(l.p.missing, missingColumn{c, in})
		}
	}
	return ops, nil
}

// value appends the ops that decode a node into column c.
func (l compiler) value(ops []op, n *node, c *column, at *fieldPath, in *rows) ([]op, error) {
	if n.kind == kindUnion {
		return l.union(ops, n, c, at, in)
	}
	code, ok := opcodeFor(n, c)
	if !ok {
		return nil, &ConflictError{Path: at.String(), Have: c.typ, Want: n.typ}
	}
	first := len(ops)
	l.p.count++
	ops = append(ops, op{code: code, null: noIndex, value: noIndex, col: c,
		more: &details{at: at, node: n}})
	var err error
	switch code {
	case opRecord:
		ops, err = l.fields(ops, n, fieldNames(c.typ.(*arrow.StructType).Fields()), c.children, at, in)
	case opList:
		err = l.list(ops[first].more, n, c, at)
	case opTime:
		ops[first].more.times, _ = timeRangeOf(n.typ)
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

func (l compiler) list(d *details, n *node, c *column, at *fieldPath) (err error) {
	if n.kind == kindArray {
		d.body, err = l.value(nil, n.elem, c.elem, &fieldPath{at, "[]"}, c.elems)
		return err
	}
	if d.body, err = l.value(nil, &mapKey, c.elem.children[0], &fieldPath{at, "[].key"}, c.elems); err != nil {
		return err
	}
	d.body, err = l.value(d.body, n.elem, c.elem.children[1], &fieldPath{at, "[].value"}, c.elems)
	return err
}

func (l compiler) union(ops []op, n *node, c *column, at *fieldPath, in *rows) ([]op, error) {
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

// numbers appends the op of a union of numbers, with an op for each branch.
func (l compiler) numbers(ops []op, n *node, c *column, at *fieldPath, in *rows) ([]op, error) {
	o := op{code: opUnion, col: c, more: &details{at: at, node: n}}
	for _, b := range n.branches {
		var err error
		if o.more.branches, err = l.value(o.more.branches, b, c, at, in); err != nil {
			return nil, err
		}
	}
	return append(ops, o), nil
}

// opcodeFor returns the opcode that decodes a node into a column, and whether
// there is one.
func opcodeFor(n *node, c *column) (opcode, bool) {
	have := c.typ.ID()
	switch n.kind { // the types below are compared when they are compiled
	case kindNull:
		return opNull, true
	case kindArray:
		return opList, have == arrow.LIST
	case kindMap:
		return opList, have == arrow.MAP && c.elem.children[0].typ.ID() == arrow.STRING
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
	code := opcodes[n.kind]
	if _, ok := timeRangeOf(n.typ); ok {
		code = opTime
	}
	return code, arrow.TypeEqual(n.typ, c.typ)
}

// opcodes are those for a column of the kind's own type.
var opcodes = [...]opcode{
	kindBoolean: opBoolean, kindInt: opInt, kindLong: opLong, kindFloat: opFloat, kindDouble: opDouble,
	kindBytes: opView, kindString: opString, kindFixed: opFixed, kindEnum: opEnum, kindDecimal: opDecimal,
}
