package archive

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Hour is what an archive has in one directory of one table: an hour or, with the
// clock night, a night.
type Hour struct {
	Table     string    `json:"table"`                 // alerts/ztf, or rejected
	Dir       string    `json:"dir"`                   // below the table, such as 2026/09/18/03
	Rows      int64     `json:"rows"`                  // alerts, or rejected messages
	Files     int64     `json:"files"`                 // live ones
	Compacted int64     `json:"compacted,omitempty"`   // of these, made by a compaction
	Bytes     int64     `json:"bytes"`                 // of the files
	First     time.Time `json:"first,omitzero"`        // the earliest event time
	Last      time.Time `json:"last,omitzero"`         // the latest
	Published time.Time `json:"published,omitzero"`    // the last commit with rows of the directory
	Pruned    int64     `json:"pruned_rows,omitempty"` // rows that were removed
}

// List returns what an archive has, according to its ledger: the archive in st, or in
// the directory dir if st is nil. The result is sorted by directory, then by table. The
// archive may be read-only.
func List(ctx context.Context, st store.Store, dir string) ([]Hour, error) {
	opened, err := layout.Open(ctx, st, dir)
	if err != nil {
		opened, err = layout.OpenReadOnly(ctx, st, dir)
	}
	if st = opened; err != nil {
		return nil, err
	}
	l, err := ledger.Open(ctx, st, layout.Ledger, nil)
	if err != nil {
		return nil, fmt.Errorf("archive: %s: %w", layout.Where(dir), err)
	}
	x, err := index.OpenToSave(ctx, st, l)
	if err != nil {
		return nil, fmt.Errorf("archive: %s: %w", layout.Where(dir), err)
	}
	var hours []Hour
	for _, name := range x.Tables() {
		hours = append(hours, hoursOf(x.Table(name))...)
	}
	slices.SortStableFunc(hours, func(a, b Hour) int { return cmp.Or(cmp.Compare(a.Dir, b.Dir), cmp.Compare(a.Table, b.Table)) })
	return hours, nil
}

// hoursOf returns the hours of a table.
func hoursOf(t *index.Table) (hours []Hour) {
	at := map[string]int{}
	hour := func(dir string) *Hour {
		i, ok := at[dir]
		if !ok {
			i = len(hours)
			at[dir], hours = i, append(hours, Hour{Table: t.Name, Dir: dir})
		}
		return &hours[i]
	}
	for _, f := range t.Files {
		h := hour(f.Dir)
		h.Rows += f.Rows
		h.Files++
		h.Bytes += f.Bytes
		if f.Compacted {
			h.Compacted++
		}
		if !f.First.IsZero() && (h.First.IsZero() || f.First.Before(h.First)) {
			h.First = f.First
		}
		if f.Last.After(h.Last) {
			h.Last = f.Last
		}
		if f.Created.After(h.Published) {
			h.Published = f.Created
		}
	}
	for _, g := range t.Pruned {
		h := hour(g.Dir)
		for _, r := range g.Runs {
			h.Pruned += r.Rows
		}
	}
	return hours
}
