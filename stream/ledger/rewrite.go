package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/internal/token"
)

// A rewrite replaces files of earlier batches by others with the same rows, for
// example many small files by a large one. It is a batch without ranges, claimed
// and decided by Rewrite.

const (
	// MaxRewriteAge is the greatest distance from the last batch that a rewrite
	// has read to its own. So once that many batches have been decided after
	// the former, no commit will name what it has staged.
	MaxRewriteAge = 1 << 16

	// ClaimTimeout is how long a batch without ranges may be undecided before
	// others decide it as empty. Its writer decides it right after claiming it.
	ClaimTimeout = 5 * time.Second

	claimPollInterval = 200 * time.Millisecond
)

// maxRewriteAge is MaxRewriteAge, but for tests.
var maxRewriteAge int64 = MaxRewriteAge

// featureReplaces is needed to read the commit of a rewrite.
const featureReplaces = "replaces"

// IsRewrite reports whether the plan is that of a rewrite: it claims no ranges
// and names no partitions.
func (p *Plan) IsRewrite() bool { return len(p.Ranges) == 0 && len(p.Starts) == 0 }

// check returns an error if the numbers of a rewrite are impossible.
func (r *Replaces) check(batch int64) error {
	if r != nil && (r.Base < 0 || r.Base >= batch || batch > r.Base+maxRewriteAge) {
		return fmt.Errorf("batch %d cannot replace files of the batches through %d", batch, r.Base)
	}
	return nil
}

// Rewrite claims the next free batch and decides it with c, whose files hold the
// rows of those that c.Replaces names. It sets c.Batch, c.Token, c.Created and
// c.Needs. c.Replaces.Base must be the last batch up to which the caller has
// read all batches and found the rewrites among them decided; see Resolve.
//
// Rewrite reads the batches after the base. If one of them has replaced one of
// the files, it returns a *ReplacedError. If check is not nil, it is called
// with each of them, and an error that it returns ends Rewrite. In these two
// cases c has not decided a batch and never will; after any other error, it may
// have. Once Rewrite returns nil, the caller must publish the batch.
func (l *Ledger) Rewrite(ctx context.Context, c *Commit, check func(Batch) error) error {
	replaced := map[string]bool{}
	for _, f := range c.Replaces.Files {
		replaced[f.Name] = true
	}
	c.Needs = []string{featureReplaces}
	read := c.Replaces.Base
	for {
		for b, err := range l.Batches(ctx, read+1) {
			if err != nil {
				return err
			}
			if b.Commit == nil && b.Plan.IsRewrite() {
				if b.Commit, err = l.Resolve(ctx, b.Number); err != nil {
					return err
				}
			}
			if b.Commit != nil && b.Commit.Replaces != nil {
				for _, f := range b.Commit.Replaces.Files {
					if replaced[f.Name] {
						return &ReplacedError{File: f.Name, Batch: b.Number}
					}
				}
			}
			if check != nil {
				if err := check(b); err != nil {
					return err
				}
			}
			read = b.Number
		}
		if err := c.Replaces.check(read + 1); err != nil {
			return err
		}
		mine, err := l.Claim(ctx, read+1)
		if err != nil {
			return err
		}
		if !mine {
			continue
		}
		c.Batch, c.Token, c.Created = read+1, "", time.Time{}
		if mine, err = l.Decide(ctx, c); mine || err != nil {
			return err
		}
	}
}

// Resolve returns the commit of a batch without ranges. If its writer does not
// decide it within ClaimTimeout, Resolve decides it as empty.
func (l *Ledger) Resolve(ctx context.Context, batch int64) (*Commit, error) {
	for begun := time.Now(); ; {
		for b, err := range l.Batches(ctx, batch) { // it may have moved into history
			if err != nil || b.Commit != nil {
				return b.Commit, err
			}
			break
		}
		if time.Since(begun) < ClaimTimeout {
			if err := backoff.Sleep(ctx, claimPollInterval); err != nil {
				return nil, err
			}
			continue
		}
		c := &Commit{Batch: batch}
		if mine, err := l.Decide(ctx, c); mine || err != nil {
			return c, err
		}
	}
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
