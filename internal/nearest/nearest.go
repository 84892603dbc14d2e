// Package nearest suggests the right name for a mistyped one.
package nearest

import "strings"

// To returns the candidate nearest to a name, or "" if none is near, ignoring
// case. The distance is the number of bytes to insert, delete, replace or swap
// with a neighbour. A candidate is near if the distance is at most 1, or a
// third of the longer name's length, and less than that length. Of equally near
// candidates To returns the first.
func To(name string, candidates []string) string {
	if name == "" {
		return ""
	}
	best, found := "", -1
	for _, c := range candidates {
		d := distance(strings.ToLower(name), strings.ToLower(c))
		longest := max(len(name), len(c))
		if d <= max(1, longest/3) && d < longest && (found < 0 || d < found) {
			best, found = c, d
		}
	}
	return best
}

// Hint returns a question to append to an error, such as `, did you mean
// "audit"?`, or "" if no candidate is near.
func Hint(name string, candidates []string) string {
	if c := To(name, candidates); c != "" {
		return `, did you mean "` + c + `"?`
	}
	return ""
}

// distance returns the optimal string alignment distance of two strings.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
