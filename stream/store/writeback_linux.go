package store

import (
	"os"
	"syscall"
)

// writeback is after how many bytes the disk is set to work on them. Otherwise
// it would have nothing to do until Close waits for all of the file.
const writeback = 8 << 20

const syncFileRangeWrite = 2

// beginWriteback makes the kernel write a part of a file that is in its cache,
// and does not wait for that. It is a hint: what it cannot do Sync will.
func beginWriteback(f *os.File, from, n int64) {
	c, err := f.SyscallConn()
	if err != nil {
		return
	}
	c.Control(func(fd uintptr) { syscall.SyncFileRange(int(fd), from, n, syncFileRangeWrite) })
}
