package filter

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of an expression. A longer or deeper one is an error.
const (
	maxLength = 64 << 10
	maxDepth  = 100
	maxNodes  = 20_000 // of a filter with its blocks and lists

	maxPattern = 1000   // bytes of a regular expression
	maxProgram = 10_000 // its instructions
	maxSQL     = 256 << 10
)

// node is a part of an expression, as it was written.
type node struct {
	op       string // "name", "int", "number", "text", "true", "false", "null", "call", "in", "list", "like", "is null", "case", or an operator
	text     string // of a name, a text or a function
	pos, end int    // in the expression
	args     []*node
}

// An exprError is an error at a place of an expression.
type exprError struct {
	pos  int
	text string
}

func (e *exprError) Error() string { return e.text }

func errorAt(pos int, format string, args ...any) *exprError {
	return &exprError{pos, fmt.Sprintf(format, args...)}
}

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenQuoted // a name in double quotes
	tokenInt
	tokenNumber
	tokenText
	tokenSign
)

type token struct {
	kind     tokenKind
	text     string // names and texts without quotes
	pos, end int
}

// parser reads an expression by recursive descent. It stops at the first error, by
// panic(*exprError), which parse recovers.
type parser struct {
	in     string
	token  token // the next one
	before int   // the end of the one before
	depth  int
	nodes  int
}

// parse parses an expression. The error is an *exprError.
func parse(in string) (n *node, err error) {
	if len(in) > maxLength {
		return nil, errorAt(maxLength, "the expression has %d bytes; at most %d are allowed", len(in), maxLength)
	}
	if !utf8.ValidString(in) {
		return nil, errorAt(0, "the expression is not valid UTF-8")
	}
	p := &parser{in: in}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *exprError:
			n, err = nil, e
		default:
			panic(e)
		}
	}()
	p.next()
	n = p.or()
	if p.token.kind != tokenEnd {
		p.fail("unexpected %s", p.seen())
	}
	return n, nil
}

func (p *parser) fail(format string, args ...any) { panic(errorAt(p.token.pos, format, args...)) }

// seen describes the next token.
func (p *parser) seen() string {
	if p.token.kind == tokenEnd {
		return "end"
	}
	return strconv.Quote(clip(p.in[p.token.pos:p.token.end], 40))
}

func (p *parser) next() {
	p.before = p.token.end
	i := p.token.end
	for i < len(p.in) {
		switch {
		case strings.ContainsRune(" \t\r\n", rune(p.in[i])):
			i++
		case strings.HasPrefix(p.in[i:], "--"): // a comment
			if n := strings.IndexByte(p.in[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(p.in)
			}
		default:
			p.token = token{pos: i}
			p.lex(i)
			return
		}
	}
	p.token = token{kind: tokenEnd, pos: i, end: i}
}

// lex reads the token at i.
func (p *parser) lex(i int) {
	t, rest := &p.token, p.in[i:]
	take := func(kind tokenKind, n int) { t.kind, t.text, t.end = kind, rest[:n], i+n }
	c, _ := utf8.DecodeRuneInString(rest)
	switch {
	case c == '\'' || c == '"':
		text, n, ok := quoted(rest)
		if !ok {
			p.fail("a quote that does not end")
		}
		kind := tokenText
		if c == '"' {
			kind = tokenQuoted
		}
		take(kind, n)
		t.text = text
	case c >= '0' && c <= '9' || c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		n, kind := number(rest)
		take(kind, n)
		if next, _ := utf8.DecodeRuneInString(rest[n:]); n < len(rest) && nameRune(next) {
			p.fail("%q is not a number", clip(rest[:n+1], 40))
		}
	case nameRune(c):
		n := strings.IndexFunc(rest, func(c rune) bool { return !nameRune(c) && c != '.' })
		if n < 0 {
			n = len(rest)
		}
		take(tokenName, n)
	default:
		for _, s := range []string{"<>", "!=", "<=", ">=", "==", "(", ")", ",", "=", "<", ">", "+", "-", "*", "/", "%", "."} {
			if strings.HasPrefix(rest, s) {
				take(tokenSign, len(s))
				return
			}
		}
		p.fail("unexpected %q", c)
	}
}

func nameRune(c rune) bool { return c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c) }

// quoted returns the text in the quotes at the start of s, in which two are one, and
// the length with them.
func quoted(s string) (text string, n int, ok bool) {
	quote := s[:1]
	for n = 1; ; {
		i := strings.Index(s[n:], quote)
		if i < 0 {
			return "", 0, false
		}
		text += s[n : n+i]
		n += i + 1
		if !strings.HasPrefix(s[n:], quote) {
			return text, n, true
		}
		text += quote
		n++
	}
}

// number returns the length of the number at the start of s.
func number(s string) (n int, kind tokenKind) {
	digits := func() {
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
	}
	kind = tokenInt
	digits()
	if n < len(s) && s[n] == '.' {
		kind = tokenNumber
		n++
		digits()
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		start := n
		n++
		if n < len(s) && (s[n] == '+' || s[n] == '-') {
			n++
		}
		if n == len(s) || s[n] < '0' || s[n] > '9' {
			return start, kind
		}
		kind = tokenNumber
		digits()
	}
	return n, kind
}

// is reports whether the next token is a word or a sign.
func (p *parser) is(text string) bool {
	switch p.token.kind {
	case tokenName:
		return strings.EqualFold(p.token.text, text)
	case tokenSign:
		return p.token.text == text
	}
	return false
}

// accept skips words or signs if they are next.
func (p *parser) accept(words ...string) bool {
	saved := *p
	for _, w := range words {
		if !p.is(w) {
			*p = saved
			return false
		}
		p.next()
	}
	return true
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.fail("expected %s, not %s", text, p.seen())
	}
}

func (p *parser) node(op, text string, pos int, args ...*node) *node {
	if p.nodes++; p.nodes > maxNodes {
		p.fail("the expression has more than %d parts", maxNodes)
	}
	return &node{op, text, pos, p.before, args}
}

// deeper counts how deep the parser is in parentheses and the like.
func (p *parser) deeper() func() {
	if p.depth++; p.depth > maxDepth {
		p.fail("the expression is nested more than %d times", maxDepth)
	}
	return func() { p.depth-- }
}

// chain reads operands that one of some operators joins, from left to right. Those
// of "or" and "and" become arguments of one node.
func (p *parser) chain(operand func() *node, flat bool, operators ...string) *node {
	pos := p.token.pos
	left := operand()
next:
	for {
		for _, op := range operators {
			if p.accept(op) {
				right := operand()
				if flat && left.op == op && left.text == "" { // not of BETWEEN
					left.args, left.end = append(left.args, right), p.before
				} else {
					left = p.node(op, "", pos, left, right)
				}
				continue next
			}
		}
		return left
	}
}

func (p *parser) or() *node {
	defer p.deeper()()
	return p.chain(p.and, true, "or")
}

func (p *parser) and() *node { return p.chain(p.not, true, "and") }

func (p *parser) not() *node {
	pos := p.token.pos
	if p.accept("not") {
		defer p.deeper()()
		return p.node("not", "", pos, p.not())
	}
	return p.compare()
}

func (p *parser) compare() *node {
	pos := p.token.pos
	left := p.sum()
	for _, op := range []string{"=", "==", "<>", "!=", "<=", ">=", "<", ">"} {
		if p.accept(op) {
			switch op {
			case "==":
				op = "="
			case "!=":
				op = "<>"
			}
			return p.node(op, "", pos, left, p.sum())
		}
	}
	if p.accept("is") {
		not := p.accept("not")
		p.expect("null")
		return p.negated(not, pos, p.node("is null", "", pos, left))
	}
	not := p.accept("not")
	switch {
	case p.accept("between"):
		low := p.sum()
		p.expect("and")
		high := p.sum()
		return p.negated(not, pos, p.node("and", "between", pos, p.node(">=", "", pos, left, low), p.node("<=", "", pos, left, high)))
	case p.accept("like"):
		return p.negated(not, pos, p.node("like", "", pos, left, p.sum()))
	case p.accept("in"):
		args := []*node{left}
		if t := p.token; t.kind == tokenName {
			p.next()
			args = append(args, p.node("list", t.text, t.pos))
		} else {
			p.expect("(")
			args = append(args, p.list()...)
		}
		return p.negated(not, pos, p.node("in", "", pos, args...))
	case not:
		p.fail("expected BETWEEN, IN or LIKE after NOT, not %s", p.seen())
	}
	return left
}

func (p *parser) negated(not bool, pos int, n *node) *node {
	if not {
		return p.node("not", "", pos, n)
	}
	return n
}

func (p *parser) sum() *node { return p.chain(p.product, false, "+", "-") }

func (p *parser) product() *node { return p.chain(p.factor, false, "*", "/", "%") }

func (p *parser) factor() *node {
	pos := p.token.pos
	if p.accept("-") {
		defer p.deeper()()
		return p.node("negative", "", pos, p.factor())
	}
	if p.accept("+") {
		defer p.deeper()()
		return p.factor()
	}
	return p.primary()
}

func (p *parser) primary() *node {
	t := p.token
	switch t.kind {
	case tokenInt, tokenNumber, tokenText:
		p.next()
		op := map[tokenKind]string{tokenInt: "int", tokenNumber: "number", tokenText: "text"}[t.kind]
		return p.node(op, t.text, t.pos)
	case tokenQuoted:
		return p.name()
	case tokenName:
		switch word := strings.ToLower(t.text); word {
		case "true", "false", "null":
			p.next()
			return p.node(word, "", t.pos)
		case "case":
			return p.choice()
		case "and", "or", "not", "in", "is", "like", "between", "when", "then", "else", "end":
			p.fail("unexpected %s", p.seen())
		}
		return p.name()
	}
	if p.accept("(") {
		n := p.or()
		p.expect(")")
		return p.node("()", "", t.pos, n)
	}
	p.fail("expected a column, a number, a text or a function, not %s", p.seen())
	return nil
}

// name reads a column, whose parts may be in double quotes, or a function with its
// arguments.
func (p *parser) name() *node {
	t := p.token
	p.next()
	if t.kind == tokenName && p.token.kind == tokenSign && p.token.text == "(" {
		p.next()
		var args []*node
		if !p.accept(")") {
			args = p.list()
		}
		return p.node("call", strings.ToLower(t.text), t.pos, args...)
	}
	text := t.text
	for p.token.kind == tokenSign && p.token.text == "." { // after a quoted part
		p.next()
		if p.token.kind != tokenName && p.token.kind != tokenQuoted {
			p.fail("expected a name after the dot, not %s", p.seen())
		}
		text += "." + p.token.text
		p.next()
	}
	if strings.HasSuffix(text, ".") && p.token.kind == tokenQuoted { // before a quoted part
		text += p.token.text
		p.next()
	}
	return p.node("name", text, t.pos)
}

// list reads expressions, with the closing parenthesis.
func (p *parser) list() (out []*node) {
	for {
		out = append(out, p.or())
		if !p.accept(",") {
			p.expect(")")
			return out
		}
	}
}

// choice reads CASE WHEN … THEN … ELSE … END, or CASE … WHEN … THEN … END. The
// arguments of the node are conditions and values in turn, and at last the value of
// ELSE, if there is one.
func (p *parser) choice() *node {
	defer p.deeper()()
	pos := p.token.pos
	p.next()
	var of *node
	if !p.is("when") {
		of = p.or()
	}
	var args []*node
	for p.accept("when") {
		c := p.or()
		if of != nil {
			c = p.node("=", "", c.pos, of, c)
		}
		p.expect("then")
		args = append(args, c, p.or())
	}
	if args == nil {
		p.fail("expected WHEN, not %s", p.seen())
	}
	if p.accept("else") {
		args = append(args, p.or())
	}
	p.expect("end")
	return p.node("case", "", pos, args...)
}

// clip shortens a text to n bytes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
