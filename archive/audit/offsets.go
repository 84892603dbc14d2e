package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/interval"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// checkTotals checks the archive's totals.
func (a *auditor) checkTotals(context.Context) error {
	if want := a.rejected - a.report.Replayed; a.rejectedRows != want && len(a.report.Findings) == 0 {
		a.report.find(Finding{Kind: BadSum, Name: layout.Rejected, What: fmt.Sprintf("its files have %d rows, but %d messages were rejected and %d of them replayed",
			a.rejectedRows, a.rejected, a.report.Replayed), Do: tamper})
	}
	if a.report.Undecided > 0 {
		a.report.note("%d batches are in progress, or will be resumed at the next start", a.report.Undecided)
	}
	return nil
}

// checkOffsets finds offsets that should be settled and are not. If there are
// any, it waits and reads the ledger again, because a service may be at work.
func (a *auditor) checkOffsets(ctx context.Context) error {
	c, err := a.compareOffsets(ctx)
	if err != nil {
		return err
	}
	if len(c.findings) > 0 {
		if err := sleep(ctx, a.opts.Grace); err != nil {
			return err
		}
		if a.partitions, err = readPartitions(ctx, a.ledger); err != nil {
			return err
		}
		if c, err = a.compareOffsets(ctx); err != nil {
			return err
		}
	}
	for _, f := range c.findings {
		a.report.find(f)
	}
	for _, n := range c.notes {
		a.report.note("%s", n)
	}
	return nil
}

// comparison is what follows from the partitions and the source.
type comparison struct {
	findings []Finding
	notes    []string
}

func (c *comparison) find(kind Kind, partition, do, format string, args ...any) {
	c.findings = append(c.findings, Finding{Kind: kind, Name: partition, What: fmt.Sprintf(format, args...), Do: do})
}

func (c *comparison) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

func (a *auditor) compareOffsets(ctx context.Context) (*comparison, error) {
	c := &comparison{}
	for _, name := range slices.Sorted(maps.Keys(a.partitions)) {
		p := a.partitions[name]
		for _, planned := range p.planned {
			for both := range p.settled.Overlaps(planned) {
				c.find(Duplicate, name, "report this as a bug, before you start the archive",
					"offsets %s are in a commit, and planned again by an undecided batch", words(both))
			}
		}
		for _, hole := range p.holes() {
			p.Holes += hole.Len()
			if a.opts.Source == nil {
				c.find(Hole, name, "name the archive's source to learn whether they wait there or are gone: a backlog that is archived beside new alerts leaves such holes until it is done",
					"offsets %s are in no commit, and no batch claims them", words(hole))
			}
		}
		if p.Lost > 0 {
			c.note("%s: %d offsets are recorded as lost", name, p.Lost)
		}
	}
	if a.opts.Source == nil {
		return c, nil
	}
	return c, a.compareSource(ctx, c)
}

// compareSource compares the partitions with the source's extents.
func (a *auditor) compareSource(ctx context.Context, c *comparison) error {
	if r, ok := a.opts.Source.(stream.Resumer); ok {
		settled := map[string]int64{}
		for name, p := range a.partitions {
			settled[name] = p.next()
		}
		if err := r.Resume(ctx, settled); err != nil {
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
			c.compareExtent(p, e)
		} else if e.To > e.From {
			c.note("%v: waits, the archive has not begun this partition", e.Range)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.partitions)) {
		if p := a.partitions[name]; !listed[name] && !p.Ended {
			c.note("%s: the source does not list this partition; it is archived up to offset %d", name, p.End)
			for _, hole := range p.holes() {
				c.gone(p, hole)
			}
		}
	}
	return nil
}

// compareExtent compares a partition with its extent in the source.
func (c *comparison) compareExtent(p *partition, e stream.Extent) {
	switch {
	case p.Ended:
		p.Waiting, p.Gone = 0, 0
		return
	case e.Gone:
		c.find(Gone, p.Name, "restore it, or run archive with -lost record to record the loss",
			"is deleted, or recreated under its name; it is archived up to offset %d", p.next())
		return
	case e.To == ledger.UnknownEnd: // the number of offsets is unknown
		c.note("%s: waits, it is not archived to its end", p.Name)
		return
	}
	p.Waiting, p.Gone = 0, 0
	last := p.settled.End()
	if e.To < last {
		c.find(Truncated, p.Name, "find out what happened there; archive -lost record goes on without them",
			"ends at offset %d, and is archived up to %d: other messages will get these offsets", e.To, last)
	}
	for gap := range p.settled.Gaps(interval.Interval{From: p.Start, To: max(e.To, last)}) {
		p.Waiting += gap.Intersect(offsetsOf(e.Range)).Len()
		c.gone(p, interval.Interval{From: gap.From, To: min(gap.To, e.From)})
	}
}

// gone reports offsets that no commit has and that the source no longer has.
func (c *comparison) gone(p *partition, i interval.Interval) {
	if i.Empty() {
		return
	}
	p.Gone = max(p.Gone, 0) + i.Len()
	c.find(Gone, p.Name, "run archive with -lost record to record them as lost",
		"offsets %s are in no commit, and the source no longer has them", words(i))
}
