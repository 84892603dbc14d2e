package store

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// block is what goes to the disk at a time. Rows are not read again soon, so
// a block goes past the system's cache where that can be done: the copy into
// fresh pages of the cache takes longer than all else that is done for an
// alert of ZTF, and pushes out what others want kept there. A file that is
// smaller than a block is written the ordinary way.
const block = 512 << 10

// diskFile is a file that is written once, from its beginning to its end. One
// block is filled while the one before is written.
type diskFile struct {
	*os.File
	blocks *sync.Pool // of *[]byte, a block each

	buf     *[]byte // the first n bytes are filled; nil: none
	n       int
	at      int64      // where they go
	writing chan error // the end of the write under way; nil: none is
	err     error      // of a write; what follows it is in vain
}

// Write takes bytes. An error may be that of an earlier Write.
func (f *diskFile) Write(p []byte) (n int, err error) {
	for n < len(p) && f.err == nil {
		if f.buf == nil {
			f.buf = f.fresh()
		}
		k := copy((*f.buf)[f.n:], p[n:])
		f.n, n = f.n+k, n+k
		if f.n == block {
			f.send()
		}
	}
	return n, f.err
}

// fresh returns an empty block. One from the heap lies at the beginning of a
// page, as the disk needs it; should that ever change, send goes the ordinary
// way.
func (f *diskFile) fresh() *[]byte {
	if b, ok := f.blocks.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, block)
	return &b
}

// send begins to write the block in hand, once the one before is written.
func (f *diskFile) send() {
	if f.wait(); f.err != nil {
		return
	}
	if f.at == 0 {
		setDirect(f.File, true)
	}
	b, at, done := f.buf, f.at, make(chan error, 1)
	f.buf, f.n, f.at, f.writing = nil, 0, f.at+block, done
	go func() {
		_, err := f.WriteAt(*b, at)
		if errors.Is(err, syscall.EINVAL) && setDirect(f.File, false) { // not on this file system
			_, err = f.WriteAt(*b, at)
		}
		f.blocks.Put(b)
		done <- err
	}()
}

// wait waits for the write under way.
func (f *diskFile) wait() {
	if f.writing == nil {
		return
	}
	if err := <-f.writing; f.err == nil {
		f.err = err
	}
	f.writing = nil
}

// Close writes what is left, which need not fill a sector, and syncs the file.
func (f *diskFile) Close() error {
	if f.wait(); f.err == nil && f.n > 0 {
		setDirect(f.File, false)
		_, f.err = f.WriteAt((*f.buf)[:f.n], f.at)
	}
	if f.err == nil {
		f.err = f.Sync()
	}
	err := f.drop()
	if f.err == nil {
		f.err = err
	}
	return f.err
}

// drop closes the file as it is.
func (f *diskFile) drop() error {
	f.wait()
	if f.buf != nil {
		f.blocks.Put(f.buf)
		f.buf, f.n = nil, 0
	}
	return f.File.Close()
}
