// Package floor divides times that may be before 1970.
package floor

// Div returns a divided by b, rounded down, where Go's / rounds toward zero. b
// must be positive.
func Div(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
