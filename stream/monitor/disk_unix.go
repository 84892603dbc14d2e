//go:build linux || darwin

package monitor

import (
	"syscall"

	"github.com/skyfinch/skyfinch/stream/store"
)

// diskSpace returns the space of the file system that a store is on.
func diskSpace(st store.Store) (disk, bool) {
	d, ok := st.(*store.Dir)
	if !ok {
		return disk{}, false
	}
	var s syscall.Statfs_t
	if syscall.Statfs(d.Root(), &s) != nil {
		return disk{}, false
	}
	return disk{Free: int64(s.Bavail) * int64(s.Bsize), Total: int64(s.Blocks) * int64(s.Bsize)}, true
}
