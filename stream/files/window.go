package files

import "io"

// window reads a file of known size through a buffer that grows as needed and,
// unlike a bufio.Reader, seeks. Its errors are readErrors.
type window struct {
	path string
	src  io.Reader
	buf  []byte // read from src, but not consumed
	left int64  // bytes not consumed, including buf
}

const readAhead = 4096

// peek returns the next n bytes, or all that are left, without consuming them.
// They are valid until the next call.
func (w *window) peek(n int) ([]byte, error) {
	n = int(min(int64(n), w.left))
	if have := len(w.buf); have < n {
		buf := make([]byte, min(int64(max(n, readAhead)), w.left))
		copy(buf, w.buf)
		if err := w.fill(buf[have:]); err != nil {
			return nil, err
		}
		w.buf = buf
	}
	return w.buf[:n], nil
}

// read reads len(p) bytes.
func (w *window) read(p []byte) error {
	w.left -= int64(len(p))
	n := copy(p, w.buf)
	w.buf = w.buf[n:]
	return w.fill(p[n:])
}

// discard skips n bytes, by seeking if it can.
func (w *window) discard(n int64) error {
	w.left -= n
	have := min(int64(len(w.buf)), n)
	w.buf, n = w.buf[have:], n-have
	if n == 0 {
		return nil
	}
	var err error
	if s, ok := w.src.(io.Seeker); ok {
		_, err = s.Seek(n, io.SeekCurrent)
	} else {
		_, err = io.CopyN(io.Discard, w.src, n)
	}
	if err != nil {
		return &readError{w.path, shortened(err)}
	}
	return nil
}

func (w *window) fill(p []byte) error {
	if _, err := io.ReadFull(w.src, p); err != nil {
		return &readError{w.path, shortened(err)}
	}
	return nil
}
