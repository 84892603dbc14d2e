package cli

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// writeTimeout is how long a reader of standard output may take.
const writeTimeout = 5 * time.Second

var errNotRead = errors.New("standard output is not read")

// Unblocked returns a writer to w that does not wait for a pipe that is not read,
// which must not keep a command from its work or from ending. Write returns an
// error if w does not take the data within five seconds; later calls return it at
// once, until w has taken the data.
func Unblocked(w io.Writer) io.Writer { return &unblocked{w: w, busy: make(chan struct{}, 1)} }

type unblocked struct {
	w    io.Writer
	busy chan struct{} // holds a value during a write
}

func (u *unblocked) Write(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done, late := make(chan result, 1), time.After(writeTimeout)
	select {
	case u.busy <- struct{}{}:
	default:
		return 0, errNotRead
	}
	p = bytes.Clone(p)
	go func() {
		n, err := u.w.Write(p)
		<-u.busy
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-late:
		return 0, errNotRead
	}
}
