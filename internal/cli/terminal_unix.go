//go:build linux || darwin

package cli

import (
	"os"
	"syscall"
	"unsafe"
)

// terminalSize asks the driver of the terminal.
func terminalSize(f *os.File) (columns, lines int, ok bool) {
	var size struct{ lines, columns, x, y uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	return int(size.columns), int(size.lines), errno == 0
}
