package store

// A WriteBufferer is a Store whose Writers buffer what they write, such as the
// parts of a multipart upload. Sinks open fewer files at once in such a store, so
// that their memory stays bounded.
type WriteBufferer interface {
	// WriteBuffer returns the most memory that one open Writer holds, in bytes:
	// the size of a part, times the parts that it holds at once.
	WriteBuffer() int64
}
