// Package filter finds the alerts that are wanted. A filter is a condition in a
// subset of SQL's WHERE over the columns of an alert, in a file of YAML with its own
// tests:
//
//	name: bright_nova
//	description: Bright and young, near a galaxy
//	survey: ztf
//	version: 1
//	where: >
//	  candidate.magpsf < 18 AND candidate.jd - candidate.jdstarthist < 5
//	  AND cdsxmatch IN ('Galaxy', 'G') AND NOT any(prv_candidates, magpsf < 17)
//	pass:
//	  - {cdsxmatch: G, candidate: {magpsf: 17.5, jd: 2459602.5, jdstarthist: 2459600.5}}
//	fail:
//	  - {cdsxmatch: G, candidate: {magpsf: 18.5, jd: 2459602.5, jdstarthist: 2459600.5}}
//
// LANGUAGE.md, beside this file, is the page about the language and the files.
//
// ReadDir reads filters, Compile makes a Set of them for the columns of a table, and
// Set.Eval evaluates all of them on a record at once, column by column. What filters
// have in common is computed once. An alert may pass many filters: each is a tag.
//
// Set.Why shows how a filter judges an alert, part by part, and Set.SQL is the same
// filter as a query for DuckDB, whose verdicts are the same, but for the last digit of
// pow, exp, ln, log10 and the functions of angles.
//
// # Null
//
// An alert passes if the condition is true, not if it is null (unknown). Comparisons
// and operations with null are null, by SQL's rules. NaN is null: in a column, and as
// the result of an operation, such as the square root of a negative number.
//
// # Bounds
//
// Whoever wrote it, a filter takes time in proportion to its length and to the number
// of rows and elements, and memory as Set.Eval says: there are no loops, no functions
// of users, and regular expressions are RE2's, and short. An expression has at most 64 KiB,
// 100 levels and 20,000 parts.
package filter
