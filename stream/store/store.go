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
}

// Files is what a sink needs: large files that appear whole or not at all.
type Files interface {
	// Stage begins the file that Publish will move to final. Nobody who looks
	// at final sees it before. When Close returns nil the bytes are durable.
	// A writer that is not closed, or whose Close fails, has staged nothing;
	// Delete removes its traces.
	Stage(ctx context.Context, name, final string) (io.WriteCloser, error)

	// Publish moves the staged file name to final, which it replaces if it
	// stands. It is idempotent: when name is gone and final has the given
	// size, it was done before. Otherwise a missing name is an error that
	// wraps fs.ErrNotExist. When Publish returns nil the move is durable.
	Publish(ctx context.Context, name, final string, size int64) error
}

// Store keeps records and files under slash-separated names: a local
// directory, HDFS or S3. Names are relative, without "." or ".." elements, and
// no name is a directory of another, which S3 could not keep. All methods may be called
// concurrently.
type Store interface {
	Records
	Files

	// List yields the entries whose names begin with prefix, in the order
	// of their bytes; a staged file is an entry too. What is written or
	// deleted meanwhile may be missed.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]

	// Delete removes a record, a published or a staged file. Deleting what is
	// not there is no error.
	Delete(ctx context.Context, name string) error
}

// Entry is one name in a store.
type Entry struct {
	Name string
	Size int64
}
