package parquetfile

import "io"

const (
	// maxGap is how many bytes between column chunks are read to save a request.
	maxGap = 256 << 10
	// maxWindow is how much is read at once: enough that requests to a remote store
	// are few, and little enough that the bytes are still in the processor's cache when
	// they are decoded.
	maxWindow = 8 << 20
)

// window reads a file through a buffer.
type window struct {
	src  io.ReaderAt
	buf  []byte
	at   int64 // place of buf in the file
	end  int64 // where reading ahead stops
	size int64 // of the file
}

// reset makes w read another file.
func (w *window) reset(src io.ReaderAt, size int64) {
	w.src, w.size, w.buf, w.end = src, size, w.buf[:0], 0
}

// bytes returns n bytes of the file, which are valid until the next call. They must
// lie before w.end.
func (w *window) bytes(at, n int64) ([]byte, error) {
	have := w.at + int64(len(w.buf)) - at // from at on
	if at < w.at || have < 0 {
		have = 0
	}
	if have < n {
		size := max(n, min(w.end-at, maxWindow))
		kept := w.buf[int64(len(w.buf))-have:]
		if int64(cap(w.buf)) < size {
			w.buf = make([]byte, size)
		}
		w.buf = w.buf[:size]
		copy(w.buf, kept)
		w.at = at
		if err := readFull(w.src, w.buf[have:], at+have); err != nil {
			w.buf = w.buf[:0]
			return nil, err
		}
	}
	return w.buf[at-w.at:][:n:n], nil
}
