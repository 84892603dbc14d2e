package crossmatch

import (
	"errors"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// guard calls f, which looks at the file, and returns ErrBadIndex if the system has
// nothing to show where the file should be: because it was cut, or its disk
// fails. Without that the program would end. Of no file it only calls f.
func (m *mapping) guard(f func() error) (err error) {
	if m == nil {
		return f()
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if !m.has(r) {
			panic(r)
		}
		err = m.broken(unusable("it cannot be read any more: it was cut, or its disk fails"))
	}()
	if err = f(); errors.Is(err, errDamaged) {
		err = m.broken(unusable("it is damaged")) // with its name
	}
	return err
}

// has reports whether a panic is of an address that is the file's.
func (m *mapping) has(panicked any) bool {
	err, ok := panicked.(error)
	var fault interface {
		runtime.Error
		Addr() uintptr
	}
	if !ok || !errors.As(err, &fault) {
		return false
	}
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	return fault.Addr() >= begin && fault.Addr()-begin < uintptr(len(m.data))
}
