//go:build !linux

package store

import "os"

// setDirect returns false: all writes go through the page cache.
func setDirect(*os.File, bool) bool { return false }
