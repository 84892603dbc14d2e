package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/internal/token"
)

// A rewrite replaces files of earlier batches by others with the same rows, for
// example many small files by a large one. It is a batch without ranges, claimed
// and decided by Rewrite.

const (
	// claimTimeout is how long a batch without ranges may be undecided before
	// others decide it as empty. Its writer decides it right after claiming it.
	claimTimeout = 5 * time.Second

	claimPollInterval = 200 * time.Millisecond
)

// maxRewriteAge is the greatest distance from the last batch that a rewrite has
// read to the batch that it decides. Once that many batches after the former have
// been decided, no commit will name what the rewrite has staged. Tests set it.
var maxRewriteAge int64 = 1 << 16

// featureReplaces is needed to read the commit of a rewrite.
const featureReplaces = "replaces"

// IsRewrite reports whether the plan is that of a rewrite: it claims no ranges
// and names no partitions.
func (p *Plan) IsRewrite() bool { return len(p.Ranges) == 0 && len(p.Starts) == 0 }

// check returns an error if a rewrite through Base cannot be the given batch. r
// may be nil.
func (r *Replacement) check(batch int64) error {
	if r != nil && (r.Base < 0 || r.Base >= batch || batch > r.Base+maxRewriteAge) {
		return fmt.Errorf("batch %d cannot replace files of the batches through %d", batch, r.Base)
	}
	return nil
}

// rewriteData is the Data of the rejects' receipt of a rewrite that has no other.
// The first release does not know Commit.Replaces and drops it when it moves a
// commit into history, but it keeps Data and ignores this one.
type rewriteData struct {
	Rewrite *Replacement `json:"rewrite"`
}

// encode returns the content of a record.
func encode[T Plan | Commit | doneRecord](v *T) ([]byte, error) {
	var record any = v
	if c, ok := record.(*Commit); ok && c.Replaces != nil && len(c.Rejects.Data) == 0 {
		data, err := json.Marshal(rewriteData{c.Replaces})
		if err != nil {
			return nil, err
		}
		both := *c
		both.Rejects.Data = data
		record = &both
	}
	data, err := json.Marshal(record)
	return append(data, '\n'), err
}

// restoreReplaces is the inverse of what encode does to a commit.
func (c *Commit) restoreReplaces() {
	var data rewriteData
	if len(c.Rejects.Data) == 0 || json.Unmarshal(c.Rejects.Data, &data) != nil || data.Rewrite == nil {
		return
	}
	c.Rejects.Data = nil
	if c.Replaces == nil {
		c.Replaces = data.Rewrite
	}
}

// Rewrite claims the next free batch and decides it with c, whose files hold the
// rows of the files in c.Replaces. It sets c.Batch, c.Token, c.Created and
// c.Needs. The caller must have read all batches through c.Replaces.Base and
// found all rewrites among them decided; see Resolve.
//
// Rewrite reads the batches after the base. If one of them has replaced one of
// the files, it returns a *ReplacedError. If check is not nil, Rewrite calls it
// with each of them, and returns its error. In these two cases no commit will
// ever name the files of c; after any other error, one may. If Rewrite returns
// nil, the caller must publish the batch.
func (l *Ledger) Rewrite(ctx context.Context, c *Commit, check func(Batch) error) error {
	replaced := map[string]bool{}
	for _, f := range c.Replaces.Files {
		replaced[f.Name] = true
	}
	c.Needs = []string{featureReplaces}
	read := c.Replaces.Base
	for {
		for b, err := range l.Batches(ctx, read+1) {
			if err == nil {
				err = l.checkReplaced(ctx, &b, replaced)
			}
			if err == nil && check != nil {
				err = check(b)
			}
			if err != nil {
				return err
			}
			read = b.Number
		}
		if err := c.Replaces.check(read + 1); err != nil {
			return err
		}
		mine, err := l.claim(ctx, read+1)
		if err != nil {
			return err
		}
		if !mine {
			continue
		}
		c.Batch, c.Token, c.Created = read+1, "", time.Time{}
		if mine, err = l.decide(ctx, c); mine || err != nil {
			return err
		}
	}
}

// checkReplaced returns a *ReplacedError if a batch replaces one of the files. If
// the batch is an undecided rewrite, it is decided first.
func (l *Ledger) checkReplaced(ctx context.Context, b *Batch, files map[string]bool) (err error) {
	if b.Commit == nil && b.Plan.IsRewrite() {
		if b.Commit, err = l.Resolve(ctx, b.Number); err != nil {
			return err
		}
	}
	if b.Commit == nil || b.Commit.Replaces == nil {
		return nil
	}
	for _, f := range b.Commit.Replaces.Files {
		if files[f.Name] {
			return &ReplacedError{File: f.Name, Batch: b.Number}
		}
	}
	return nil
}

// Resolve returns the commit of a batch without ranges. If its writer does not
// decide the batch within five seconds, Resolve decides it as empty.
func (l *Ledger) Resolve(ctx context.Context, batch int64) (*Commit, error) {
	for begun := time.Now(); ; {
		for b, err := range l.Batches(ctx, batch) { // it may have moved into history
			if err != nil || b.Commit != nil {
				return b.Commit, err
			}
			break
		}
		if time.Since(begun) < claimTimeout {
			if err := backoff.Sleep(ctx, claimPollInterval); err != nil {
				return nil, err
			}
			continue
		}
		c := &Commit{Batch: batch}
		if mine, err := l.decide(ctx, c); mine || err != nil {
			return c, err
		}
	}
}

// claim puts a plan without ranges as batch n, and reports whether the number was
// free. The caller must have read all batches before n with Batches, and should
// decide the batch at once: others decide it as empty after claimTimeout.
func (l *Ledger) claim(ctx context.Context, n int64) (bool, error) {
	p := &Plan{Batch: n, Token: token.New(), Created: time.Now().UTC()}
	winner, err := l.PutPlan(ctx, p)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || err == nil && winner.Token != p.Token {
		return false, err
	}
	covered, coveredErr := l.covered(ctx, n)
	if covered { // another plan may have won, and have moved into history just now
		return false, nil
	}
	err = cmp.Or(err, coveredErr)
	return err == nil, err
}

// decide puts the commit of a batch whose plan has no ranges, and reports whether
// it has decided the batch. If c.Token is empty, decide sets it to a new token;
// if c.Created is zero, to the current time.
func (l *Ledger) decide(ctx context.Context, c *Commit) (bool, error) {
	if c.Token == "" {
		c.Token = token.New()
	}
	if c.Created.IsZero() {
		c.Created = time.Now().UTC()
	}
	winner, err := l.PutCommit(ctx, c)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || err == nil && winner.Token != c.Token {
		return false, err
	}
	moved := err != nil // another commit won, and has moved into history just now
	covered, coveredErr := l.covered(ctx, c.Batch)
	if !covered {
		err = cmp.Or(err, coveredErr)
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
	return !moved, nil
}
