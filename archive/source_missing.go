package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/archive/internal/rowfile"
	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// MissingError reports a file of an archive that no longer exists although no rewrite
// has replaced it: something other than this package removed it.
type MissingError struct {
	Archive string // its directory, or "the store"
	File    string // its name in the archive
	Batch   int64  // that committed it
	Rows    int64
}

// Error names the file and its batch, and says what to do.
func (e *MissingError) Error() string {
	return fmt.Sprintf("archive: %s: file %s of batch %d, with %d rows, is missing: restore it from a copy; to go on without its rows, record them as lost",
		e.Archive, e.File, e.Batch, e.Rows)
}

// vanishedError reports a file that does not exist under its name.
type vanishedError struct{ file index.File }

func (e *vanishedError) Error() string { return e.file.Path + " does not exist" }

// explain adds the file to an error.
func (x *rangeReader) explain(f *index.File, err error) error {
	var gone *vanishedError
	if errors.As(err, &gone) {
		return err
	}
	var damaged *rowfile.DamagedError
	if errors.As(err, &damaged) {
		err = fmt.Errorf("file %s of batch %d is damaged: %w: restore it from a copy", f.Path, f.Batch, err)
	} else {
		err = fmt.Errorf("file %s of batch %d: %w", f.Path, f.Batch, err)
	}
	return x.source.located(err)
}

// rewriteTimeout is how long Read waits for a rewrite that has replaced a file to
// become stable: an earlier batch is still to be published. Tests set it.
var rewriteTimeout = 30 * time.Second

// resolve finds out where the rows of a file are now that it has vanished: in the
// files of a rewrite, or nowhere.
func (x *rangeReader) resolve(ctx context.Context, gone *vanishedError) error {
	s, f := x.source, gone.file
	for begun := time.Now(); ; {
		moved, err := x.moved(ctx, f)
		if moved || err != nil {
			return err
		}
		s.mu.Lock()
		stable := s.index.Through()
		s.mu.Unlock()
		batch, err := replacing(ctx, s.ledger, stable, f.Path)
		if err != nil {
			return s.located(err)
		}
		if batch == 0 {
			break
		}
		if time.Since(begun) >= rewriteTimeout {
			from := x.next
			if len(x.accounts) > 0 { // of rows that were pruned, but no chunk tells
				from = x.accounts[0].From
			}
			return &stream.UnreadableError{Range: stream.Range{Partition: x.Range.Partition, From: from, To: x.To},
				Err: s.located(fmt.Errorf("rows of %s: batch %d has replaced %s, but a batch before it is not published yet: is an archiver stopped?", x.table, batch, f.Path))}
		}
		if err := backoff.Sleep(ctx, s.poll()); err != nil {
			return err
		}
	}
	if err := x.confirm(ctx, f); err != nil {
		return err
	}
	if !s.RecordLost {
		return stream.Permanent(&MissingError{layout.Where(s.Dir), f.Path, f.Batch, f.Rows})
	}
	x.lost[f.Path] = true
	return nil
}

// moved reads the ledger on. If that has replaced a file, it finds the rows again.
func (x *rangeReader) moved(ctx context.Context, f index.File) (bool, error) {
	s := x.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.update(ctx); err != nil {
		return false, err
	}
	t := s.index.Table(x.table)
	live := slices.ContainsFunc(t.Files, func(g index.File) bool { return g.Path == f.Path })
	var err error
	x.pieces, err = s.pieces(x.partition, stream.Range{Partition: x.Range.Partition, From: x.next, To: x.To})
	return !live, err
}

// checkLedger returns an error if the archive's ledger can no longer be read.
func (s *Source) checkLedger(ctx context.Context) error {
	exists, err := ledger.Exists(ctx, s.store, layout.Ledger)
	if err == nil && !exists {
		err = errors.New("its ledger is gone: is its disk still mounted?")
	}
	return s.located(err)
}

// confirm returns an error unless the archive can be read and only lacks a file. An
// empty mount point, for example, lacks everything.
func (x *rangeReader) confirm(ctx context.Context, f index.File) error {
	s := x.source
	if err := s.checkLedger(ctx); err != nil {
		return err
	}
	others := false
	for e, err := range s.store.List(ctx, x.table+"/") {
		if err != nil {
			return s.located(err)
		}
		if e.Name == f.Path {
			return s.located(fmt.Errorf("%s did not exist and does now: trying again", f.Path))
		}
		others = true
	}
	if !others {
		return s.located(fmt.Errorf("%s has no files, not even %s of batch %d: is its disk mounted? If they were removed on purpose, prune them", x.table, f.Path, f.Batch))
	}
	return nil
}
