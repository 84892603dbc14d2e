package store

import (
	"crypto/rand"
	"strings"
)

const (
	tempMark = ".new-"
	tempLen  = 10 // random characters, of rand.Text's alphabet
)

// tempName returns a unique temporary name in the directory of path.
func tempName(path string) string { return path + tempMark + rand.Text()[:tempLen] }

// isTemp reports whether tempName made name.
func isTemp(name string) bool {
	i := len(name) - tempLen
	return i >= 0 && strings.HasSuffix(name[:i], tempMark) &&
		strings.Trim(name[i:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
