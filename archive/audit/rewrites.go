package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// checkRewrite compares the rows that a rewrite replaces with those of its files,
// in each directory. It does not apply to replays, which move rows between
// directories; see checkRows.
func (a *auditor) checkRewrite(c *ledger.Commit, files []ledger.ReplacedFile) {
	if len(c.Accounts) > 0 {
		a.badRecord(c.Batch, "commit", "accounts for offsets, and replaces files: it cannot do both")
	}
	in, out := map[string]int64{}, map[string]int64{}
	for _, f := range files {
		in[path.Dir(f.Name)] += f.Rows
	}
	for f := range filesOf(c) {
		out[path.Dir(f.Path)] += f.Rows
		in[path.Dir(f.Path)] += 0
	}
	if c.Replaces != nil && c.Replaces.Pruned {
		for dir, n := range in {
			if out[dir] > 0 {
				a.badRecord(c.Batch, "commit", "prunes rows, and has files in %s", dir)
			}
			a.report.Pruned += n
		}
		return
	}
	for _, dir := range slices.Sorted(maps.Keys(in)) {
		if in[dir] != out[dir] {
			a.badRecord(c.Batch, "commit", "replaces %d rows in %s by %d", in[dir], dir, out[dir])
		}
	}
}

// foldReplaced removes the files that a commit replaces from the live ones. The
// publication of a replay deletes them; other rewrites delete them later.
func (a *auditor) foldReplaced(c *ledger.Commit, files []ledger.ReplacedFile, isReplay bool) {
	for _, f := range files {
		switch {
		case a.files.replace(f):
		case a.since != nil && a.old.replace(&a.files, f):
		default:
			if len(a.unexplained) < maxFindings {
				a.unexplained = append(a.unexplained, replacement{f, c.Batch, a.segment})
			} else {
				a.report.More++
			}
			continue
		}
		a.count(ledger.File{Table: a.tableOf(f.Name), Path: f.Name, Rows: f.Rows, Bytes: f.Bytes}, -1)
		switch {
		case !a.files.wasListed(f.Name):
		case isReplay:
			a.suspectReplaced(c, f)
		default:
			a.due[hash(f.Name)] = true
			a.report.Pending++
		}
	}
}

// tableOf returns the table that a file belongs to by its name.
func (a *auditor) tableOf(name string) (table string) {
	for t := range a.tables {
		if len(t) > len(table) && strings.HasPrefix(name, t+"/") {
			table = t
		}
	}
	return table
}

// suspectReplaced suspects that a file that a replay replaced still exists.
func (a *auditor) suspectReplaced(c *ledger.Commit, f ledger.ReplacedFile) {
	a.suspect(Finding{Kind: Leftover, Name: f.Name, Batch: c.Batch,
		What: fmt.Sprintf("batch %d replaced it, and it still exists: readers see its messages twice", c.Batch), Do: restart},
		func(ctx context.Context) (bool, error) { return a.exists(ctx, f.Name) },
		func(ctx context.Context) (string, error) { return a.removeReplaced(ctx, c, f.Name) })
}

// removeReplaced deletes a file that a batch replaced, if all files of the
// batch that are not replaced exist.
func (a *auditor) removeReplaced(ctx context.Context, c *ledger.Commit, name string) (string, error) {
	for f := range filesOf(c) {
		exists, err := a.exists(ctx, f.Path)
		if err != nil {
			return "", err
		}
		if !exists && a.files.isLive(f) {
			return "", fmt.Errorf("%s, which replaces it, does not exist", f.Path)
		}
	}
	return fmt.Sprintf("removed %s, which batch %d replaced", name, c.Batch), a.store.Delete(ctx, name)
}

// replacement is a file that a batch replaces.
type replacement struct {
	ledger.ReplacedFile
	batch   int64
	segment string // the history segment that holds the batch, as in auditor
}

// explainReplaced reports the replaced files that were not live. It reads the
// ledger again to find out why.
func (a *auditor) explainReplaced(ctx context.Context) error {
	if len(a.unexplained) == 0 {
		return nil
	}
	entries := map[string]ledger.File{}
	first := map[string]int64{} // the first batch that replaces a file
	committed := map[string]int64{}
	for _, r := range a.unexplained {
		first[r.Name] = 0
	}
	for rec, err := range a.ledger.Batches(ctx, 1) {
		var damaged *ledger.DamagedError
		if err != nil && !errors.As(err, &damaged) {
			return err
		}
		if rec.Number > a.last {
			break
		}
		if rec.Commit == nil {
			continue
		}
		replaced, _, _ := layout.ReplacedBy(rec.Commit) // an error has been reported
		for _, r := range replaced {
			if by, ok := first[r.Name]; ok && by == 0 {
				first[r.Name] = rec.Number
			}
		}
		for f := range filesOf(rec.Commit) {
			if _, ok := first[f.Path]; ok && committed[f.Path] == 0 {
				committed[f.Path], entries[f.Path] = rec.Number, f
			}
		}
	}
	for _, r := range a.unexplained {
		n, f := committed[r.Name], entries[r.Name]
		a.segment = r.segment
		switch {
		case n == 0 || n >= r.batch:
			a.badRecord(r.batch, "commit", "replaces %s, which no earlier batch committed", r.Name)
		case f.Rows != r.Rows || f.Bytes != r.Bytes:
			a.badRecord(r.batch, "commit", "replaces %s with %d rows and %d bytes; batch %d committed it with %d and %d",
				r.Name, r.Rows, r.Bytes, n, f.Rows, f.Bytes)
		default:
			a.report.find(Finding{Kind: Duplicate, Name: r.Name, Batch: r.batch,
				What: fmt.Sprintf("batches %d and %d both replace it: its rows are stored twice", first[r.Name], r.batch), Do: "report this as a bug"})
		}
	}
	return nil
}
