//go:build !killpoints

package main

import "github.com/skyfinch/skyfinch/stream/store"

// wrap is where the tests built with the tag killpoints put a store that kills
// the process at a named step.
var wrap func(store.Store) store.Store
