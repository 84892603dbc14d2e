package stream

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/gather"
)

// Filter returns the rows of in for which keep returns true, and drops the
// others: with it, a filter is a one-line [TransformFunc]. Consecutive rows are
// not copied. Scattered ones are copied into one record, except for binary and
// string views.
func Filter(in Rows, keep func(row int) bool) Result {
	var index []int32
	for i := range int32(in.Record.NumRows()) {
		if keep(int(i)) {
			index = append(index, i)
		}
	}
	return Result{Rows: pick(in, index)}
}

// maxRuns is the most runs of consecutive rows that get a record each: a slice
// costs about as much as copying a few rows.
const maxRuns = 4

// pick returns the rows of in whose numbers are in index, which is ascending.
func pick(in Rows, index []int32) []Rows {
	runs := runsOf(index)
	if len(runs) > maxRuns && copyable(in.Record.Schema()) {
		r, err := gather.Records(memory.DefaultAllocator, in.Record.Schema(), gather.Rows{Record: in.Record, Index: index})
		if err == nil {
			return []Rows{{Table: in.Table, Record: r, From: index}}
		}
	}
	var out []Rows
	for _, run := range runs {
		from := int64(run[0])
		r := in.Record.NewSlice(from, from+int64(len(run)))
		out = append(out, Rows{Table: in.Table, Record: r, From: run})
	}
	return out
}

// runsOf splits ascending numbers into runs of consecutive ones.
func runsOf(index []int32) (runs [][]int32) {
	for len(index) > 0 {
		n := 1
		for n < len(index) && index[n] == index[n-1]+1 {
			n++
		}
		runs = append(runs, index[:n:n])
		index = index[n:]
	}
	return runs
}

func copyable(s *arrow.Schema) bool {
	for _, f := range s.Fields() {
		if !gather.Supported(f.Type) {
			return false
		}
	}
	return true
}
