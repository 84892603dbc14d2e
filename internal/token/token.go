// Package token makes random names.
package token

import (
	"crypto/rand"
	"strings"
)

// New returns a unique name of 16 lower-case letters and digits.
func New() string { return strings.ToLower(rand.Text()[:16]) }
