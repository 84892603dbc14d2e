package store

import (
	"crypto/rand"
	"strings"
)

const (
	tempMark = ".new-"
	tempLen  = 10 // the number of random characters, from rand.Text's alphabet
)

// tempName returns a unique name in the directory of path.
func tempName(path string) string { return path + tempMark + rand.Text()[:tempLen] }

// isTemp reports whether name could have been made by tempName.
func isTemp(name string) bool {
	i := len(name) - tempLen
	return i >= 0 && strings.HasSuffix(name[:i], tempMark) &&
		strings.Trim(name[i:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
