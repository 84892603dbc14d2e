package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Batch is what the ledger holds of one batch.
type Batch struct {
	Number int64
	Plan   *Plan
	Commit *Commit // nil if undecided
	Done   bool    // published in full; if false, it may still have been
	// Segment is the name of the history segment that holds the batch, or empty
	// if the batch still has its own records.
	Segment string
}

// maxMisses is how often Batches reads history again for a batch that a snapshot
// covers and that has records.
const maxMisses = 3

// Batches yields every batch in the order of their numbers, from the given one
// (the first is 1) to the last that is planned, undecided ones included. It may
// be used while engines are running: each batch is read just before it is
// yielded. For a damaged record it yields a *DamagedError with the intact rest
// of the batch, and continues if the caller does; it ends after any other error.
func (l *Ledger) Batches(ctx context.Context, from int64) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		var damaged *DamagedError
		misses := 0 // how often history did not have batch n although a snapshot covers it
		for n, inHistory := max(from, 1), true; ; {
			if inHistory { // it may be: then its own records are void
				next, err := l.readHistory(ctx, n, func(b Batch) bool { return yield(b, nil) })
				if err == errStopped || err != nil && (!yield(Batch{Number: next - 1}, err) || !errors.As(err, &damaged)) {
					return
				}
				if inHistory = next > n; inHistory {
					n, misses = next, 0
					continue
				}
			}
			b, err := l.batch(ctx, n)
			if err == nil { // meanwhile its records may have moved into history, and void ones been put
				covered, err := l.covered(ctx, n)
				most := maxMisses
				if b.Commit == nil { // it may have moved just now
					most *= 2
				}
				switch {
				case err != nil:
					yield(b, err)
					return
				case covered && misses < most: // its segment may have been merged into another
					inHistory, misses = true, misses+1
					continue
				case covered && b.Commit == nil:
					yield(b, &DamagedError{n, l.path(historyDir), errors.New("a snapshot covers the batch, but no history segment has it")})
					return
				case b.Plan == nil:
					return
				}
			}
			if !yield(b, err) || err != nil && !errors.As(err, &damaged) {
				return
			}
			n, misses = n+1, 0
		}
	}
}

// Follow yields the batches from the given one (the first is 1) to the last
// stable one, in the order of their numbers. A batch is stable if it and all
// batches before it are decided and published: it never changes, although a
// later rewrite may replace its files. To get the batches that have become
// stable since, call Follow again with the next number. It ends after an error.
//
// A batch counts as published if it is recorded as done, or if all of its files
// exist in the ledger's store and its receipts have no Data.
func (l *Ledger) Follow(ctx context.Context, from int64) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for b, err := range l.Batches(ctx, from) {
			if err == nil && !b.Done {
				if b.Commit == nil {
					return
				}
				var visible bool
				if visible, err = l.visible(ctx, b.Commit.Rows, b.Commit.Rejects); err == nil && !visible {
					return
				}
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// visible reports whether all files of the receipts exist under their final
// names. It reports false if the receipts have Data, which it cannot check.
func (l *Ledger) visible(ctx context.Context, receipts ...Receipt) (bool, error) {
	for _, r := range receipts {
		if len(r.Data) > 0 {
			return false, nil
		}
		for _, f := range r.Files {
			if ok, err := l.exists(ctx, f); !ok {
				return false, err
			}
		}
		if ok, err := l.visible(ctx, r.Parts...); !ok {
			return false, err
		}
	}
	return true, nil
}

// exists reports whether a file is in the ledger's store.
func (l *Ledger) exists(ctx context.Context, f File) (bool, error) {
	for e, err := range l.records.List(ctx, f.Path) {
		if err != nil {
			return false, err
		}
		if e.Name == f.Path {
			return e.Size == f.Bytes, nil
		}
	}
	return false, nil
}

// Published reports whether a batch is recorded as done, by its own record or by
// a snapshot. A publisher that finds neither a staged file nor the final one must
// call it before it fails: another process may have published the batch, and a
// rewrite may have replaced its files since.
func (l *Ledger) Published(ctx context.Context, batch int64) (bool, error) {
	done, err := l.Done(ctx, batch)
	if err != nil || done {
		return done, err
	}
	return l.covered(ctx, batch)
}

// batch reads the records of one batch.
func (l *Ledger) batch(ctx context.Context, n int64) (b Batch, err error) {
	b.Number = n
	if err := ctx.Err(); err != nil {
		return b, err
	}
	var damage error // the first that is found
	if b.Plan, err = findIntact[Plan](ctx, l, n, kindPlan, &damage); err != nil || b.Plan == nil && damage == nil {
		return b, err
	}
	if b.Commit, err = findIntact[Commit](ctx, l, n, kindCommit, &damage); err != nil {
		return b, err
	}
	done, err := findIntact[doneRecord](ctx, l, n, kindDone, &damage)
	if err != nil {
		return b, err
	}
	b.Done = done != nil
	if b.Done && b.Commit == nil && damage == nil { // the commit was put between the two reads
		if b.Commit, err = findIntact[Commit](ctx, l, n, kindCommit, &damage); err != nil {
			return b, err
		}
	}
	switch {
	case damage != nil:
	case b.Plan.Batch != n:
		damage = &DamagedError{n, l.PlanPath(n), fmt.Errorf("it is the plan of batch %d", b.Plan.Batch)}
	case b.Commit != nil && b.Commit.Batch != n:
		damage = &DamagedError{n, l.CommitPath(n), fmt.Errorf("it is the commit of batch %d", b.Commit.Batch)}
	}
	return b, damage
}

// findIntact returns a record, or nil if it does not exist or is damaged. If it
// is damaged and *damage is nil, it sets *damage.
func findIntact[T Plan | Commit | doneRecord](ctx context.Context, l *Ledger, n int64, kind recordKind, damage *error) (*T, error) {
	v, err := find[T](ctx, l, n, kind)
	var damaged *DamagedError
	if !errors.As(err, &damaged) {
		return v, err
	}
	if *damage == nil {
		*damage = damaged
	}
	return nil, nil
}
