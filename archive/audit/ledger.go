package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/interval"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// What a finding tells its reader to do.
const (
	restart = "start the archive, or run audit -repair"
	restore = "restore it from a copy"
	tamper  = "find out which commit was tampered with, and restore it from a copy"
)

// first returns the first batch to be read.
func (a *auditor) first() int64 {
	if a.since == nil {
		return 1
	}
	return a.since.Through + 1
}

// readLedger checks each batch of the ledger, and finds out which files are
// live.
func (a *auditor) readLedger(ctx context.Context) error {
	for rec, err := range a.ledger.Batches(ctx, a.first()) {
		var damaged *ledger.DamagedError
		if errors.As(err, &damaged) {
			a.report.find(Finding{Kind: BadRecord, Name: damaged.Name, Batch: damaged.Batch,
				What: fmt.Sprintf("is damaged: %v", damaged.Err), Do: restore})
		} else if err != nil {
			return err
		}
		a.last = rec.Number
		if rec.Commit == nil && a.summary == nil {
			a.summarize()
		}
		a.report.Batches++
		a.checkBatch(rec, damaged != nil)
		if a.summary == nil {
			a.settled = rec.Number
		}
	}
	a.segment = ""
	if a.summary == nil {
		a.summarize()
	}
	return nil
}

// badRecord reports a record that is missing or contradicts another.
func (a *auditor) badRecord(batch int64, kind, format string, args ...any) {
	a.report.find(Finding{Kind: BadRecord, Name: a.record(batch, kind), Batch: batch, What: fmt.Sprintf(format, args...), Do: restore})
}

// record names a record of the current batch.
func (a *auditor) record(batch int64, kind string) string {
	if a.segment != "" {
		return a.segment
	}
	if kind == "plan" {
		return a.ledger.PlanPath(batch)
	}
	return a.ledger.CommitPath(batch)
}

// checkBatch checks one batch. A damaged record, which has been reported, is
// nil in rec.
func (a *auditor) checkBatch(rec ledger.Batch, damaged bool) {
	a.segment = rec.Segment
	if rec.Plan != nil {
		a.partitions.addPlan(rec)
	}
	c := rec.Commit
	if _, ok := a.staged[rec.Number]; ok {
		a.commits[rec.Number] = c
	}
	if c == nil {
		if rec.Done && !damaged {
			a.badRecord(rec.Number, "commit", "is missing, and the batch is done")
		}
		a.report.Undecided++
		return
	}
	if rec.Plan == nil && !damaged {
		a.badRecord(rec.Number, "plan", "is missing, and the batch has a commit")
	}
	for _, acc := range c.Accounts {
		a.checkAccount(rec, acc)
	}
	replaced, replay, err := layout.ReplacedBy(c)
	if err != nil {
		a.badRecord(rec.Number, "commit", "%v", err)
	}
	if replaced == nil || replay != nil {
		a.checkRows(c, replay)
	} else {
		a.report.Rewrites++
		a.checkRewrite(c, replaced)
	}
	a.foldFiles(c)
	a.foldReplaced(c, replaced, replay != nil)
}

// checkAccount checks an account against itself and its plan, and adds it to
// its partition.
func (a *auditor) checkAccount(rec ledger.Batch, acc ledger.Account) {
	badSum := func(format string, args ...any) {
		a.report.find(Finding{Kind: BadSum, Name: acc.Range.String(), Batch: rec.Number,
			What: fmt.Sprintf("batch %d: ", rec.Number) + fmt.Sprintf(format, args...),
			Do:   fmt.Sprintf("restore %s from a copy", a.record(rec.Number, "commit"))})
	}
	if err := acc.Check(); err != nil {
		badSum("%v", err)
	}
	if acc.Read != acc.Written+acc.Rejected+acc.Dropped {
		badSum("read %d messages, and wrote %d, rejected %d, dropped %d", acc.Read, acc.Written, acc.Rejected, acc.Dropped)
	}
	if min(acc.Written, acc.Rejected, acc.Dropped) < 0 {
		badSum("has a negative count")
	}
	if rec.Plan != nil && !slices.ContainsFunc(rec.Plan.Ranges, func(r ledger.Range) bool {
		return r.Partition == acc.Partition && r.From == acc.From && acc.From <= acc.To && acc.To <= r.To
	}) {
		a.badRecord(rec.Number, "commit", "accounts for %v, which is not the beginning of a planned range", acc.Range)
	}
	a.rejected += acc.Rejected
	if both := a.partitions.get(acc.Partition).settle(acc); !both.Empty() && len(a.overlaps) < maxFindings {
		a.overlaps = append(a.overlaps, overlap{acc.Partition, both, rec.Number})
	}
}

// checkRows compares the accounts of a commit with the rows of its files.
func (a *auditor) checkRows(c *ledger.Commit, old *layout.Replay) {
	var sum ledger.Account
	for _, acc := range c.Accounts {
		sum.Add(acc)
	}
	if old != nil {
		sum.Written, sum.Rejected = sum.Written+old.Written, sum.Rejected+old.Rejected
		a.report.Replays++
		a.report.Replayed += old.Written + old.Dropped
		var replaced int64
		for _, f := range old.Replaces {
			replaced += f.Rows
		}
		if replaced != old.Read || old.Read != old.Written+old.Rejected+old.Dropped {
			a.badRecord(c.Batch, "commit", "replaces %d rows, read %d, and wrote %d, rejected %d, dropped %d of them",
				replaced, old.Read, old.Written, old.Rejected, old.Dropped)
		}
	}
	if rows := rowsOf(c.Rows); rows < sum.Written || rows > sum.Written && !a.opts.MultiRow {
		a.badRecord(c.Batch, "commit", "has %d rows in its files, and wrote %d messages", rows, sum.Written)
	}
	if rows := rowsOf(c.Rejects); rows != sum.Rejected {
		a.badRecord(c.Batch, "commit", "has %d rejected rows in its files, and rejected %d messages", rows, sum.Rejected)
	}
}

// rowsOf returns the number of rows of a receipt, but those of the passed tables of
// archive/broker, which may have several rows of one message, beside that of science.
func rowsOf(r ledger.Receipt) (n int64) {
	for f := range r.All() {
		if !strings.HasPrefix(f.Table, "passed/") && !strings.HasPrefix(f.Table, "passed-") {
			n += f.Rows
		}
	}
	return n
}

// checkTail reports a missing plan: records that exist after the last batch,
// which Batches could not reach.
func (a *auditor) checkTail(ctx context.Context) error {
	last, err := a.ledger.LastRecord(ctx)
	if err != nil || last <= a.last {
		return err
	}
	if _, err := a.ledger.Plan(ctx, a.last+1); err == nil {
		return nil // a service planned it during the audit
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	a.badRecord(a.last+1, "plan", "is missing, and records of batch %d exist: the batches from %d on could not be checked", last, a.last+1)
	a.truncated = true // the files of those batches would all seem extra
	return nil
}

// overlap is offsets of a commit that an earlier commit accounts for too.
type overlap struct {
	partition string
	offsets   interval.Interval
	batch     int64
}

// reportOverlaps reports which batches account for the same offsets. If there
// are any, it reads the ledger again to find the earlier batches.
func (a *auditor) reportOverlaps(ctx context.Context) error {
	if len(a.overlaps) == 0 {
		return nil
	}
	first := make([]int64, len(a.overlaps))
	for rec, err := range a.ledger.Batches(ctx, 1) {
		var damaged *ledger.DamagedError
		if err != nil && !errors.As(err, &damaged) {
			return err
		}
		if rec.Commit == nil {
			continue
		}
		for _, acc := range rec.Commit.Accounts {
			for i, o := range a.overlaps {
				if first[i] == 0 && o.partition == acc.Partition && !o.offsets.Intersect(offsetsOf(acc.Range)).Empty() {
					first[i] = rec.Number
				}
			}
		}
		if rec.Number >= a.last {
			break
		}
	}
	for i, o := range a.overlaps {
		a.report.find(Finding{Kind: Duplicate, Name: o.partition, Batch: o.batch,
			What: fmt.Sprintf("offsets %s are in the commits of batches %d and %d: their rows are stored twice", words(o.offsets), first[i], o.batch),
			Do:   tamper})
	}
	return nil
}
