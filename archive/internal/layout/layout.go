// Package layout defines the layout of an archive: the names, the schema files and
// the records of replays that the archive service and its auditor share.
package layout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

const (
	Ledger   = "ledger"   // the directory of the ledger
	Alerts   = "alerts"   // the directory of the tables of alerts
	Rejected = "rejected" // the table of the rejected messages
	Staging  = "staging"  // the directory of staged files
	// RewriteMark separates the names that a rewrite stages and publishes from
	// those of the ledger's engines: LEDGER-rewrite-BASE-TOKEN.
	RewriteMark = "-rewrite-"
	// ReplayMark is what the first release used instead: LEDGER-replay-TOKEN.
	ReplayMark = "-replay-"

	// Reservations has a name for each directory that a process compacts.
	Reservations = Ledger + "/compacting/"

	// Lock excludes a second archiver, and a replay of the first release.
	Lock = Ledger + "/lock"
	// RewriteLock is held shared by each rewrite. A process that holds it alone may
	// sweep what rewrites have staged.
	RewriteLock = Ledger + "/rewrite.lock"
)

// Where names an archive in errors.
func Where(dir string) string { return cmp.Or(dir, "the store") }

// Open opens an existing archive: st, or the directory dir if st is nil. It
// creates nothing.
func Open(ctx context.Context, st store.Store, dir string) (store.Store, error) {
	return open(ctx, st, dir, store.OpenDir)
}

// OpenReadOnly is like Open, but dir need not be writable.
func OpenReadOnly(ctx context.Context, st store.Store, dir string) (store.Store, error) {
	return open(ctx, st, dir, store.OpenDirReadOnly)
}

func open(ctx context.Context, st store.Store, dir string, openDir func(string) (*store.Dir, error)) (store.Store, error) {
	if st == nil && dir == "" {
		return nil, errors.New("archive: a Dir or a Store is needed")
	}
	if st == nil {
		_, err := os.Stat(filepath.Join(dir, Ledger)) // a store would create the directory
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("archive: no archive in %s: it has no %s: %w", dir, Ledger, fs.ErrNotExist)
		}
		if err == nil {
			st, err = openDir(dir)
		}
		if err != nil {
			return nil, fmt.Errorf("archive: %w", err)
		}
	}
	exists, err := ledger.Exists(ctx, st, Ledger)
	if err == nil && !exists {
		err = fmt.Errorf("no archive: its ledger is missing: %w", fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("archive: %s: %w", Where(dir), err)
	}
	return st, nil
}

// CheckFile returns an error if a file differs from its entry in a commit.
func CheckFile(r inspect.File, f ledger.File, o inspect.Options) error {
	if r.Size() != f.Bytes {
		return fmt.Errorf("%d bytes, not %d", r.Size(), f.Bytes)
	}
	info, err := inspect.Check(r, o)
	if err != nil {
		return err
	}
	if info.Rows != f.Rows {
		return fmt.Errorf("%d rows, not %d", info.Rows, f.Rows)
	}
	return nil
}

// Publish publishes a committed batch of a ledger, as an engine does.
func Publish(ctx context.Context, st store.Store, l *ledger.Ledger, c *ledger.Commit) error {
	files := &sink.Parquet{Store: st, Staging: Staging}
	return stream.Publish(ctx, l, c, files, Rejects{files})
}

// CheckDirectories returns an error if staged files could not be moved to the
// existing directories of an archive, which must be on one file system. It checks
// local directories only; sinks find other faults when they stage files.
func CheckDirectories(ctx context.Context, st store.Store) error {
	d, ok := st.(*store.Dir)
	if !ok {
		return nil
	}
	dirs := []string{Rejected, "schema", Alerts}
	tables, _ := os.ReadDir(filepath.Join(d.Root(), Alerts)) // if it cannot be read, Stage fails
	for _, t := range tables {
		dirs = append(dirs, Alerts+"/"+t.Name())
	}
	for _, dir := range dirs {
		w, err := d.Stage(ctx, Staging+"/probe", dir+"/probe")
		if err != nil {
			return err
		}
		if err := w.Abort(); err != nil {
			return err
		}
	}
	return nil
}
