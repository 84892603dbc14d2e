package stream

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/gather"
)

// Filter returns the rows of in for which keep is true: a filter is a
// [TransformFunc] of one line. The other rows are dropped. Rows that lie
// together are not copied. Where they are scattered they are, all but binary
// and string views, into one record, for sinks work by the record.
func Filter(in Rows, keep func(row int) bool) Result {
	var index []int32
	for i := range int32(in.Record.NumRows()) {
		if keep(int(i)) {
			index = append(index, i)
		}
	}
	return Result{Rows: pick(in, index)}
}

// handful is how many runs of rows are worth a record each: a slice costs
// about as much as the copy of a few rows.
const handful = 4

// pick returns the rows of in whose numbers are in index, in ascending order.
func pick(in Rows, index []int32) []Rows {
	runs := runsOf(index)
	if len(runs) > handful && copyable(in.Record.Schema()) {
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

// runsOf cuts ascending numbers where they leave one out.
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
