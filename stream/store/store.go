package store

import (
	"context"
	"io"
	"iter"
)

// Records stores the small records of a ledger, each of which is written once.
type Records interface {
	// PutIfAbsent stores data under name unless name exists, and returns the
	// record that is then stored: data itself if this or an earlier identical
	// call stored it, otherwise another writer's record. When the call returns,
	// the record is durable; readers see a record only as a whole. After an
	// error the outcome is unknown: call again with the same data. To recognise
	// its own record, a writer must include a unique token in data.
	PutIfAbsent(ctx context.Context, name string, data []byte) (stored []byte, err error)

	// Get returns the contents of name, or an error that wraps fs.ErrNotExist.
	Get(ctx context.Context, name string) ([]byte, error)

	// List yields the entries whose names begin with prefix, in byte order,
	// staged files included. It may miss only names that are written or deleted
	// meanwhile.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]

	// Delete removes a record, a published file or a staged file. If name does
	// not exist, Delete returns nil.
	Delete(ctx context.Context, name string) error
}

// Files stores large files, which become visible as a whole.
type Files interface {
	// Stage begins a file to be published under the name final, where it is not
	// visible until then. ctx applies to all methods of the Writer: once it is
	// done, Write and Close may fail and the staged bytes may be discarded.
	// Abort still works then.
	Stage(ctx context.Context, name, final string) (Writer, error)

	// Publish moves the staged file name to final, replacing an existing file.
	// It is idempotent: if name does not exist, but final has the given size,
	// Publish returns nil. Otherwise, if name does not exist, it returns an
	// error that wraps fs.ErrNotExist. When it returns nil, the move is durable.
	Publish(ctx context.Context, name, final string, size int64) error

	// Open opens a record or a published file for reading, or returns an error
	// that wraps fs.ErrNotExist. If the file is replaced later, the Reader
	// either reads the old contents or fails. ctx applies to all methods of the
	// Reader.
	Open(ctx context.Context, name string) (Reader, error)
}

// Writer writes a staged file. It must not be used concurrently. The caller of Stage
// must call Close or Abort; a deferred Abort is correct in either case.
type Writer interface {
	io.Writer

	// Close completes the file. When it returns nil, the bytes are durable and
	// can be published. After an error, call Abort or Delete to remove what
	// remains of the file. After Abort, Close returns an error.
	Close() error

	// Abort discards the file, without a sync or an upload. After a Close that
	// returned nil, or another Abort, it does nothing.
	Abort() error
}

// Reader reads ranges of a file. Its methods, except Close, may be called
// concurrently.
type Reader interface {
	io.ReaderAt
	io.Closer
	// Size returns the length of the file in bytes.
	Size() int64
}

// Store stores records and files under slash-separated names, for example in a local
// directory, HDFS or S3. Names are relative and contain no "." or ".." elements;
// no name may be a directory of another. All methods may be called concurrently.
type Store interface {
	Records
	Files
}

// A Locker is a Store with locks. They detect that a second process was started
// by mistake, or that no other process is running, so that staged files may be
// removed. A ledger is correct without locks.
type Locker interface {
	// Lock acquires the lock name without waiting. One process can hold it or,
	// if shared, several; it is released when the process ends. If another
	// process holds it, the error wraps ErrLocked. If the file system or the
	// service of the Store has no locks, it wraps errors.ErrUnsupported.
	Lock(name string, shared bool) (unlock func() error, err error)
}

// A Hinter is a Store that can overwrite records. Hints are records that change
// often and on which correctness does not depend, such as heartbeats. Without a
// Hinter, each change needs a new name, or a staged file.
type Hinter interface {
	// PutHint stores data under name, replacing an existing record. Readers see
	// the old record or the new one, as a whole. It need not be durable.
	PutHint(ctx context.Context, name string, data []byte) error
}

// A WriteBufferer is a Store whose Writers buffer what is written to them, such as
// the parts of a multipart upload. Sinks open fewer files at once in such a store, so
// that their memory stays bounded.
type WriteBufferer interface {
	// WriteBuffer returns the maximum memory that one open Writer holds, in bytes.
	WriteBuffer() int64
}

// Entry is a name in a store.
type Entry struct {
	Name string
	Size int64 // in bytes
}
