package archive

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// sums checks the archive's totals.
func (a *auditor) sums(context.Context) error {
	if want := a.rejected - a.report.Replayed; a.standing != want && len(a.report.Findings) == 0 {
		a.report.find(Finding{Kind: BadSum, Name: rejectedTable, What: fmt.Sprintf("its files have %d rows, and %d messages were rejected, %d of them replayed since",
			a.standing, a.rejected, a.report.Replayed), Do: "see which commit was tampered with, and bring it back from a copy"})
	}
	if a.report.Undecided > 0 {
		a.report.note("%d batches are at work, or are taken up at the next start", a.report.Undecided)
	}
	return nil
}

// offsets finds the offsets that are in no commit though they should be. Beside
// a service the ledger has gone on since it was read, so what seems wrong is
// judged once more by what it says later.
func (a *auditor) offsets(ctx context.Context) error {
	j, err := a.judge(ctx)
	if err != nil {
		return err
	}
	if len(j.findings) > 0 {
		select {
		case <-time.After(max(0, cmp.Or(a.Patience, defaultPatience))):
		case <-ctx.Done():
			return ctx.Err()
		}
		if a.book, err = readBook(ctx, a.ledger); err != nil {
			return err
		}
		if j, err = a.judge(ctx); err != nil {
			return err
		}
	}
	for _, f := range j.findings {
		a.report.find(f)
	}
	for _, n := range j.notes {
		a.report.note("%s", n)
	}
	return nil
}

// judgement is what a book and a source say together.
type judgement struct {
	findings []Finding
	notes    []string
}

func (j *judgement) find(kind Kind, partition, do, format string, args ...any) {
	j.findings = append(j.findings, Finding{Kind: kind, Name: partition, What: fmt.Sprintf(format, args...), Do: do})
}

func (j *judgement) note(format string, args ...any) {
	j.notes = append(j.notes, fmt.Sprintf(format, args...))
}

func (a *auditor) judge(ctx context.Context) (*judgement, error) {
	j := &judgement{}
	for _, name := range slices.Sorted(maps.Keys(a.book)) {
		p := a.book[name]
		for _, s := range p.planned {
			for _, o := range p.settled.within(s) {
				j.find(Duplicate, name, "report this as a bug, before you start the archive",
					"offsets %v are in a commit, and claimed again by a batch that is undecided", o)
			}
		}
		for _, s := range p.holes() {
			p.Holes += s.to - s.from
			if a.Source == nil {
				j.find(Hole, name, "name the archive's source to learn whether they wait there or are gone: beside new data a backlog leaves such holes until it is done",
					"offsets %v are in no commit, and claimed by no batch", s)
			}
		}
		if p.Lost > 0 {
			j.note("%s: %d offsets are recorded as lost", name, p.Lost)
		}
	}
	if a.Source == nil {
		return j, nil
	}
	return j, a.compare(ctx, j)
}

// compare asks the source what it has.
func (a *auditor) compare(ctx context.Context, j *judgement) error {
	if r, ok := a.Source.(stream.Resumer); ok {
		settled := map[string]int64{}
		for name, p := range a.book {
			settled[name] = p.next()
		}
		if err := r.Resume(ctx, settled); err != nil {
			return err
		}
	}
	extents, err := a.Source.Available(ctx)
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, e := range extents {
		named[e.Partition] = true
		if p := a.book[e.Partition]; p != nil {
			j.extent(p, e)
		} else if e.To > e.From {
			j.note("%v: waits, the archive has not begun this partition", e.Range)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.book)) {
		if p := a.book[name]; !named[name] && !p.Ended {
			j.note("%s: the source does not name this partition; the archive has it up to offset %d", name, p.End)
			for _, s := range p.holes() {
				j.gone(p, s)
			}
		}
	}
	return nil
}

// extent compares a partition with what the source has of it.
func (j *judgement) extent(p *partition, e stream.Extent) {
	switch {
	case p.Ended:
		p.Waiting, p.Gone = 0, 0
		return
	case e.Gone:
		j.find(Gone, p.Name, "bring it back, or run archive with -lost record to have it written down",
			"is deleted, or made anew under its name; the archive has it up to offset %d", p.next())
		return
	case e.To == ledger.UnknownEnd: // how much of it is not archived nobody knows
		j.note("%s: waits, it is not archived to its end", p.Name)
		return
	}
	p.Waiting, p.Gone = 0, 0
	if last := p.settled.last(); e.To < last {
		j.find(Truncated, p.Name, "see what happened there; archive -lost record goes on without them",
			"ends at offset %d, and is archived up to %d: other messages will get these offsets", e.To, last)
	}
	for _, s := range p.settled.free(span{p.Start, max(e.To, p.settled.last())}) {
		o := meet(s, span{e.From, e.To})
		p.Waiting += o.to - o.from
		j.gone(p, span{s.from, min(s.to, e.From)})
	}
}

// gone finds offsets that no commit has and that the source has no more.
func (j *judgement) gone(p *partition, s span) {
	if s.from >= s.to {
		return
	}
	p.Gone = max(p.Gone, 0) + s.to - s.from
	j.find(Gone, p.Name, "run archive with -lost record to have them written down as lost",
		"offsets %v are in no commit, and the source has them no more", s)
}
