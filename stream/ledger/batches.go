package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/skyfinch/skyfinch/internal/token"
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

// Batches yields every batch in the order of their numbers, from the first to
// the last that is planned, undecided ones included. It may be used while
// engines are running: each batch is read just before it is yielded. For a
// damaged record it yields a *DamagedError with the intact rest of the batch,
// and continues if the caller does; it ends after any other error.
func (l *Ledger) Batches(ctx context.Context) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		var damaged *DamagedError
		misses := 0 // how often history did not have batch n although a snapshot covers it
		for n, inHistory := int64(1), true; ; {
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
				switch {
				case err != nil:
					yield(b, err)
					return
				case covered && misses < 3: // its segment may have been merged into another
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

// Claim puts a plan without ranges as batch n, for work that takes no offsets,
// such as a rewrite of files that earlier batches committed. It reports whether
// the number was free. The caller must have read all batches before n with
// Batches, and should decide the batch at once: an engine that finds it
// undecided for some seconds decides it as empty.
func (l *Ledger) Claim(ctx context.Context, n int64) (bool, error) {
	p := &Plan{Batch: n, Token: token.New(), Created: time.Now().UTC()}
	winner, err := l.PutPlan(ctx, p)
	if err != nil || winner.Token != p.Token {
		return false, err
	}
	covered, err := l.covered(ctx, n)
	return err == nil && !covered, err
}

// Decide puts the commit of a batch whose plan has no ranges. It reports false
// if another commit has decided the batch. If c.Token is empty, Decide sets it
// to a new token; if c.Created is zero, to the current time.
func (l *Ledger) Decide(ctx context.Context, c *Commit) (bool, error) {
	if c.Token == "" {
		c.Token = token.New()
	}
	if c.Created.IsZero() {
		c.Created = time.Now().UTC()
	}
	winner, err := l.PutCommit(ctx, c)
	if err != nil || winner.Token != c.Token {
		return false, err
	}
	covered, err := l.covered(ctx, c.Batch)
	if err != nil || !covered {
		return err == nil, err
	}
	// The record may be void. If there was another one, history has it.
	for range 2 { // segments that are being merged may be missed once
		token := c.Token
		_, err = l.readHistory(ctx, c.Batch, func(b Batch) bool {
			token = b.Commit.Token
			return false
		})
		switch {
		case token != c.Token:
			return false, nil
		case err != nil && err != errStopped:
			return false, err
		}
	}
	return true, nil
}
