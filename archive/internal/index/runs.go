package index

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Run is a run of row numbers.
type Run struct {
	First, Rows int64
}

// RunsKey is the key in the metadata of a compacted file whose value holds the numbers
// of its rows; see EncodeRuns.
const RunsKey = "skyfinch.rows"

// EncodeRuns returns runs as JSON: an array of the first number and the length of each.
func EncodeRuns(runs []Run) string {
	var numbers [][2]int64
	for _, r := range merge(slices.Clone(runs)) {
		numbers = append(numbers, [2]int64{r.First, r.Rows})
	}
	text, _ := json.Marshal(numbers) // it cannot fail
	return string(text)
}

// merge sorts runs and joins those that touch.
func merge(runs []Run) []Run {
	slices.SortFunc(runs, func(a, b Run) int { return cmp.Compare(a.First, b.First) })
	out := runs[:0]
	for _, r := range runs {
		if n := len(out); n > 0 && out[n-1].First+out[n-1].Rows == r.First {
			out[n-1].Rows += r.Rows
		} else if r.Rows > 0 {
			out = append(out, r)
		}
	}
	return out
}

// Cut divides runs after n rows, or at their end if they have fewer.
func Cut(runs []Run, n int64) (head, tail []Run) {
	for i, r := range runs {
		if n < r.Rows {
			if n > 0 {
				head = append(head, Run{r.First, n})
			}
			return head, append([]Run{{r.First + n, r.Rows - n}}, runs[i+1:]...)
		}
		head, n = append(head, r), n-r.Rows
	}
	return head, nil
}

// rowsOf returns the number of rows of runs.
func rowsOf(runs []Run) (n int64) {
	for _, r := range runs {
		n += r.Rows
	}
	return n
}
