package audit

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// fileSet is a set of file names, kept as sorted hashes.
type fileSet struct {
	hashes    []uint64
	committed []bool // a commit names the file
}

func hash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// commit notes that a commit names a file, and reports whether another one did
// before.
func (s *fileSet) commit(name string) (before bool) {
	i, ok := slices.BinarySearch(s.hashes, hash(name))
	if !ok {
		return false
	}
	before, s.committed[i] = s.committed[i], true
	return before
}

// extra reports whether a file is in the set and no commit names it.
func (s *fileSet) extra(name string) bool {
	i, ok := slices.BinarySearch(s.hashes, hash(name))
	return ok && !s.committed[i]
}

// roots may hold committed files only.
var roots = []string{layout.Alerts + "/", layout.Rejected + "/"}

// listFiles notes all files under the tables' roots.
func (a *auditor) listFiles(ctx context.Context) error {
	for _, root := range roots {
		for e, err := range a.store.List(ctx, root) {
			if err != nil {
				return err
			}
			a.files.hashes = append(a.files.hashes, hash(e.Name))
		}
	}
	slices.Sort(a.files.hashes)
	a.files.committed = make([]bool, len(a.files.hashes))
	return nil
}

// findExtraFiles finds the files that no commit names. It lists them again,
// because their names were not kept.
func (a *auditor) findExtraFiles(ctx context.Context) error {
	if !slices.Contains(a.files.committed, false) {
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
			if a.files.extra(e.Name) {
				a.suspect(Finding{Kind: ExtraFile, Name: e.Name, What: "no commit names this file", Do: do},
					func(ctx context.Context) (bool, error) { return a.exists(ctx, e.Name) }, nil)
			}
		}
	}
	return nil
}

// checkFiles checks the files of a commit.
func (a *auditor) checkFiles(ctx context.Context, c *ledger.Commit) error {
	var staged []ledger.File
	for f := range filesOf(c) {
		if a.files.commit(f.Path) {
			a.report.find(Finding{Kind: Duplicate, Name: f.Path, Batch: c.Batch, What: "two commits name this file",
				Do: "find out who wrote " + a.record(c.Batch, "commit")})
		}
		a.count(f, 1)
		isStaged, err := a.checkFile(ctx, c, f)
		if err != nil {
			return err
		}
		if isStaged {
			staged = append(staged, f)
		}
	}
	a.rejectedRows += rowsOf(c.Rejects)
	if len(staged) > 0 {
		a.suspectUnpublished(c, staged)
	}
	return nil
}

// filesOf yields the files of a commit, the rejects' files last.
func filesOf(c *ledger.Commit) iter.Seq[ledger.File] {
	return ledger.Receipt{Parts: []ledger.Receipt{c.Rows, c.Rejects}}.All()
}

// count adds a file to its table's sums n times; n may be -1.
func (a *auditor) count(f ledger.File, n int64) {
	t := a.tables[f.Table]
	if t == nil {
		t = &Table{Name: f.Table}
		a.tables[f.Table] = t
	}
	t.Files += n
	t.Rows += n * f.Rows
	t.Bytes += n * f.Bytes
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
	if len(a.missing) >= maxSuspects && !strings.HasPrefix(f.Path, layout.Rejected+"/") { // those may have been replaced
		a.report.More++
		return false, nil
	}
	a.missing = append(a.missing, suspect{Finding: missingFile(c, f), wrong: func(ctx context.Context) (bool, error) {
		exists, err := a.compareFile(ctx, c.Batch, f) // it may have been published since
		return !exists, err
	}})
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
		if err != nil {
			return err
		}
		if _, replaced := a.replacedBy[f.Path]; !exists && !replaced {
			a.report.find(missingFile(c, f))
		}
	}
	return nil
}

// checkReplaced removes the files that a replay replaced from the sums, and
// checks that they are deleted.
func (a *auditor) checkReplaced(ctx context.Context, c *ledger.Commit, old *layout.Replacement) error {
	for _, f := range old.Replaces {
		if by, ok := a.replacedBy[f.Name]; ok {
			a.report.find(Finding{Kind: Duplicate, Name: f.Name, Batch: c.Batch,
				What: fmt.Sprintf("batches %d and %d both replace it: its messages are stored twice", by, c.Batch), Do: "report this as a bug"})
		}
		a.replacedBy[f.Name] = c.Batch
		a.count(ledger.File{Table: layout.Rejected, Rows: f.Rows, Bytes: f.Bytes}, -1)
		a.rejectedRows -= f.Rows
		exists, err := a.exists(ctx, f.Name)
		if err != nil {
			return err
		}
		if exists {
			a.suspect(Finding{Kind: Leftover, Name: f.Name, Batch: c.Batch,
				What: fmt.Sprintf("batch %d replaced it, and it still exists: readers see its messages twice", c.Batch), Do: restart},
				func(ctx context.Context) (bool, error) { return a.exists(ctx, f.Name) },
				func(ctx context.Context) (string, error) { return a.removeReplaced(ctx, c, f.Name) })
		}
	}
	return nil
}

// removeReplaced deletes a file that a batch replaced, if all files of the
// batch exist.
func (a *auditor) removeReplaced(ctx context.Context, c *ledger.Commit, name string) (string, error) {
	for f := range filesOf(c) {
		exists, err := a.exists(ctx, f.Path)
		if err != nil {
			return "", err
		}
		if _, replaced := a.replacedBy[f.Path]; !exists && !replaced {
			return "", fmt.Errorf("%s, which replaces it, does not exist", f.Path)
		}
	}
	return fmt.Sprintf("removed %s, which batch %d replaced", name, c.Batch), a.store.Delete(ctx, name)
}
