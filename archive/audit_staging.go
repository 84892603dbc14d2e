package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

const stagingDir = "staging/"

// listStaging takes down what is staged.
func (a *auditor) listStaging(ctx context.Context) error {
	other := map[string]int64{} // by directory
	own := stagingDir + a.ledger.ID() + "/"
	for e, err := range a.st.List(ctx, stagingDir) {
		if err != nil {
			return err
		}
		if rest, ok := strings.CutPrefix(e.Name, own); ok {
			number, _, _ := strings.Cut(rest, "/")
			if n, err := strconv.ParseInt(number, 10, 64); err == nil {
				a.staged[n] = append(a.staged[n], e.Name)
				continue
			}
		}
		top, _, _ := strings.Cut(strings.TrimPrefix(e.Name, stagingDir), "/")
		other[top]++
	}
	for _, dir := range slices.Sorted(maps.Keys(other)) {
		switch n := other[dir]; {
		case dir+"/" == strings.TrimPrefix(schemaStaging, stagingDir):
			a.report.Staged += n // a moment's work, which the next start clears
		case strings.HasPrefix(dir, a.ledger.ID()+replayMark):
			a.report.Staged += n
			a.report.note("%s%s: %d files of a replay that is at work, or died: the next replay clears them", stagingDir, dir, n)
		default:
			a.report.note("%s%s: %d files that are not of this ledger", stagingDir, dir, n)
		}
	}
	return nil
}

// staging tells what is staged by right from what is to go. Undecided batches
// are at work, or will be taken up. What is left of a decided one is of no use
// once its files are published.
func (a *auditor) staging(context.Context) error {
	for _, n := range slices.Sorted(maps.Keys(a.staged)) {
		names := a.staged[n]
		c, known := a.committed[n]
		switch {
		case !known && n > a.last:
			a.planless(n, names)
		case c == nil:
			a.report.Staged += int64(len(names))
		default:
			a.leftovers(c, names)
		}
	}
	return nil
}

// leftovers suspects what is staged for a decided batch, but for files that
// its commit names and that have not been published.
func (a *auditor) leftovers(c *ledger.Commit, names []string) {
	final := map[string]string{}
	for _, r := range []stream.Receipt{c.Rows, c.Rejects} {
		for f := range r.All() {
			final[f.StagedPath] = f.Path
		}
	}
	for _, name := range names {
		a.suspect(Finding{Kind: Leftover, Name: name, Batch: c.Batch,
			What: fmt.Sprintf("is staged, and batch %d is decided without it", c.Batch), Do: "start the archive, or audit -repair"},
			func(ctx context.Context) (bool, error) {
				if f, ok := final[name]; ok {
					if there, err := a.stands(ctx, f); err != nil || !there {
						return false, err
					}
				}
				return a.inStaging(ctx, name)
			},
			func(ctx context.Context) (string, error) {
				return fmt.Sprintf("removed %s: batch %d is decided without it", name, c.Batch), a.st.Delete(ctx, name)
			})
	}
}

// planless suspects files that are staged for a batch that nobody planned.
func (a *auditor) planless(n int64, names []string) {
	a.suspect(Finding{Kind: Leftover, Name: path.Dir(path.Dir(names[0])), Batch: n,
		What: fmt.Sprintf("%d files are staged for batch %d, which has no plan", len(names), n),
		Do:   "see whether the ledger lost records; else remove them"},
		func(ctx context.Context) (bool, error) {
			_, err := a.ledger.Plan(ctx, n)
			if errors.Is(err, fs.ErrNotExist) {
				return a.inStaging(ctx, names[0])
			}
			return false, err
		}, nil)
}
