package store

import (
	"context"
	"io"
	"iter"
)

// Records is what a ledger needs: small records that are written once.
type Records interface {
	// PutIfAbsent makes data the content of name unless name exists, and
	// returns what stands there afterwards: data itself if this call or an
	// earlier try at it won, another writer's record otherwise. The content
	// is durable and whole when the call returns, and whole whenever anybody
	// reads it. An error means that the outcome is unknown: call again with
	// the same data. So that a writer can tell its own record from an equal
	// one, data carries a token of its own.
	PutIfAbsent(ctx context.Context, name string, data []byte) (stands []byte, err error)

	// Get returns the whole content of name, or an error that wraps
	// fs.ErrNotExist.
	Get(ctx context.Context, name string) ([]byte, error)

	// List yields the entries whose names begin with prefix, in the order
	// of their bytes; a staged file is an entry too. What is written or
	// deleted meanwhile may be missed, nothing else.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]

	// Delete removes a record, a published or a staged file. Deleting what is
	// not there is no error.
	Delete(ctx context.Context, name string) error
}

// Files is what a sink needs: large files that appear whole or not at all.
type Files interface {
	// Stage begins the file that Publish will move to final. Nobody who looks
	// at final sees it before. ctx governs the writer's whole life: once it
	// has ended, Write and Close may fail, and what was written may be given
	// up; only Abort does its work then too.
	Stage(ctx context.Context, name, final string) (Writer, error)

	// Publish moves the staged file name to final, which it replaces if it
	// stands. It is idempotent: when name is gone and final has the given
	// size, it was done before. Otherwise a missing name is an error that
	// wraps fs.ErrNotExist. When Publish returns nil the move is durable.
	Publish(ctx context.Context, name, final string, size int64) error

	// Open opens a record or a published file for reading, or returns an
	// error that wraps fs.ErrNotExist. The reader sees the content that name
	// had, or fails, when another takes its place. ctx governs its whole life.
	Open(ctx context.Context, name string) (Reader, error)
}

// Writer writes a staged file. It is not for concurrent use. Whoever began it
// ends it, by Close or by Abort: a deferred Abort is right after either.
type Writer interface {
	io.Writer

	// Close makes the file complete. Once it has returned nil the bytes are
	// durable and can be published. When it fails nothing is staged but
	// traces, which Abort or Delete removes. After an Abort it fails.
	Close() error

	// Abort gives the file up and removes what was staged of it; it costs no
	// sync and no upload. After a Close that returned nil, or another Abort,
	// it does nothing.
	Abort() error
}

// Reader reads a file in ranges, concurrently too.
type Reader interface {
	io.ReaderAt
	io.Closer
	// Size is the length of the file in bytes.
	Size() int64
}

// Store keeps records and files under slash-separated names: a local
// directory, HDFS or S3. Names are relative, without "." or ".." elements, and
// no name is a directory of another, which a directory could not keep. All
// methods may be called concurrently.
type Store interface {
	Records
	Files
}

// A Locker is a Store that can tell early that a second process was started
// on it by mistake, and that none is at work any more whose leavings are to be
// removed. A ledger is right without locks.
type Locker interface {
	// Lock makes name a lock that one process can hold at a time, or any number
	// if all of them share it, and that falls with its process. An error that
	// wraps ErrLocked says that another one holds it; there is no waiting.
	Lock(name string, shared bool) (unlock func() error, err error)
}

// Entry is one name in a store.
type Entry struct {
	Name string
	Size int64
}
