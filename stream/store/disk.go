package store

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// block is the size of a write. Files are not read again soon, so blocks bypass the
// page cache where the file system allows it (O_DIRECT): for an alert of ZTF, the
// copy into new pages takes longer than everything else, and it displaces other
// files. A file smaller than a block is written through the cache.
const block = 512 << 10

// diskFile is a file written sequentially. One block is filled while the previous one
// is written.
type diskFile struct {
	*os.File
	blocks *sync.Pool // of *[]byte, a block each

	buf     *[]byte    // being filled, or nil
	n       int        // bytes in buf
	at      int64      // the offset of buf in the file
	writing chan error // receives the result of the write under way; nil if there is none
	err     error      // the first error of a write
}

// Write appends p. Its error may be that of an earlier Write.
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

// fresh returns an empty block. The heap aligns it to a page, as O_DIRECT requires; if
// it did not, send would write through the cache.
func (f *diskFile) fresh() *[]byte {
	if b, ok := f.blocks.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, block)
	return &b
}

// send starts to write the current block once the previous one is written.
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
		if errors.Is(err, syscall.EINVAL) && setDirect(f.File, false) { // not supported by this file system
			_, err = f.WriteAt(*b, at)
		}
		f.blocks.Put(b)
		done <- err
	}()
}

// wait waits for the write under way, if any.
func (f *diskFile) wait() {
	if f.writing == nil {
		return
	}
	if err := <-f.writing; f.err == nil {
		f.err = err
	}
	f.writing = nil
}

// Close writes the rest, which need not be aligned, and syncs and closes the file.
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

// drop closes the file without writing the rest.
func (f *diskFile) drop() error {
	f.wait()
	if f.buf != nil {
		f.blocks.Put(f.buf)
		f.buf, f.n = nil, 0
	}
	return f.File.Close()
}
