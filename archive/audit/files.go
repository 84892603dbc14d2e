package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// roots may hold committed files only.
var roots = []string{layout.Alerts + "/", layout.Rejected + "/"}

// listFiles lists all files under the tables' roots.
func (a *auditor) listFiles(ctx context.Context) error {
	for _, root := range roots {
		for e, err := range a.store.List(ctx, root) {
			if err != nil {
				return err
			}
			a.files.list(e.Name, e.Size)
		}
	}
	a.files.sort()
	return nil
}

// findExtraFiles finds the files that no commit names. It lists them again,
// because their names were not kept.
func (a *auditor) findExtraFiles(ctx context.Context) error {
	if a.truncated || a.since != nil || !a.files.hasUnnamed() {
		return nil
	}
	do := "move it out of the archive: readers see its rows"
	if a.report.has(BadRecord) {
		do = "repair the ledger's records first: one of them may name it"
	}
	for _, root := range roots {
		for e, err := range a.store.List(ctx, root) {
			if err != nil {
				return err
			}
			if a.files.isUnnamed(e.Name) {
				a.suspect(Finding{Kind: ExtraFile, Name: e.Name, What: "no commit names this file", Do: do},
					func(ctx context.Context) (bool, error) { return a.exists(ctx, e.Name) }, nil)
			}
		}
	}
	return nil
}

// foldFiles adds the files of a commit to the live ones.
func (a *auditor) foldFiles(c *ledger.Commit) {
	for f := range filesOf(c) {
		if a.files.commit(f) {
			a.report.find(Finding{Kind: Duplicate, Name: f.Path, Batch: c.Batch, What: "two commits name this file",
				Do: "find out who wrote " + a.record(c.Batch, "commit")})
		}
		a.count(f, 1)
	}
}

// checkFiles checks the live files of the batches that have been folded. It
// reads the ledger again, because only hashes were kept.
func (a *auditor) checkFiles(ctx context.Context) error {
	for rec, err := range a.ledger.Batches(ctx, a.first()) {
		var damaged *ledger.DamagedError
		if err != nil && !errors.As(err, &damaged) {
			return err
		}
		if rec.Number > a.last {
			return nil
		}
		if rec.Commit == nil {
			continue
		}
		if err := a.checkFilesOf(ctx, rec.Commit); err != nil {
			return err
		}
	}
	return nil
}

func (a *auditor) checkFilesOf(ctx context.Context, c *ledger.Commit) error {
	var staged []ledger.File
	for f := range filesOf(c) {
		if !a.files.isLive(f) {
			continue
		}
		isStaged, err := a.checkFile(ctx, c, f)
		if err != nil {
			return err
		}
		if isStaged {
			staged = append(staged, f)
		}
	}
	if len(staged) > 0 {
		a.suspectUnpublished(c, staged)
		return nil
	}
	return a.checkHash(ctx, c)
}

// filesOf yields the files of a commit, the rejects' files last.
func filesOf(c *ledger.Commit) iter.Seq[ledger.File] {
	return ledger.Receipt{Parts: []ledger.Receipt{c.Rows, c.Rejects}}.All()
}

// count adds a file to the sums n times; n may be -1.
func (a *auditor) count(f ledger.File, n int64) {
	t := a.tables[f.Table]
	if t == nil {
		t = &Table{Name: f.Table}
		a.tables[f.Table] = t
	}
	t.Files += n
	t.Rows += n * f.Rows
	t.Bytes += n * f.Bytes
	a.sum += uint64(n) * sumOf(hash(f.Path), sizeDigest(f.Bytes))
}

// checkFile checks a committed file, and reports whether it is still staged.
func (a *auditor) checkFile(ctx context.Context, c *ledger.Commit, f ledger.File) (staged bool, err error) {
	exists, err := a.compareFile(ctx, c.Batch, f)
	if err != nil || exists {
		return false, err
	}
	if staged, err = a.isStaged(ctx, f.StagedPath); err != nil || staged {
		return staged, err
	}
	a.suspect(missingFile(c, f), func(ctx context.Context) (bool, error) {
		exists, err := a.compareFile(ctx, c.Batch, f) // it may have been published since
		return !exists, err
	}, nil)
	return false, nil
}

func missingFile(c *ledger.Commit, f ledger.File) Finding {
	return Finding{Kind: MissingFile, Name: f.Path, Batch: c.Batch,
		What: fmt.Sprintf("does not exist; batch %d committed %d rows, %d bytes", c.Batch, f.Rows, f.Bytes), Do: restore}
}

// compareFile compares a file with its entry in a commit, and reports whether
// it exists.
func (a *auditor) compareFile(ctx context.Context, batch int64, f ledger.File) (exists bool, err error) {
	r, err := a.store.Open(ctx, f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		defer r.Close()
		err = layout.CheckFile(r, f, inspect.Options{Deep: a.opts.Deep})
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		a.report.find(Finding{Kind: CorruptFile, Name: f.Path, Batch: batch,
			What: fmt.Sprintf("is not what batch %d committed: %v", batch, err), Do: restore})
	}
	return true, nil
}

// suspectUnpublished suspects that some files of a batch were not published.
func (a *auditor) suspectUnpublished(c *ledger.Commit, files []ledger.File) {
	a.suspect(Finding{Kind: Unpublished, Name: files[0].Path, Batch: c.Batch,
		What: fmt.Sprintf("batch %d is committed, and %d of its files are staged, not published", c.Batch, len(files)),
		Do:   restart},
		func(ctx context.Context) (bool, error) {
			for _, f := range files {
				exists, err := a.exists(ctx, f.Path)
				if err != nil {
					return false, err
				}
				if !exists {
					staged, err := a.isStaged(ctx, f.StagedPath)
					if err != nil || staged {
						return staged, err
					}
				}
			}
			return false, a.checkPublished(ctx, c, files)
		},
		func(ctx context.Context) (string, error) {
			if err := layout.Publish(ctx, a.store, a.ledger, c); err != nil {
				return "", err
			}
			return fmt.Sprintf("published batch %d: %d files, the first is %s", c.Batch, len(files), files[0].Path), a.checkPublished(ctx, c, files)
		})
}

// checkPublished checks files that were published during the audit.
func (a *auditor) checkPublished(ctx context.Context, c *ledger.Commit, files []ledger.File) error {
	for _, f := range files {
		exists, err := a.compareFile(ctx, c.Batch, f)
		if err == nil && !exists {
			err = a.reportMissing(ctx, missingFile(c, f))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reportMissing reports a missing file, unless a rewrite has replaced it during the
// audit.
func (a *auditor) reportMissing(ctx context.Context, f Finding) error {
	if a.replacedLater == nil {
		a.replacedLater = map[string]bool{}
		for rec, err := range a.ledger.Batches(ctx, a.settled+1) {
			var damaged *ledger.DamagedError
			if err != nil && !errors.As(err, &damaged) {
				return err
			}
			if rec.Commit == nil {
				continue
			}
			replaced, _, err := layout.ReplacedBy(rec.Commit)
			if err != nil {
				continue // reported, or by the next audit
			}
			for _, r := range replaced {
				a.replacedLater[r.Name] = true
			}
		}
	}
	if !a.replacedLater[f.Name] {
		a.report.find(f)
	}
	return nil
}
