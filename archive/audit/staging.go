package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// listStaging lists the staged files.
func (a *auditor) listStaging(ctx context.Context) error {
	const staging = layout.Staging + "/"
	foreign := map[string]int64{} // files, by directory
	for e, err := range a.store.List(ctx, staging) {
		if err != nil {
			return err
		}
		if n, ok := sink.StagedBatch(a.ledger.ID(), e.Name); ok {
			a.staged[n] = append(a.staged[n], e.Name)
			continue
		}
		dir, _, _ := strings.Cut(strings.TrimPrefix(e.Name, staging), "/")
		foreign[staging+dir]++
	}
	for _, dir := range slices.Sorted(maps.Keys(foreign)) {
		switch n := foreign[dir]; {
		case dir+"/" == layout.SchemaStaging:
			a.report.Staged += n // in progress, or removed at the next start
		case strings.HasPrefix(dir, staging+a.ledger.ID()+layout.ReplayMark), strings.HasPrefix(dir, staging+a.ledger.ID()+layout.RewriteMark):
			a.report.Staged += n
			if _, ok := a.store.(store.Locker); ok {
				a.report.note("%s: %d files of a rewrite that is at work or died: the next replay removes them", dir, n)
			} else {
				a.report.note("%s: %d files of a rewrite: remove them if none is at work", dir, n)
			}
		default:
			a.report.note("%s: %d files that do not belong to this ledger", dir, n)
		}
	}
	return nil
}

// checkStaging checks the staged files. Those of undecided batches are in use,
// or will be when the batch is resumed. Those of decided batches are useless
// once the batch is published.
func (a *auditor) checkStaging(ctx context.Context) error {
	for _, n := range slices.Sorted(maps.Keys(a.staged)) {
		names := a.staged[n]
		if a.since != nil && n <= a.since.Through {
			if err := a.checkOldStaging(ctx, n, names); err != nil {
				return err
			}
			continue
		}
		c, known := a.commits[n]
		switch {
		case !known && n > a.last:
			a.suspectUnplanned(n, names)
		case c == nil:
			a.report.Staged += int64(len(names))
		default:
			a.suspectLeftovers(c, names)
		}
	}
	return nil
}

// checkOldStaging checks the staged files of a batch that an earlier audit found
// published. If the ledger has lost its commit since, they may be in use.
func (a *auditor) checkOldStaging(ctx context.Context, n int64, names []string) error {
	var damaged *ledger.DamagedError
	for rec, err := range a.ledger.Batches(ctx, n) {
		if err != nil && !errors.As(err, &damaged) {
			return err
		}
		if rec.Commit != nil {
			a.suspectLeftovers(rec.Commit, names)
			return nil
		}
		break
	}
	a.report.Staged += int64(len(names))
	a.badRecord(n, "commit", "is missing or damaged, and an earlier audit found the batch published")
	return nil
}

// suspectLeftovers suspects the staged files of a decided batch, except those
// that its commit names and that are not published.
func (a *auditor) suspectLeftovers(c *ledger.Commit, names []string) {
	final := map[string]string{}
	for f := range filesOf(c) {
		final[f.StagedPath] = f.Path
	}
	for _, name := range names {
		a.suspect(Finding{Kind: Leftover, Name: name, Batch: c.Batch,
			What: fmt.Sprintf("is staged, and batch %d is decided without it", c.Batch), Do: restart},
			func(ctx context.Context) (bool, error) {
				if f, ok := final[name]; ok {
					if exists, err := a.exists(ctx, f); err != nil || !exists {
						return false, err
					}
				}
				return a.isStaged(ctx, name)
			},
			func(ctx context.Context) (string, error) {
				return fmt.Sprintf("removed %s: batch %d is decided without it", name, c.Batch), a.store.Delete(ctx, name)
			})
	}
}

// suspectUnplanned suspects the staged files of a batch that has no plan.
func (a *auditor) suspectUnplanned(n int64, names []string) {
	a.suspect(Finding{Kind: Leftover, Name: path.Dir(path.Dir(names[0])), Batch: n,
		What: fmt.Sprintf("%d files are staged for batch %d, which has no plan", len(names), n),
		Do:   "find out whether the ledger lost records; if not, remove them"},
		func(ctx context.Context) (bool, error) {
			_, err := a.ledger.Plan(ctx, n)
			if errors.Is(err, fs.ErrNotExist) {
				return a.isStaged(ctx, names[0])
			}
			return false, err
		}, nil)
}
