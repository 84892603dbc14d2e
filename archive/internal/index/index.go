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
	"cmp"
	"context"
	"encoding/json"
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
	store   store.Store
	ledger  *ledger.Ledger
	through int64
	newest  time.Time // the latest creation of a commit
	tables  map[string]*Table
	pending []Pending
	points  []point  // in ascending order
	current *segment // since the last segment; nil if the index is only read
}

// Table is the state of one table.
type Table struct {
	Name string
	Rows int64 // the numbers of its rows are below it
	// Files are the live files, sorted by directory and first row number.
	Files  []File
	Pruned []Gap // sorted by directory
}

// File is a live file.
type File struct {
	ledger.File
	Dir       string    // below the table's directory, such as 2026/09/18/03
	Batch     int64     // that committed it
	Created   time.Time // of the commit
	Compacted bool      // a rewrite has moved its rows there
	// Runs are the numbers of its rows, ascending and not touching.
	Runs []Run

	stats []byte // Stats as JSON, if it is nil
}

// Stat returns the least and the greatest value of a column as in ledger.File.Stats,
// which may be nil in a File of an index.
func (f *File) Stat(column string) (bounds [2]json.RawMessage, ok bool) {
	stats := f.Stats
	if stats == nil && len(f.stats) > 0 && json.Unmarshal(f.stats, &stats) != nil {
		return bounds, false
	}
	bounds, ok = stats[column]
	return bounds, ok
}

// encodedStats returns Stats as JSON, or nil if there are none.
func (f *File) encodedStats() []byte {
	if f.Stats == nil {
		return f.stats
	}
	text, _ := json.Marshal(f.Stats) // it was parsed from JSON
	return text
}

// Run is a run of row numbers.
type Run struct {
	First, Rows int64
}

// RunsKey is the key in the metadata of a compacted file whose value holds the numbers
// of its rows; see EncodeRuns.
const RunsKey = "skyfinch.rows"

// EncodeRuns returns runs as JSON: an array of the first number and the length of each.
func EncodeRuns(runs []Run) string {
	var numbers [][2]int64
	for _, r := range merge(slices.Clone(runs)) {
		numbers = append(numbers, [2]int64{r.First, r.Rows})
	}
	text, _ := json.Marshal(numbers) // it cannot fail
	return string(text)
}

// Gap is the rows of a directory that were pruned.
type Gap struct {
	Dir  string
	Runs []Run
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
	if err := x.load(ctx); err != nil {
		return x, err
	}
	_, err := x.Update(ctx)
	return x, err
}

// OpenToSave is like Open, but also saves what it has read from now on, so that
// opening the index again takes less time.
func OpenToSave(ctx context.Context, st store.Store, l *ledger.Ledger) (*Index, error) {
	x := &Index{store: st, ledger: l, tables: map[string]*Table{}}
	if err := x.load(ctx); err != nil {
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
		at, _ := slices.BinarySearchFunc(t.Files, n, compareFiles)
		t.Files = slices.Insert(t.Files, at, n)
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

// prune adds to the gaps of a table.
func (t *Table) prune(dir string, runs []Run) {
	at, found := slices.BinarySearchFunc(t.Pruned, dir, func(g Gap, dir string) int { return cmp.Compare(g.Dir, dir) })
	if !found {
		t.Pruned = slices.Insert(t.Pruned, at, Gap{Dir: dir})
	}
	t.Pruned[at].Runs = merge(append(t.Pruned[at].Runs, runs...))
}

// dir returns the positions of the files of a directory.
func (t *Table) dir(dir string) (from, to int) {
	from, _ = slices.BinarySearchFunc(t.Files, dir, func(f File, dir string) int { return cmp.Compare(f.Dir, dir) })
	for to = from; to < len(t.Files) && t.Files[to].Dir == dir; to++ {
	}
	return from, to
}

// Dir returns the files of a directory, sorted by first row number.
func (t *Table) Dir(dir string) []File {
	from, to := t.dir(dir)
	return slices.Clone(t.Files[from:to])
}

// dirOf returns the directory of a file below that of its table.
func dirOf(f ledger.File) string { return strings.TrimPrefix(path.Dir(f.Path), f.Table+"/") }

func compareFiles(a, b File) int {
	return cmp.Or(cmp.Compare(a.Dir, b.Dir), cmp.Compare(first(a), first(b)), cmp.Compare(a.Path, b.Path))
}

func first(f File) int64 {
	if len(f.Runs) == 0 {
		return 0
	}
	return f.Runs[0].First
}

// merge sorts runs and joins those that touch.
func merge(runs []Run) []Run {
	slices.SortFunc(runs, func(a, b Run) int { return cmp.Compare(a.First, b.First) })
	out := runs[:0]
	for _, r := range runs {
		if n := len(out); n > 0 && out[n-1].First+out[n-1].Rows == r.First {
			out[n-1].Rows += r.Rows
		} else if r.Rows > 0 {
			out = append(out, r)
		}
	}
	return out
}

// Cut divides runs after n rows, or at their end if they have fewer.
func Cut(runs []Run, n int64) (head, tail []Run) {
	for i, r := range runs {
		if n < r.Rows {
			if n > 0 {
				head = append(head, Run{r.First, n})
			}
			return head, append([]Run{{r.First + n, r.Rows - n}}, runs[i+1:]...)
		}
		head, n = append(head, r), n-r.Rows
	}
	return head, nil
}

// rowsOf returns the number of rows of runs.
func rowsOf(runs []Run) (n int64) {
	for _, r := range runs {
		n += r.Rows
	}
	return n
}
