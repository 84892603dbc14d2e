package filter

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// function is a function of values of one row. Its result is null if an argument
// is, or if it is NaN.
type function struct {
	least, most  int // arguments
	args, result kind
	float        func(a []float64) float64
	text         func(string) string
	time         func(us int64) float64
	sql          string // $1, $2 … are the arguments
}

func (f *function) usage(name string) string {
	switch {
	case f.least == f.most && f.most == 1:
		return name + " needs one argument"
	case f.least == f.most:
		return fmt.Sprintf("%s needs %d arguments", name, f.most)
	}
	return fmt.Sprintf("%s needs %d or more arguments", name, f.least)
}

func float1(f func(float64) float64, sql string) *function {
	return &function{1, 1, kindFloat, kindFloat, func(a []float64) float64 { return f(a[0]) }, nil, nil, sql}
}

func floats(n int, f func(a []float64) float64, sql string) *function {
	return &function{least: n, most: n, args: kindFloat, result: kindFloat, float: f, sql: sql}
}

var functions = map[string]*function{
	"abs":     float1(math.Abs, "abs($1)"),
	"sqrt":    float1(math.Sqrt, "sqrt($1)"),
	"exp":     float1(math.Exp, "exp($1)"),
	"ln":      float1(math.Log, "ln($1)"),
	"log10":   float1(log10, "log10($1)"),
	"floor":   float1(math.Floor, "floor($1)"),
	"ceil":    float1(math.Ceil, "ceil($1)"),
	"sin":     float1(math.Sin, "sin($1)"),
	"cos":     float1(math.Cos, "cos($1)"),
	"tan":     float1(math.Tan, "tan($1)"),
	"asin":    float1(math.Asin, "asin($1)"),
	"acos":    float1(math.Acos, "acos($1)"),
	"atan":    float1(math.Atan, "atan($1)"),
	"radians": float1(radians, "radians($1)"),
	"degrees": float1(degrees, "degrees($1)"),
	"mag":     float1(func(flux float64) float64 { return 31.4 - 2.5*log10(flux) }, "(3.14e1 - 2.5e0 * log10($1))"),
	"pow":     floats(2, func(a []float64) float64 { return math.Pow(a[0], a[1]) }, "pow($1, $2)"),
	"atan2":   floats(2, func(a []float64) float64 { return math.Atan2(a[0], a[1]) }, "atan2($1, $2)"),
	"gal_l":   floats(2, func(a []float64) float64 { return galactic.longitude(a[0], a[1]) }, galactic.longitudeSQL()),
	"gal_b":   floats(2, func(a []float64) float64 { return galactic.latitude(a[0], a[1]) }, galactic.latitudeSQL()),
	"ecl_lon": floats(2, func(a []float64) float64 { return ecliptic.longitude(a[0], a[1]) }, ecliptic.longitudeSQL()),
	"ecl_lat": floats(2, func(a []float64) float64 { return ecliptic.latitude(a[0], a[1]) }, ecliptic.latitudeSQL()),
	"separation": floats(4, func(a []float64) float64 { return separation(a[0], a[1], a[2], a[3]) },
		separationSQL),
	"cone": {5, 5, kindFloat, kindBool, func(a []float64) float64 { return separation(a[0], a[1], a[2], a[3]) - a[4] }, nil, nil,
		"(" + notNaN("("+separationSQL+" - $5)") + " <= 0)"},
	"airmass": floats(5, func(a []float64) float64 { return airmass(a[0], a[1], a[2], a[3], a[4]) }, airmassSQL),

	"lower": {least: 1, most: 1, args: kindText, result: kindText, text: strings.ToLower, sql: "lower($1)"},
	"upper": {least: 1, most: 1, args: kindText, result: kindText, text: strings.ToUpper, sql: "upper($1)"},
	"trim": {least: 1, most: 1, args: kindText, result: kindText, text: func(s string) string {
		return strings.TrimFunc(s, func(c rune) bool { return unicode.Is(unicode.Zs, c) })
	}, sql: "trim($1)"},

	"jd": {least: 1, most: 1, args: kindTime, result: kindFloat, time: func(us int64) float64 { return float64(us)/86400e6 + 2440587.5 },
		sql: "(epoch_us($1) / 8.64e10 + 2.4405875e6)"},
	"mjd": {least: 1, most: 1, args: kindTime, result: kindFloat, time: func(us int64) float64 { return float64(us)/86400e6 + 40587 },
		sql: "(epoch_us($1) / 8.64e10 + 4.0587e4)"},

	// These are terms of their own.
	"regexp_matches": {least: 2, most: 2, args: kindText},
	"coalesce":       {least: 1, most: 100},
	"nullif":         {least: 2, most: 2},
	"lag":            {least: 2, most: 2},
	"least":          {least: 1, most: 100},
	"greatest":       {least: 1, most: 100},
}

// notNaN makes NaN null. Comparisons with NaN itself are not used: DuckDB 2.0 takes
// them for false if a file's statistics, which ignore NaN, say so.
func notNaN(sql string) string {
	return "list_transform([" + sql + "], lambda v: CASE WHEN NOT isnan(v) THEN v END)[1]"
}

// aggregate is a function of the elements of a list. A list that is null has none.
type aggregate struct {
	least     int  // arguments
	condition bool // the second argument is one
	kind      kind
	sql       string // $1 is the list, $2 the expression
}

var aggregates = map[string]aggregate{
	"any":    {2, true, kindBool, "coalesce(len(list_filter($1, lambda e, i: coalesce($2, false))) > 0, false)"},
	"all":    {2, true, kindBool, "coalesce(len(list_filter($1, lambda e, i: NOT coalesce($2, false))) = 0, true)"},
	"count":  {1, true, kindInt, "coalesce(len(list_filter($1, lambda e, i: coalesce($2, false))), 0)"},
	"min":    {2, false, kindFloat, "list_min(list_transform($1, lambda e, i: $2))"},
	"max":    {2, false, kindFloat, "list_max(list_transform($1, lambda e, i: $2))"},
	"sum":    {2, false, kindFloat, notNaN("list_sum(list_transform($1, lambda e, i: $2))")},
	"mean":   {2, false, kindFloat, notNaN("list_avg(list_transform($1, lambda e, i: $2))")},
	"median": {2, false, kindFloat, notNaN("list_aggregate(list_transform($1, lambda e, i: $2), 'median')")},
	"first":  {2, false, kindFloat, "list_filter(list_transform($1, lambda e, i: $2), lambda v: v IS NOT NULL)[1]"},
	"last":   {2, false, kindFloat, "list_filter(list_transform($1, lambda e, i: $2), lambda v: v IS NOT NULL)[-1]"},
}

func functionNames() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for n := range maps.Keys(functions) {
			if !yield(n) {
				return
			}
		}
		for n := range maps.Keys(aggregates) {
			if !yield(n) {
				return
			}
		}
	})
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// like returns whether a text matches a pattern, in which % is any text and _ any
// character.
func like(pattern string) func(string) bool {
	inner := strings.Trim(pattern, "%")
	if !strings.ContainsAny(inner, "%_") {
		first, last := strings.HasPrefix(pattern, "%"), strings.HasSuffix(pattern, "%")
		switch {
		case first && last:
			return func(s string) bool { return strings.Contains(s, inner) }
		case first:
			return func(s string) bool { return strings.HasSuffix(s, inner) }
		case last:
			return func(s string) bool { return strings.HasPrefix(s, inner) }
		}
		return func(s string) bool { return s == inner }
	}
	re := strings.NewReplacer("%", ".*", "_", ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile(`(?s)\A` + re + `\z`).MatchString
}

// compilePattern compiles a regular expression of RE2, unless it is a large one: the
// time for a text is in proportion to the size.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("the pattern has %d bytes; at most %d are allowed", len(pattern), maxPattern)
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if prog, err := syntax.Compile(tree.Simplify()); err != nil || len(prog.Inst) > maxProgram {
		return nil, fmt.Errorf("the pattern is too large: its repetitions make more than %d steps", maxProgram)
	}
	return regexp.Compile(pattern)
}

// log10 is the decimal logarithm, exact for powers of ten, which math.Log10 is not:
// the one of 2^k is added to that of the rest in two parts, as fdlibm does.
func log10(x float64) float64 {
	const (
		inverse = 4.34294481903251816668e-01 // 1 / ln 10
		high    = 3.01029995663611771306e-01 // log10 2
		low     = 3.69423907715893078616e-13
	)
	if !(x > 0) || math.IsInf(x, 1) {
		return math.Log10(x)
	}
	f, k := math.Frexp(x) // x = f 2^k, f in [1/2, 1)
	f, k = 2*f, k-1
	if k < 0 {
		f, k = f/2, k+1
	}
	n := float64(k)
	return (n*low + inverse*math.Log(f)) + n*high
}
