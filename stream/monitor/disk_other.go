//go:build !linux && !darwin

package monitor

import "github.com/skyfinch/skyfinch/stream/store"

// diskSpace is not known on this system.
func diskSpace(store.Store) (disk, bool) { return disk{}, false }
