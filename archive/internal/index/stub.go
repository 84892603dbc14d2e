package index

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

type Index struct {
	l       *ledger.Ledger
	through int64
	tables  map[string]*Table
	created []batch
}
type batch struct {
	created time.Time
	rows    map[string]int64
}
type Table struct {
	Name   string
	Rows   int64
	Files  []File
	Pruned []Gap
}
type File struct {
	ledger.File
	Dir       string
	Batch     int64
	Created   time.Time
	Compacted bool
	Runs      []Run
}
type Run struct{ First, Rows int64 }
type Gap struct {
	Dir  string
	Runs []Run
}

func Open(ctx context.Context, st store.Store, l *ledger.Ledger) (*Index, error) {
	x := &Index{l: l, tables: map[string]*Table{}}
	_, err := x.Update(ctx)
	return x, err
}
func (x *Index) Through() int64         { return x.through }
func (x *Index) Tables() []string       { return slices.Sorted(maps.Keys(x.tables)) }
func (x *Index) Table(n string) *Table  { return x.tables[n] }
func (x *Index) RowsBefore(ctx context.Context, table string, t time.Time) (int64, error) {
	var n int64
	for _, b := range x.created {
		if !b.created.Before(t) {
			return n, nil
		}
		n = max(n, b.rows[table])
	}
	return n, nil
}
func (x *Index) Update(ctx context.Context) (bool, error) {
	before := x.through
	for b, err := range x.l.Follow(ctx, x.through+1) {
		if err != nil {
			return false, err
		}
		if err := x.add(b.Commit); err != nil {
			return false, err
		}
		x.through = b.Number
	}
	return x.through > before, nil
}
func (x *Index) table(n string) *Table {
	if x.tables[n] == nil {
		x.tables[n] = &Table{Name: n}
	}
	return x.tables[n]
}
func (x *Index) add(c *ledger.Commit) error {
	old, replay, err := layout.ReplacedBy(c)
	if err != nil {
		return err
	}
	moves := len(old) > 0 && replay == nil
	free := map[string]map[string][]Run{}
	for _, o := range old {
		for _, t := range x.tables {
			i := slices.IndexFunc(t.Files, func(f File) bool { return f.Path == o.Name })
			if i < 0 {
				continue
			}
			if moves {
				if free[t.Name] == nil {
					free[t.Name] = map[string][]Run{}
				}
				free[t.Name][t.Files[i].Dir] = append(free[t.Name][t.Files[i].Dir], t.Files[i].Runs...)
			}
			t.Files = slices.Delete(slices.Clone(t.Files), i, i+1)
		}
	}
	for t, dirs := range free {
		for d := range dirs {
			dirs[d] = merge(dirs[d])
			if c.Replaces.Pruned {
				tt := x.tables[t]
				tt.Pruned = append(tt.Pruned, Gap{d, dirs[d]})
			}
		}
	}
	for _, r := range []ledger.Receipt{c.Rows, c.Rejects} {
		for f := range r.All() {
			t := x.table(f.Table)
			dir := strings.TrimPrefix(path.Dir(f.Path), f.Table+"/")
			n := File{File: f, Dir: dir, Batch: c.Batch, Created: c.Created, Compacted: moves}
			if moves {
				n.Runs, free[t.Name][dir] = take(free[t.Name][dir], f.Rows)
			} else {
				n.Runs = []Run{{t.Rows, f.Rows}}
				t.Rows += f.Rows
			}
			t.Files = append(t.Files, n)
		}
	}
	rows := map[string]int64{}
	for n, t := range x.tables {
		rows[n] = t.Rows
		slices.SortFunc(t.Files, func(a, b File) int { return cmp.Or(strings.Compare(a.Dir, b.Dir), cmp.Compare(a.Runs[0].First, b.Runs[0].First)) })
	}
	x.created = append(x.created, batch{c.Created, rows})
	return nil
}
func merge(r []Run) (out []Run) {
	slices.SortFunc(r, func(a, b Run) int { return cmp.Compare(a.First, b.First) })
	for _, v := range r {
		if n := len(out); n > 0 && out[n-1].First+out[n-1].Rows == v.First {
			out[n-1].Rows += v.Rows
		} else {
			out = append(out, v)
		}
	}
	return out
}
func take(r []Run, n int64) (out, rest []Run) {
	for n > 0 && len(r) > 0 {
		k := min(n, r[0].Rows)
		out = append(out, Run{r[0].First, k})
		if n -= k; k == r[0].Rows {
			r = r[1:]
		} else {
			r = append([]Run{{r[0].First + k, r[0].Rows - k}}, r[1:]...)
		}
	}
	return out, r
}
