// Package index keeps the file index of an archive: which files are live, and
// which rows they hold. It is a pure function of the ledger.
//
// The rows of a table are numbered from 0 in the order of their batches, of the
// files in a batch's commit, and of their places in a file. A rewrite that moves
// rows does not change their numbers: in each directory, its files take the
// numbers of the rows of the replaced files in ascending order, each as many as it
// has rows. The rows of a replay are new.
package index

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Index is what an archive's ledger says of its files through a stable batch. Its
// methods must not be called concurrently with Update.
type Index struct {
	store    store.Store
	ledger   *ledger.Ledger
	through  int64
	newest   time.Time // the latest creation of a commit
	tables   map[string]*Table
	pending  []Pending
	points   []point  // in ascending order
	current  *segment // since the last segment; nil if the index is only read
	failed   error    // why it is no longer saved
	unusable []error
}

// Pending is a replaced file that may still exist.
type Pending struct {
	ledger.ReplacedFile
	Of    int64     // the batch that committed it
	Batch int64     // that replaced it
	Due   time.Time // when it may be deleted; if zero, at once
}

// Open reads the ledger of an archive through its last stable batch.
func Open(ctx context.Context, st store.Store, l *ledger.Ledger) (*Index, error) {
	x := &Index{store: st, ledger: l, tables: map[string]*Table{}}
	if err := x.load(ctx, false); err != nil {
		return x, err
	}
	_, err := x.Update(ctx)
	return x, err
}

// OpenToSave is like Open, but also saves what it has read from now on, so that
// opening the index again takes less time. If the store cannot be written, it is Open.
func OpenToSave(ctx context.Context, st store.Store, l *ledger.Ledger) (*Index, error) {
	x := &Index{store: st, ledger: l, tables: map[string]*Table{}}
	if err := x.load(ctx, true); err != nil {
		return x, err
	}
	x.current = &segment{from: x.through}
	_, err := x.Update(ctx)
	return x, err
}

// Update reads the batches that have become stable since, and reports whether
// there were any.
func (x *Index) Update(ctx context.Context) (bool, error) {
	before := x.through
	defer func() {
		for _, t := range x.tables {
			t.settle()
		}
	}()
	for b, err := range x.ledger.Follow(ctx, x.through+1) {
		if err == nil {
			err = x.add(b)
		}
		if err == nil && x.through%segmentBatches == 0 {
			err = x.endSegment(ctx)
		}
		if err != nil {
			return x.through > before, err
		}
	}
	return x.through > before, nil
}

// Through returns the last batch that was read.
func (x *Index) Through() int64 { return x.through }

// Tables returns the names of the tables, sorted.
func (x *Index) Tables() []string { return slices.Sorted(maps.Keys(x.tables)) }

// Table returns a table, or nil if there is none of that name. It is valid until
// the next Update.
func (x *Index) Table(name string) *Table { return x.tables[name] }

// Pending returns the replaced files that may still exist.
func (x *Index) Pending() []Pending { return x.pending }

// Unusable returns an error for each segment of the saved index that is damaged or
// cannot be read. The index is complete nevertheless: the ledger was read instead.
func (x *Index) Unusable() []error { return x.unusable }

// RowsBefore returns the number of rows of a table in the batches before the first
// one whose commit was created at or after t.
func (x *Index) RowsBefore(ctx context.Context, table string, t time.Time) (rows int64, err error) {
	from := int64(1)
	i := sort.Search(len(x.points), func(i int) bool { return !x.points[i].newest.Before(t) })
	if i > 0 { // no commit through that point was created at t or later
		from = x.points[i-1].batch + 1
		for _, r := range x.points[i-1].rows {
			if r.table == table {
				rows = r.rows
			}
		}
	}
	for b, err := range x.ledger.Follow(ctx, from) {
		if err != nil {
			return 0, err
		}
		if b.Number > x.through || !b.Commit.Created.Before(t) {
			break
		}
		for f := range filesOf(b.Commit) {
			if f.Table == table && !moves(b.Commit) {
				rows += f.Rows
			}
		}
	}
	return rows, nil
}

// moves reports whether a commit moves rows that it does not add.
func moves(c *ledger.Commit) bool {
	replay, _ := layout.ReplayOf(c)
	return c.Replaces != nil && replay == nil
}

// filesOf yields the committed files of a batch.
func filesOf(c *ledger.Commit) func(yield func(ledger.File) bool) {
	return func(yield func(ledger.File) bool) {
		for _, r := range []ledger.Receipt{c.Rows, c.Rejects} {
			for f := range r.All() {
				if !yield(f) {
					return
				}
			}
		}
	}
}

// add adds a batch.
func (x *Index) add(b ledger.Batch) error {
	c := b.Commit
	replaced, replay, err := layout.ReplacedBy(c)
	if err != nil {
		return err
	}
	var moved map[string][]Run // by table and directory
	if replaced != nil {
		var due time.Time
		if c.Replaces != nil {
			due = c.Replaces.Due
		}
		if moved, err = x.remove(c, replaced, due); err != nil {
			return err
		}
		if c.Replaces != nil && c.Replaces.Cleared > 0 {
			x.pending = slices.DeleteFunc(x.pending, func(p Pending) bool { return p.Batch <= c.Replaces.Cleared })
			if x.current != nil {
				x.current.clear(c.Replaces.Cleared)
			}
		}
	}
	for f := range filesOf(c) {
		t := x.table(f.Table)
		n := File{File: f, Dir: dirOf(f), Batch: c.Batch, Created: c.Created}
		if replaced != nil && replay == nil {
			n.Compacted = true
			if n.Runs, moved[path.Dir(f.Path)] = Cut(moved[path.Dir(f.Path)], f.Rows); rowsOf(n.Runs) != f.Rows {
				return fmt.Errorf("archive: batch %d has more rows in %s than it replaces: run the audit", c.Batch, path.Dir(f.Path))
			}
		} else {
			n.Runs = []Run{{t.Rows, f.Rows}}
			t.Rows += f.Rows
		}
		n.StagedPath = ""
		n.packStats()
		t.added = append(t.added, n)
		if x.current != nil {
			x.current.add(n)
		}
	}
	if replaced != nil && replay == nil {
		for _, dir := range slices.Sorted(maps.Keys(moved)) {
			runs := moved[dir]
			switch {
			case len(runs) == 0:
			case c.Replaces == nil || !c.Replaces.Pruned:
				return fmt.Errorf("archive: batch %d has fewer rows in %s than it replaces: run the audit", c.Batch, dir)
			default:
				x.prune(dir, runs)
			}
		}
	}
	x.through = b.Number
	if c.Created.After(x.newest) {
		x.newest = c.Created
	}
	return nil
}

// table returns the table of a name, which it makes if there is none.
func (x *Index) table(name string) *Table {
	t := x.tables[name]
	if t == nil {
		t = &Table{Name: name}
		x.tables[name] = t
	}
	return t
}

// remove removes the files that a commit replaces, and returns the numbers of
// their rows by directory.
func (x *Index) remove(c *ledger.Commit, files []ledger.ReplacedFile, due time.Time) (map[string][]Run, error) {
	moved := map[string][]Run{}
	names := make(map[string]bool, len(files))
	for _, f := range files {
		names[f.Name] = true
		moved[path.Dir(f.Name)] = nil
	}
	found := 0
	for _, dir := range slices.Sorted(maps.Keys(moved)) {
		t := x.tableOf(dir)
		if t == nil {
			continue
		}
		t.settle()
		from, to := t.dir(strings.TrimPrefix(dir, t.Name+"/"))
		kept := t.Files[from:from]
		for _, f := range t.Files[from:to] {
			if names[f.Path] {
				moved[dir] = append(moved[dir], f.Runs...)
				found++
				p := Pending{ledger.ReplacedFile{Name: f.Path, Rows: f.Rows, Bytes: f.Bytes}, f.Batch, c.Batch, due}
				if moves(c) { // the publication of a replay deletes them
					x.pending = append(x.pending, p)
				}
				if x.current != nil {
					x.current.remove(f.Path)
					if moves(c) {
						x.current.pending = append(x.current.pending, p)
					}
				}
			} else {
				kept = append(kept, f)
			}
		}
		t.Files = slices.Delete(t.Files, from+len(kept), to)
		moved[dir] = merge(moved[dir])
	}
	if found != len(names) {
		return nil, fmt.Errorf("archive: batch %d replaces %d files that are not live: run the audit", c.Batch, len(names)-found)
	}
	return moved, nil
}

// tableOf returns the table that a directory belongs to, or nil.
func (x *Index) tableOf(dir string) (table *Table) {
	for name, t := range x.tables {
		if strings.HasPrefix(dir, name+"/") && (table == nil || len(name) > len(table.Name)) {
			table = t
		}
	}
	return table
}

// prune records that rows of a directory were pruned.
func (x *Index) prune(dir string, runs []Run) {
	t := x.tableOf(dir)
	dir = strings.TrimPrefix(dir, t.Name+"/")
	if x.current != nil {
		x.current.gaps = append(x.current.gaps, gap{t.Name, dir, runs})
	}
	t.prune(dir, runs)
}

// dirOf returns the directory of a file below that of its table.
func dirOf(f ledger.File) string { return strings.TrimPrefix(path.Dir(f.Path), f.Table+"/") }

// rowsNow returns the rows of the tables, sorted by table.
func (x *Index) rowsNow() (out []rowCount) {
	for _, name := range slices.Sorted(maps.Keys(x.tables)) {
		out = append(out, rowCount{name, x.tables[name].Rows})
	}
	return out
}
