package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/archive/internal/rowfile"
	"github.com/skyfinch/skyfinch/archive/internal/rowhash"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// checkHash compares the rows in the files of a rewrite with the sum of the hashes of
// the rows that they replace, if all of them are live.
func (a *auditor) checkHash(ctx context.Context, c *ledger.Commit) error {
	if !a.opts.Deep || c.Replaces == nil || c.Replaces.RowsHash == "" {
		return nil
	}
	var sum rowhash.Sum
	for f := range filesOf(c) {
		if !a.files.isLive(f) || a.report.about(f.Path) {
			return nil
		}
		schema, err := a.ledger.Schema(ctx, sink.SchemaPrefix+f.Table)
		if err != nil || schema == nil {
			return err
		}
		if err := sum.AddFile(ctx, a.store, f, schema, nil); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if exists, existsErr := a.exists(ctx, f.Path); !exists {
				return existsErr // it is staged, missing or replaced meanwhile
			}
			a.report.find(Finding{Kind: CorruptFile, Name: f.Path, Batch: c.Batch, What: fmt.Sprintf("its rows cannot be read: %v", err), Do: restore})
			return nil
		}
	}
	if sum.String() != c.Replaces.RowsHash {
		a.report.find(Finding{Kind: CorruptFile, Name: a.record(c.Batch, "commit"), Batch: c.Batch,
			What: "the rows in its files are not those that it replaced", Do: restore})
	}
	return nil
}

// checkRowNumbers checks that each row number of a table is that of one row or was
// pruned, and that compacted files hold the numbers and the order of their rows.
func (a *auditor) checkRowNumbers(ctx context.Context) error {
	if !a.opts.Deep || a.since != nil || !a.report.OK() {
		return nil // the index needs an intact ledger
	}
	x, err := index.Open(ctx, a.store, a.ledger)
	if err != nil {
		return err
	}
	for _, err := range x.Unusable() {
		if errors.Is(err, index.ErrVersion) {
			continue
		}
		a.report.find(Finding{Kind: BadRecord, Name: layout.Ledger + "/index", What: "a part of the saved index cannot be used: " + err.Error(),
			Do: "remove it: it is written again, and only saves time"})
	}
	for _, name := range x.Tables() {
		t := x.Table(name)
		if name == layout.Rejected { // its messages have no numbers that last
			continue
		}
		var runs []index.Run
		for _, f := range t.Files {
			runs = append(runs, f.Runs...)
			if f.Compacted {
				if err := a.checkRuns(ctx, f); err != nil {
					return err
				}
			}
		}
		for _, g := range t.Pruned {
			runs = append(runs, g.Runs...)
		}
		slices.SortFunc(runs, func(a, b index.Run) int { return cmp.Compare(a.First, b.First) })
		next := int64(0)
		for _, r := range runs {
			if r.First != next {
				break
			}
			next += r.Rows
		}
		if next != t.Rows {
			a.report.find(Finding{Kind: BadSum, Name: name, What: fmt.Sprintf("row number %d is that of no row, or of two, by the rewrites in the ledger", next), Do: "report this as a bug"})
		}
	}
	return nil
}

// checkRuns compares the row numbers in a compacted file with those that follow from
// the ledger, and checks the record of its order.
func (a *auditor) checkRuns(ctx context.Context, f index.File) error {
	schema, err := a.ledger.Schema(ctx, sink.SchemaPrefix+f.Table)
	if err != nil || schema == nil {
		return err
	}
	r, err := rowfile.Open(ctx, a.store, f.File, rowfile.Options{Schema: schema, Mem: memory.DefaultAllocator})
	if err != nil {
		if exists, existsErr := a.exists(ctx, f.Path); !exists {
			return existsErr
		}
	} else {
		defer r.Close()
		if text, ok := r.Metadata()[index.RunsKey]; ok && text != index.EncodeRuns(f.Runs) {
			err = fmt.Errorf("it holds the rows %s, and by the ledger %s", text, index.EncodeRuns(f.Runs))
		}
	}
	if err != nil {
		a.report.find(Finding{Kind: CorruptFile, Name: f.Path, Batch: f.Batch, What: err.Error(), Do: restore})
	}
	return nil
}

// clearReplaced deletes the files that rewrites have replaced and that are due, if the
// audit repairs.
func (a *auditor) clearReplaced(ctx context.Context) error {
	if !a.opts.Repair || a.since != nil || !a.report.OK() {
		return nil
	}
	x, err := index.Open(ctx, a.store, a.ledger)
	if err != nil {
		return err
	}
	deleted, _, err := x.Clear(ctx)
	for _, name := range deleted {
		delete(a.due, hash(name))
		a.report.Repairs = append(a.report.Repairs, fmt.Sprintf("removed %s, which is replaced", name))
	}
	a.report.Pending = max(a.report.Pending-int64(len(deleted)), 0)
	return err
}
