package store

import (
	"context"
	"io"
	"iter"
)

// Records is what a ledger needs: small records that are written once.
type Records interface {
	// PutIfAbsent puts data under name unless name exists, and returns the
	// content that name then has: data if this call or an earlier attempt at it
	// won, otherwise another writer's record. When the call returns, the content
	// is durable; no reader ever sees a part of it. After an error the outcome
	// is unknown: call again with the same data. Data should contain a unique
	// token, to distinguish it from an equal record of another writer.
	PutIfAbsent(ctx context.Context, name string, data []byte) (stored []byte, err error)

	// Get returns the whole content of name, or an error that wraps
	// fs.ErrNotExist.
	Get(ctx context.Context, name string) ([]byte, error)

	// List yields the entries whose names begin with prefix, staged files
	// included, in byte order of their names. It may miss an entry that is
	// written or deleted during the call, but no other.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]

	// Delete removes a record, a published file or a staged file. If name does
	// not exist, it returns nil.
	Delete(ctx context.Context, name string) error
}

// Files is what a sink needs: large files that appear whole or not at all.
type Files interface {
	// Stage creates the file name, which Publish will move to final. No reader
	// of final sees it before that. ctx applies until the writer is closed: once
	// it is done, Write and Close may fail, and what was written may be lost, but
	// Abort still works.
	Stage(ctx context.Context, name, final string) (Writer, error)

	// Publish moves the staged file name to final, and replaces final if it
	// exists. When it returns nil, the move is durable. Publish is idempotent: if
	// name does not exist and final has the given size, it returns nil. Otherwise,
	// if name does not exist, the error wraps fs.ErrNotExist.
	Publish(ctx context.Context, name, final string, size int64) error

	// Open opens a record or a published file for reading. If name does not
	// exist, the error wraps fs.ErrNotExist. If name is replaced later, the
	// reader returns the old content or fails. ctx applies until the reader is
	// closed.
	Open(ctx context.Context, name string) (Reader, error)
}

// Writer writes a staged file. It must not be used concurrently. The caller of
// Stage must call Close or Abort; a deferred Abort is correct after either.
type Writer interface {
	io.Writer

	// Close completes the file. When it returns nil, the bytes are durable and
	// can be published. When it returns an error, the file cannot be published;
	// Abort or Delete removes what remains of it. After an Abort it returns an
	// error.
	Close() error

	// Abort discards the file and removes what was staged of it, without a sync
	// or an upload. After a successful Close or Abort it does nothing.
	Abort() error
}

// Reader reads ranges of a file. It may be used concurrently.
type Reader interface {
	io.ReaderAt
	io.Closer
	// Size returns the length of the file in bytes.
	Size() int64
}

// Store keeps records and files under slash-separated names, for example in a
// local directory, HDFS or S3. Names are relative and have no "." or ".."
// elements. No name may be a parent directory of another. All methods may be
// called concurrently.
type Store interface {
	Records
	Files
}

// A Locker is a Store with locks. They show early that a second process was
// started by mistake, or that no other process is running, so that leftovers
// may be removed. A ledger is correct without locks.
type Locker interface {
	// Lock acquires the lock name, which one process can hold at a time, or any
	// number if all of them share it. It is released by unlock or when the
	// process ends. Lock does not wait: if another process holds the lock, the
	// error wraps ErrLocked.
	Lock(name string, shared bool) (unlock func() error, err error)
}

// Entry is a name in a store and the size of its content in bytes.
type Entry struct {
	Name string
	Size int64
}
