//go:build !linux

package store

import "os"

// setDirect does nothing: there is no O_DIRECT.
func setDirect(*os.File, bool) bool { return false }
