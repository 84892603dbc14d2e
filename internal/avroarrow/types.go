package avroarrow

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
)

type primitive struct {
	kind kind
	typ  arrow.DataType
}

var primitives = map[string]primitive{
	"null":    {kindNull, arrow.Null},
	"boolean": {kindBoolean, arrow.FixedWidthTypes.Boolean},
	"int":     {kindInt, arrow.PrimitiveTypes.Int32},
	"long":    {kindLong, arrow.PrimitiveTypes.Int64},
	"float":   {kindFloat, arrow.PrimitiveTypes.Float32},
	"double":  {kindDouble, arrow.PrimitiveTypes.Float64},
	"bytes":   {kindBytes, arrow.BinaryTypes.BinaryView},
	"string":  {kindString, arrow.BinaryTypes.String},
}

// mapKey is the key of any map.
var mapKey = node{kind: kindString, typ: arrow.BinaryTypes.String, height: 1, leaves: 1, bytes: rowBytes(arrow.BinaryTypes.String), min: 1}

// logicalTypes are the logical types that have an Arrow type of their own, by
// base type and name. Others are ignored, as Avro specifies.
var logicalTypes = map[[2]string]arrow.DataType{
	{"int", "date"}:                    arrow.FixedWidthTypes.Date32,
	{"int", "time-millis"}:             arrow.FixedWidthTypes.Time32ms,
	{"long", "time-micros"}:            arrow.FixedWidthTypes.Time64us,
	{"long", "timestamp-millis"}:       arrow.FixedWidthTypes.Timestamp_ms,
	{"long", "timestamp-micros"}:       arrow.FixedWidthTypes.Timestamp_us,
	{"long", "timestamp-nanos"}:        arrow.FixedWidthTypes.Timestamp_ns,
	{"long", "local-timestamp-millis"}: &arrow.TimestampType{Unit: arrow.Millisecond},
	{"long", "local-timestamp-micros"}: &arrow.TimestampType{Unit: arrow.Microsecond},
	{"long", "local-timestamp-nanos"}:  &arrow.TimestampType{Unit: arrow.Nanosecond},
}

// list reads an array or a map.
func (r *resolver) list(m map[string]any, kind, namespace string, depth int) (*node, error) {
	items := m["items"]
	if kind == "map" {
		items = m["values"]
	}
	elem, err := r.resolve(items, namespace, depth+1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	if kind == "map" {
		return newNode(&node{kind: kindMap, elem: elem, typ: arrow.MapOf(arrow.BinaryTypes.String, elem.typ)})
	}
	return newNode(&node{kind: kindArray, elem: elem, typ: arrow.ListOf(elem.typ)})
}

func (r *resolver) enum(m map[string]any, namespace string) (*node, error) {
	full, _, err := r.define(m, namespace)
	if err != nil {
		return nil, err
	}
	list, ok := m["symbols"].([]any)
	if !ok {
		return nil, fmt.Errorf("enum %.100q: no symbols", full)
	}
	n := &node{kind: kindEnum, name: full, typ: arrow.BinaryTypes.String}
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("enum %.100q: a symbol is a %T", full, v)
		}
		n.symbols = append(n.symbols, s)
	}
	if n, err = newNode(n); err == nil {
		r.named[full] = n
	}
	return n, err
}

func (r *resolver) fixed(m map[string]any, namespace string) (*node, error) {
	full, _, err := r.define(m, namespace)
	if err != nil {
		return nil, err
	}
	size, ok := integer(m["size"])
	if !ok || size < 1 || size > maxFixed {
		return nil, fmt.Errorf("fixed %.100q: size %v", full, m["size"])
	}
	var n *node
	if m["logicalType"] == "decimal" {
		n, err = decimalNode(m, size, full)
	} else {
		n, err = newNode(&node{kind: kindFixed, name: full, size: size, typ: &arrow.FixedSizeBinaryType{ByteWidth: size}})
	}
	if err == nil {
		r.named[full] = n
	}
	return n, err
}

// integer returns a JSON number as an int, and whether it is a whole number of 31
// bits.
func integer(v any) (int, bool) {
	f, ok := v.(float64)
	return int(f), ok && f == math.Trunc(f) && math.Abs(f) < 1<<31
}

// union reads a union, whose values must fit one column: a type and null, or
// numbers of two widths.
func (r *resolver) union(list []any, namespace string, depth int) (*node, error) {
	if len(list) == 0 {
		return nil, errors.New("an empty union")
	}
	if len(list) > 8 {
		return nil, fmt.Errorf("a union of %d types has no column", len(list))
	}
	n := &node{kind: kindUnion, typ: arrow.Null}
	for _, v := range list {
		b, err := r.resolve(v, namespace, depth+1)
		if err != nil {
			return nil, err
		}
		if b.kind == kindUnion {
			return nil, errors.New("a union within a union")
		}
		if n.typ, err = unionType(n.typ, b.typ); err != nil {
			return nil, err
		}
		for _, other := range n.branches {
			if other.kind == b.kind {
				return nil, fmt.Errorf("a union of %.100s twice", b.typ)
			}
		}
		n.branches = append(n.branches, b)
	}
	return newNode(n)
}

func unionType(have, next arrow.DataType) (arrow.DataType, error) {
	if have.ID() == arrow.NULL {
		return next, nil
	}
	if next.ID() == arrow.NULL {
		return have, nil
	}
	if wide := wider(have, next); wide != nil {
		return wide, nil
	}
	return nil, fmt.Errorf("a union of %.100s and %.100s has no column", have, next)
}

// wider returns the number type that holds both, or nil.
func wider(a, b arrow.DataType) arrow.DataType {
	switch [2]arrow.Type{min(a.ID(), b.ID()), max(a.ID(), b.ID())} {
	case [2]arrow.Type{arrow.INT32, arrow.INT64}:
		return arrow.PrimitiveTypes.Int64
	case [2]arrow.Type{arrow.FLOAT32, arrow.FLOAT64}:
		return arrow.PrimitiveTypes.Float64
	}
	return nil
}
