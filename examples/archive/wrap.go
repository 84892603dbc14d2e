//go:build !killpoints

package main

import (
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/stream/store"
)

// openStore opens the archive. Tests put a store that fails in its place, and
// the build with the tag killpoints one that kills the process.
var openStore = func(dir string) (store.Store, error) { return store.OpenDir(dir) }

// rig leaves a service as it is; with the tag killpoints it does not.
func rig(*archive.Service) {}
