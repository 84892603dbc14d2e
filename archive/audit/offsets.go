package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/internal/interval"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// checkTotals checks the archive's totals.
func (a *auditor) checkTotals(context.Context) error {
	var rows int64
	if t := a.tables[layout.Rejected]; t != nil {
		rows = t.Rows
	}
	if want := a.rejected - a.report.Replayed; rows != want && len(a.report.Findings) == 0 {
		a.report.find(Finding{Kind: BadSum, Name: layout.Rejected, What: fmt.Sprintf("its files have %d rows, but %d messages were rejected and %d of them replayed",
			rows, a.rejected, a.report.Replayed), Do: tamper})
	}
	if a.report.Pending > 0 {
		a.report.note("%d files that rewrites have replaced exist until their deletion is due", a.report.Pending)
	}
	if a.report.Undecided > 0 {
		a.report.note("%d batches are in progress, or will be resumed at the next start", a.report.Undecided)
	}
	return nil
}

// checkOffsets finds offsets that should be settled and are not. If there are
// any, it waits and reads the ledger again, because a service may be at work.
func (a *auditor) checkOffsets(ctx context.Context) error {
	found, err := a.compareOffsets(ctx)
	if err != nil {
		return err
	}
	if len(found.Findings) > 0 {
		if err := backoff.Sleep(ctx, a.opts.Grace); err != nil {
			return err
		}
		if a.partitions, err = readPartitions(ctx, a.ledger, a.since); err != nil {
			return err
		}
		if found, err = a.compareOffsets(ctx); err != nil {
			return err
		}
	}
	for _, f := range found.Findings {
		a.report.find(f)
	}
	a.report.More += found.More
	a.report.Notes = append(a.report.Notes, found.Notes...)
	return nil
}

func (r *Report) findOffsets(kind Kind, partition, do, format string, args ...any) {
	r.find(Finding{Kind: kind, Name: partition, What: fmt.Sprintf(format, args...), Do: do})
}

// compareOffsets returns what is wrong or noteworthy about the partitions.
func (a *auditor) compareOffsets(ctx context.Context) (*Report, error) {
	r := &Report{}
	for _, name := range slices.Sorted(maps.Keys(a.partitions)) {
		p := a.partitions[name]
		for _, planned := range p.planned {
			for both := range p.settled.Overlaps(planned) {
				r.findOffsets(Duplicate, name, "report this as a bug, before you start the archive",
					"offsets %s are in a commit, and planned again by an undecided batch", words(both))
			}
		}
		for _, hole := range p.holes() {
			p.Holes += hole.Len()
			switch {
			case a.opts.Source != nil:
			case p.isBacklog(hole):
				r.note("%s: offsets %s are not yet read: they are the backlog that new alerts have overtaken", name, words(hole))
			default:
				r.findOffsets(Hole, name, "name the archive's source to learn whether they wait there or are gone",
					"offsets %s are in no commit, and no batch claims them", words(hole))
			}
		}
		if p.sum.Lost > 0 {
			r.note("%s: %d offsets are recorded as lost", name, p.sum.Lost)
		}
	}
	if a.opts.Source == nil {
		return r, nil
	}
	return r, a.compareSource(ctx, r)
}

// compareSource compares the partitions with the source's extents.
func (a *auditor) compareSource(ctx context.Context, r *Report) error {
	if source, ok := a.opts.Source.(stream.Resumer); ok {
		settled := map[string]int64{}
		for name, p := range a.partitions {
			settled[name] = p.next()
		}
		if err := source.Resume(ctx, settled); err != nil {
			return err
		}
	}
	extents, err := a.opts.Source.Available(ctx)
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, e := range extents {
		listed[e.Partition] = true
		if p := a.partitions[e.Partition]; p != nil {
			r.compareExtent(p, e)
		} else if e.To > e.From {
			r.note("%v: waits, the archive has not begun this partition", e.Range)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.partitions)) {
		if p := a.partitions[name]; !listed[name] && !p.Ended {
			r.note("%s: the source does not list this partition; it is archived up to offset %d", name, p.End)
			for _, hole := range p.holes() {
				r.gone(p, hole)
			}
		}
	}
	return nil
}

// compareExtent compares a partition with its extent in the source.
func (r *Report) compareExtent(p *partition, e stream.Extent) {
	switch {
	case p.Ended:
		p.Waiting, p.Gone = 0, 0
		return
	case e.Gone:
		r.findOffsets(Gone, p.Name, "restore it, or run archive with -lost record to record the loss",
			"is deleted, or recreated under its name; it is archived up to offset %d", p.next())
		return
	case e.To == ledger.UnknownEnd: // the number of offsets is unknown
		r.note("%s: waits, it is not archived to its end", p.Name)
		return
	}
	p.Waiting, p.Gone = 0, 0
	last := p.settled.End()
	if e.To < last {
		r.findOffsets(Truncated, p.Name, "find out what happened there; archive -lost record goes on without them",
			"ends at offset %d, and is archived up to %d: other messages will get these offsets", e.To, last)
	}
	for gap := range p.settled.Gaps(interval.Interval{From: p.Start, To: max(e.To, last)}) {
		p.Waiting += gap.Intersect(offsetsOf(e.Range)).Len()
		r.gone(p, interval.Interval{From: gap.From, To: min(gap.To, e.From)})
	}
}

// gone reports offsets that no commit has and that the source no longer has.
func (r *Report) gone(p *partition, i interval.Interval) {
	if i.Empty() {
		return
	}
	p.Gone = max(p.Gone, 0) + i.Len()
	r.findOffsets(Gone, p.Name, "run archive with -lost record to record them as lost",
		"offsets %s are in no commit, and the source no longer has them", words(i))
}
