package stream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"time"
)

// BatchRecord is what the ledger holds of one batch.
type BatchRecord struct {
	Batch  int64
	Plan   *Plan
	Commit *Commit // nil: undecided
	Done   bool    // it has been published in full; where it is false, it may have been
	// Segment is the name of the history segment that has the batch; empty: it
	// has records of its own.
	Segment string
}

// DamagedError says that a record of a ledger cannot be what was once put
// there.
type DamagedError struct {
	Batch int64
	Name  string // of the record
	Err   error
}

// Error names the record.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("stream: ledger record %s is damaged: %v", e.Name, e.Err)
}

// Unwrap returns what is wrong with it.
func (e *DamagedError) Unwrap() error { return e.Err }

// Batches yields every batch in the order of their numbers, from the first to
// the last whose plan stands, undecided ones too: those of history first, and
// then those that have records of their own. Beside engines at work it follows
// them: a batch is yielded as it is when its turn comes. A damaged record is a
// *DamagedError beside what is whole of its batch, and the iteration goes on if
// the caller does; after any other error it ends.
func (l *Ledger) Batches(ctx context.Context) iter.Seq2[BatchRecord, error] {
	return func(yield func(BatchRecord, error) bool) {
		var damaged *DamagedError
		missed := 0
		for n, behind := int64(1), true; ; {
			if behind { // of history, perhaps: a record there is void, if it stands at all
				next, err := l.past(ctx, n, func(b BatchRecord) bool { return yield(b, nil) })
				if err == errStopped || err != nil && (!yield(BatchRecord{Batch: next - 1}, err) || !errors.As(err, &damaged)) {
					return
				}
				behind, n = next > n, next
				if behind {
					missed = 0
					continue
				}
			}
			rec, err := l.batch(ctx, n)
			if err == nil { // its records may have been moved into history meanwhile, and others have landed since
				covered, err := l.covered(ctx, n)
				if err != nil {
					yield(rec, err)
					return
				}
				if behind = covered && missed < 3; behind { // a segment may be about to be joined to others
					missed++
					continue
				}
				if covered && rec.Commit == nil {
					yield(rec, &DamagedError{n, path.Join(l.dir, historyDir), errors.New("a snapshot covers the batch, and no segment has it")})
					return
				}
				if rec.Plan == nil {
					return
				}
			}
			if !yield(rec, err) || err != nil && !errors.As(err, &damaged) {
				return
			}
			n, missed = n+1, 0
		}
	}
}

// covered reports whether a batch is under a snapshot.
func (l *Ledger) covered(ctx context.Context, n int64) (bool, error) {
	through, err := l.snapshots(ctx)
	return len(through) > 0 && through[len(through)-1] >= n, err
}

// batch reads the records of one batch.
func (l *Ledger) batch(ctx context.Context, n int64) (rec BatchRecord, err error) {
	rec.Batch = n
	if err := ctx.Err(); err != nil {
		return rec, err
	}
	var wrong error // the first damage
	if rec.Plan, err = note[Plan](ctx, l, n, kindPlan, &wrong); err != nil || rec.Plan == nil && wrong == nil {
		return rec, err
	}
	if rec.Commit, err = note[Commit](ctx, l, n, kindCommit, &wrong); err != nil {
		return rec, err
	}
	done, err := note[Done](ctx, l, n, kindDone, &wrong)
	if err != nil {
		return rec, err
	}
	rec.Done = done != nil
	if rec.Done && rec.Commit == nil && wrong == nil { // it came between the two reads
		if rec.Commit, err = note[Commit](ctx, l, n, kindCommit, &wrong); err != nil {
			return rec, err
		}
	}
	switch {
	case wrong != nil:
	case rec.Plan.Batch != n:
		wrong = &DamagedError{n, l.recordPath(n, kindPlan), fmt.Errorf("it is the plan of batch %d", rec.Plan.Batch)}
	case rec.Commit != nil && rec.Commit.Batch != n:
		wrong = &DamagedError{n, l.recordPath(n, kindCommit), fmt.Errorf("it is the commit of batch %d", rec.Commit.Batch)}
	}
	return rec, wrong
}

// note reads a record; nil if there is none, or if it is damaged, which it
// notes in wrong.
func note[T Plan | Commit | Done](ctx context.Context, l *Ledger, n int64, kind recordKind, wrong *error) (*T, error) {
	v, err := read[T](ctx, l, n, kind)
	var damaged *DamagedError
	if !errors.As(err, &damaged) {
		return v, err
	}
	if *wrong == nil {
		*wrong = damaged
	}
	return nil, nil
}

func (l *Ledger) recordPath(n int64, kind recordKind) string {
	return path.Join(l.dir, recordName(n, kind))
}

// Claim puts a plan without ranges as batch n, for work that takes no offsets:
// a rewrite of files that earlier batches committed. It reports false if the
// number is taken. n must be one more than the last batch that Batches
// yielded, just now. The plan should be decided at once: to an engine it is a
// batch of nothing, which it decides as such when it stands for long.
func (l *Ledger) Claim(ctx context.Context, n int64) (bool, error) {
	p := &Plan{Batch: n, Token: newToken(), Created: time.Now().UTC()}
	stands, err := put(ctx, l, n, kindPlan, p)
	if err != nil || stands.Token != p.Token {
		return false, err
	}
	covered, err := l.covered(ctx, n)
	return err == nil && !covered, err
}

// Decide puts the commit of a batch whose plan has no ranges, and reports
// whether it stands; false says that another one does. The batch is c.Batch;
// an empty Token gets a new one.
func (l *Ledger) Decide(ctx context.Context, c *Commit) (bool, error) {
	if c.Token == "" {
		c.Token = newToken()
	}
	if c.Created.IsZero() {
		c.Created = time.Now().UTC()
	}
	stands, err := put(ctx, l, c.Batch, kindCommit, c)
	if err != nil || stands.Token != c.Token {
		return false, err
	}
	covered, err := l.covered(ctx, c.Batch)
	if err != nil || !covered {
		return err == nil, err
	}
	// What was put may be void: the record that stood there may have been
	// removed. If it was, history has it.
	for range 2 { // segments that are joined meanwhile may be missed once
		token := c.Token
		_, err = l.past(ctx, c.Batch, func(b BatchRecord) bool {
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

// Finish records that a committed batch has been published in full.
func (l *Ledger) Finish(ctx context.Context, batch int64) error {
	_, err := put(ctx, l, batch, kindDone, &Done{Batch: batch, Created: time.Now().UTC()})
	return err
}
