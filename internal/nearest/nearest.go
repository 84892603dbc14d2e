// Package nearest suggests what a mistyped name was meant to be.
package nearest

import "strings"

// Of returns the candidate with the smallest edit distance to name, the first
// of several. It returns "" if none is near: more than a third of the name's
// letters, or more than one of a short name's, would have to change. Case is
// ignored. An insertion, a deletion, a substitution and a swap of neighbours
// each count 1.
func Of(name string, candidates []string) string {
	best, least := "", max(1, len([]rune(name))/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance returns the optimal string alignment distance of two texts.
func distance(from, to string) int {
	a, b := []rune(from), []rune(to)
	var before, last []int // rows i-2 and i-1 of the matrix
	for i := range len(a) + 1 {
		row := make([]int, len(b)+1)
		for j := range row {
			switch {
			case i == 0 || j == 0:
				row[j] = i + j
				continue
			case a[i-1] == b[j-1]:
				row[j] = last[j-1]
			default:
				row[j] = 1 + min(last[j-1], last[j], row[j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
