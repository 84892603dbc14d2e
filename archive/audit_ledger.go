package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// fold reads the ledger, and looks at the files of each batch on the way.
func (a *auditor) fold(ctx context.Context) error {
	for rec, err := range a.ledger.Batches(ctx) {
		var damaged *ledger.DamagedError
		if errors.As(err, &damaged) {
			a.damaged(damaged)
		} else if err != nil {
			return err
		}
		a.last = rec.Number
		a.report.Batches++
		if err := a.batch(ctx, rec, damaged != nil); err != nil {
			return err
		}
	}
	return nil
}

func (a *auditor) damaged(d *ledger.DamagedError) {
	a.report.find(Finding{Kind: BadRecord, Name: d.Name, Batch: d.Batch,
		What: fmt.Sprintf("is damaged: %v", d.Err), Do: "bring it back from a copy"})
}

// contradicts adds a finding about a record.
func (a *auditor) contradicts(batch int64, kind, format string, args ...any) {
	a.report.find(Finding{Kind: BadRecord, Name: a.record(batch, kind), Batch: batch,
		What: fmt.Sprintf(format, args...), Do: "bring the record back from a copy"})
}

// record names a record of the batch in hand.
func (a *auditor) record(batch int64, kind string) string {
	return cmp.Or(a.segment, path.Join(ledgerDir, fmt.Sprintf("%012d.%s", batch, kind)))
}

// batch looks at one batch. If a record of it is damaged, which has been told,
// it seems to be missing.
func (a *auditor) batch(ctx context.Context, rec ledger.Batch, damaged bool) error {
	a.segment = rec.Segment
	if rec.Plan != nil {
		a.book.plan(rec)
	}
	c := rec.Commit
	if _, ok := a.staged[rec.Number]; ok {
		a.committed[rec.Number] = c
	}
	if c == nil {
		if rec.Done && !damaged {
			a.contradicts(rec.Number, "commit", "is missing, and the batch is done")
		}
		a.report.Undecided++
		return nil
	}
	if rec.Plan == nil && !damaged {
		a.contradicts(rec.Number, "plan", "is missing, and the batch has a commit")
	}
	for _, acc := range c.Accounts {
		a.account(rec, acc)
	}
	old, err := replacementOf(c)
	if err != nil {
		a.contradicts(rec.Number, "commit", "%v", err)
	}
	a.rows(c, old)
	if err := a.files(ctx, c); err != nil || old == nil {
		return err
	}
	return a.replaces(ctx, c, old)
}

// account checks an account against itself and its plan, and adds it.
func (a *auditor) account(rec ledger.Batch, acc stream.Account) {
	sum := func(what string) {
		a.report.find(Finding{Kind: BadSum, Name: acc.Range.String(), Batch: rec.Number, What: what,
			Do: fmt.Sprintf("bring back %s from a copy", a.record(rec.Number, "commit"))})
	}
	if seen := acc.Read + acc.Control + acc.Aborted + acc.Compacted + acc.Lost; seen != acc.To-acc.From {
		sum(fmt.Sprintf("batch %d accounts for %d of %d offsets", rec.Number, seen, acc.To-acc.From))
	}
	if acc.Read != acc.Written+acc.Rejected+acc.Dropped {
		sum(fmt.Sprintf("batch %d read %d messages, and wrote %d, rejected %d, dropped %d", rec.Number, acc.Read, acc.Written, acc.Rejected, acc.Dropped))
	}
	if min(acc.Read, acc.Control, acc.Aborted, acc.Compacted, acc.Lost, acc.Written, acc.Rejected, acc.Dropped) < 0 {
		sum(fmt.Sprintf("batch %d counts less than nothing", rec.Number))
	}
	if rec.Plan != nil && !slices.ContainsFunc(rec.Plan.Ranges, func(r stream.Range) bool {
		return r.Partition == acc.Partition && r.From == acc.From && acc.From <= acc.To && acc.To <= r.To
	}) {
		a.contradicts(rec.Number, "commit", "accounts for %v, which is no beginning of a range of its plan", acc.Range)
	}
	a.rejected += acc.Rejected
	if s := a.book.partition(acc.Partition).settle(acc); s.from < s.to && len(a.twice) < mostFindings {
		a.twice = append(a.twice, twice{acc.Partition, s, rec.Number})
	}
}

// rows compares the accounts with the rows of the files.
func (a *auditor) rows(c *ledger.Commit, old *replacement) {
	var written, rejected, rows, rejects int64
	for _, acc := range c.Accounts {
		written, rejected = written+acc.Written, rejected+acc.Rejected
	}
	if old != nil {
		written, rejected = written+old.Written, rejected+old.Rejected
		a.report.Replays++
		a.report.Replayed += old.Written + old.Dropped
		var read int64
		for _, f := range old.Replaces {
			read += f.Rows
		}
		if read != old.Read || old.Read != old.Written+old.Rejected+old.Dropped {
			a.contradicts(c.Batch, "commit", "replaces %d rows, read %d, and wrote %d, rejected %d, dropped %d of them",
				read, old.Read, old.Written, old.Rejected, old.Dropped)
		}
	}
	for f := range c.Rows.All() {
		rows += f.Rows
	}
	for f := range c.Rejects.All() {
		rejects += f.Rows
	}
	if rows < written || rows > written && !a.Splits {
		a.contradicts(c.Batch, "commit", "has %d rows in its files, and wrote %d messages", rows, written)
	}
	if rejects != rejected {
		a.contradicts(c.Batch, "commit", "has %d rejected rows in its files, and rejected %d messages", rejects, rejected)
	}
}

// tail looks whether records stand beyond the last batch: then a plan is gone
// from between, and nothing beyond it was seen.
func (a *auditor) tail(ctx context.Context) error {
	var beyond int64
	for e, err := range a.st.List(ctx, ledgerDir+"/") {
		if err != nil {
			return err
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(e.Name, ledgerDir+"/"), ".")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && len(number) == 12 {
			beyond = max(beyond, n)
		}
	}
	if beyond <= a.last {
		return nil
	}
	if _, err := a.ledger.Plan(ctx, a.last+1); err == nil {
		return nil // a service has gone on
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	a.contradicts(a.last+1, "plan", "is missing, and records of batch %d stand: no batch from %d on could be looked at", beyond, a.last+1)
	a.listed = listed{} // what they hold would all seem to be nobody's
	return nil
}

// twice are offsets that a commit accounts for though an earlier one does.
type twice struct {
	partition string
	span
	batch int64
}

// namesTwice says which batches have the same offsets. For that the ledger is
// read once more, in the rare case.
func (a *auditor) namesTwice(ctx context.Context) error {
	if len(a.twice) == 0 {
		return nil
	}
	first := make([]int64, len(a.twice))
	for rec, err := range a.ledger.Batches(ctx) {
		var damaged *ledger.DamagedError
		if err != nil && !errors.As(err, &damaged) {
			return err
		}
		if rec.Commit == nil {
			continue
		}
		for _, acc := range rec.Commit.Accounts {
			for i, t := range a.twice {
				if o := meet(t.span, span{acc.From, acc.To}); first[i] == 0 && t.partition == acc.Partition && o.from < o.to {
					first[i] = rec.Number
				}
			}
		}
		if rec.Number >= a.last {
			break
		}
	}
	for i, t := range a.twice {
		a.report.find(Finding{Kind: Duplicate, Name: t.partition, Batch: t.batch,
			What: fmt.Sprintf("offsets %d to %d are in the commits of batches %d and %d: their rows are there twice", t.from, t.to-1, first[i], t.batch),
			Do:   "see which commit was tampered with, and bring it back from a copy"})
	}
	return nil
}
