package crossmatch

import (
	"errors"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// guard calls f, which reads the mapped file, and returns ErrBadIndex if that faults
// because the file was truncated or its disk fails, which would otherwise end the
// program. If m is nil, it only calls f.
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
		if !m.ownsFault(r) {
			panic(r)
		}
		err = m.wrap(unusable("it can no longer be read: it was truncated, or its disk fails"))
	}()
	if err = f(); errors.Is(err, errDamaged) {
		err = m.wrap(unusable("it is damaged")) // with the file's name
	}
	return err
}

// ownsFault reports whether a panic is a fault at an address in the file.
func (m *mapping) ownsFault(panicked any) bool {
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
