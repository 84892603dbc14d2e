package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Prune removes the oldest alerts of an archive for good, whole directories at a time,
// and records in the ledger that it did. Fill in Dir or Store, and Before or Keep.
// Rejected messages stay.
type Prune struct {
	Dir   string
	Store store.Store // instead of Dir
	// Before removes the directories of hours or nights before it, in UTC. It must be at
	// least a day ago, and a night two days, because alerts may still arrive.
	Before time.Time
	// Keep removes the oldest directories until the others have at most this many
	// bytes. Those of the last day are never removed.
	Keep int64
	// DryRun removes nothing; Run returns what it would remove.
	DryRun bool
}

// Pruned is what a Prune has removed.
type Pruned struct {
	Dirs        int64
	Files       int64
	Rows        int64
	Bytes       int64
	First, Last string // the first and the last directory, such as 2026/09/18/03
	Left        int64  // bytes of the alerts that remain
}

// pruneFiles is how many files a batch of a prune removes, not counting those of its
// last directory.
const pruneFiles = 1000

// Run removes the alerts. Services, replays and compactions may work on the archive at
// the same time. If the process dies, the next run of a Prune or a Compaction
// continues.
func (p *Prune) Run(ctx context.Context) (out Pruned, err error) {
	if p.Before.IsZero() == (p.Keep == 0) || p.Keep < 0 {
		return out, errors.New("archive: Prune needs either Before or Keep")
	}
	limit := time.Now().UTC().Add(-24 * time.Hour)
	if p.Before.After(limit) {
		return out, fmt.Errorf("archive: prune: alerts of the last day may not be complete: prune before %s at the latest", limit.Format(time.DateOnly))
	}
	c, err := (&Compaction{Dir: p.Dir, Store: p.Store}).open(ctx)
	if err != nil {
		return out, err
	}
	if !p.DryRun {
		end, beginErr := p.begin(ctx, c)
		if beginErr != nil {
			return out, fmt.Errorf("archive: prune: %w", beginErr)
		}
		defer func() { err = errors.Join(err, end()) }()
	}
	for range maxConflicts {
		err = p.run(ctx, c, limit, &out)
		var other *ledger.ReplacedError
		if !errors.As(err, &other) {
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("archive: prune: %w", err)
	}
	return out, err
}

// begin locks the archive, and leaves a reservation if the process dies.
func (p *Prune) begin(ctx context.Context, c *compactor) (end func() error, err error) {
	unlock, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	free, err := c.reserve(ctx, "prune", 0)
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return func() error {
		if free != nil {
			free()
		}
		return unlock()
	}, nil
}

// run removes directories and counts them in out.
func (p *Prune) run(ctx context.Context, c *compactor, limit time.Time, out *Pruned) error {
	if !p.DryRun {
		if err := c.refresh(ctx, true); err != nil {
			return err
		}
		if err := c.clear(ctx); err != nil {
			return err
		}
	}
	dirs, left := byDirectory(c.index)
	out.Left = left
	var group []directory
	files := 0
	for _, d := range dirs {
		if p.Keep > 0 && left <= p.Keep || p.Keep == 0 && d.end.After(p.Before) {
			break
		}
		if d.over.After(limit) {
			if err := p.remove(ctx, c, group, out); err != nil {
				return err
			}
			return fmt.Errorf("alerts of the last day may not be complete: %s is kept, and %d bytes remain", d.name, out.Left)
		}
		left -= totalBytes(d.files)
		group, files = append(group, d), files+len(d.files)
		if files >= pruneFiles {
			if err := p.remove(ctx, c, group, out); err != nil {
				return err
			}
			group, files = nil, 0
		}
	}
	return p.remove(ctx, c, group, out)
}

// remove removes directories in one batch, and counts them.
func (p *Prune) remove(ctx context.Context, c *compactor, dirs []directory, out *Pruned) error {
	var files []index.File
	for _, d := range dirs {
		files = append(files, d.files...)
	}
	if len(files) > 0 && !p.DryRun {
		commit := &ledger.Commit{Replaces: &ledger.Replacement{Base: c.index.Through(), Files: replacedFiles(files), Cleared: c.cleared, Pruned: true}}
		if err := c.ledger.Rewrite(ctx, commit, nil); err != nil {
			return err
		}
		if err := c.publish(ctx, commit); err != nil {
			return err
		}
		for _, f := range files {
			if err := c.index.Delete(ctx, f.Path, f.Batch); err != nil {
				return err
			}
		}
		if _, err := c.index.Update(ctx); err != nil {
			return err
		}
	}
	for _, d := range dirs {
		out.First = cmp.Or(out.First, d.name)
		out.Last = d.name
		out.Dirs++
		for _, f := range d.files {
			out.Files++
			out.Rows += f.Rows
			out.Bytes += f.Bytes
			out.Left -= f.Bytes
		}
	}
	return nil
}

// directory is the live files of one directory, over all tables of alerts.
type directory struct {
	name  string
	end   time.Time // of the day or hour of its name
	over  time.Time // when it gets no new alerts any more, except late ones
	files []index.File
}

// byDirectory returns the directories, the oldest first, and the bytes of their files.
func byDirectory(x *index.Index) (dirs []directory, bytes int64) {
	at := map[string]int{}
	for _, name := range x.Tables() {
		if name == layout.Rejected {
			continue
		}
		for _, f := range x.Table(name).Files {
			i, ok := at[f.Dir]
			if !ok {
				end, over := endOf(f.Dir)
				if end.IsZero() {
					continue // not of this layout
				}
				i = len(dirs)
				at[f.Dir], dirs = i, append(dirs, directory{name: f.Dir, end: end, over: over})
			}
			dirs[i].files = append(dirs[i].files, f)
			bytes += f.Bytes
		}
	}
	slices.SortFunc(dirs, func(a, b directory) int { return strings.Compare(a.name, b.name) })
	return dirs, bytes
}

// endOf returns the end of the day or hour of a directory, and when it is over: an
// observing night ends on the day after its own. If the name is another one, both are
// zero.
func endOf(dir string) (end, over time.Time) {
	if t, err := time.Parse("2006/01/02/15", dir); err == nil {
		return t.Add(time.Hour), t.Add(time.Hour)
	}
	if t, err := time.Parse("2006/01/02", dir); err == nil {
		return t.Add(24 * time.Hour), t.Add(48 * time.Hour)
	}
	return end, over
}
