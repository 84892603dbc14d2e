package filter

import (
	"fmt"
	"strconv"
	"strings"
)

// query returns the term as an expression of DuckDB, unless it is a long one: each
// part is written as often as it is used, so the length may grow without bound.
func (t *term) query() (sql string, err error) {
	defer func() {
		if e := recover(); e != nil {
			f, ok := e.(failure)
			if !ok {
				panic(e)
			}
			err = f.error
		}
	}()
	return t.sql(""), nil
}

// sql returns the term as an expression of DuckDB. In a lambda over the elements of a
// list, element is the name of its parameter.
func (t *term) sql(element string) string {
	s := t.write(element)
	if len(s) > maxSQL {
		panic(failure{fmt.Errorf("the query for DuckDB has more than %d bytes", maxSQL)})
	}
	return s
}

func (t *term) write(element string) string {
	args := make([]string, len(t.args))
	for i, a := range t.args {
		args[i] = a.sql(element)
	}
	switch t.op {
	case "constant":
		return literal(t)
	case "column":
		return t.columnSQL(element)
	case "spread":
		return args[0]
	case "null":
		return "NULL"
	case "and", "or":
		return "(" + strings.Join(args, " "+strings.ToUpper(t.op)+" ") + ")"
	case "not":
		return "(NOT " + args[0] + ")"
	case "is null":
		return "(" + args[0] + " IS NULL)"
	case "=", "<>", "<", "<=", ">", ">=":
		return "(" + args[0] + " " + t.op + " " + args[1] + ")"
	case "float":
		return "CAST(" + args[0] + " AS DOUBLE)"
	case "negative":
		return "(-" + args[0] + ")"
	case "%":
		if t.kind == kindInt {
			// DuckDB's % -1 overflows for the least integer.
			return "(" + args[0] + " % list_transform([" + args[1] + "], lambda v: CASE WHEN v = -1 THEN 1 ELSE nullif(v, 0) END)[1])"
		}
		fallthrough
	case "+", "-", "*", "/":
		return notNaN("(" + args[0] + " " + t.op + " " + args[1] + ")")
	case "like":
		return "(" + args[0] + " LIKE " + quote(t.text) + ")"
	case "in":
		return "(" + args[0] + " IN (" + t.text + "))"
	case "among":
		return "(" + args[0] + " IN (" + strings.Join(args[1:], ", ") + "))"
	case "regexp_matches":
		return "regexp_matches(" + args[0] + ", " + quote(t.text) + ")"
	case "case":
		var b strings.Builder
		b.WriteString("CASE")
		for i := 0; i+1 < len(args); i += 2 {
			b.WriteString(" WHEN " + args[i] + " THEN " + args[i+1])
		}
		return b.String() + " ELSE " + args[len(args)-1] + " END"
	case "lag":
		return "list_filter(list_transform(" + t.list.sql() + "[1:i-1], lambda x: CASE WHEN " + t.args[1].sql("x") + " = " + args[1] +
			" THEN " + t.args[0].sql("x") + " END), lambda v: v IS NOT NULL)[-1]"
	case "nullif", "coalesce", "least", "greatest":
		return t.op + "(" + strings.Join(args, ", ") + ")"
	}
	if f, ok := aggregates[t.op]; ok {
		return expand(f.sql, []string{t.list.sql(), t.args[0].sql("e")})
	}
	s := expand(t.fn.sql, args)
	if t.kind == kindFloat {
		s = notNaN(s)
	}
	return s
}

// expand puts arguments for $1, $2, … into a template.
func expand(template string, args []string) string {
	var pairs []string
	for i, a := range args {
		pairs = append(pairs, "$"+strconv.Itoa(i+1), a)
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

func (t *term) columnSQL(element string) string {
	table := "alerts"
	if t.scope > 0 {
		table = element
	}
	name := table
	for _, n := range t.column {
		name += "." + identifier(n)
	}
	switch t.kind {
	case kindFloat:
		return "CASE WHEN NOT isnan(" + name + ") THEN CAST(" + name + " AS DOUBLE) END"
	case kindInt:
		return "CAST(" + name + " AS BIGINT)"
	}
	return name
}

func (l listColumn) sql() string {
	name := "alerts"
	for _, n := range l.column {
		name += "." + identifier(n)
	}
	return name
}

func identifier(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// literal returns a constant of DuckDB.
func literal(t *term) string {
	switch t.kind {
	case kindBool:
		return strconv.FormatBool(t.int != 0)
	case kindInt:
		return strconv.FormatInt(t.int, 10)
	case kindFloat:
		return strconv.FormatFloat(t.number, 'e', -1, 64)
	case kindText:
		return quote(t.text)
	}
	return "NULL"
}
