package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// rewriter does what all rewrites of an archive have in common: replays, compactions
// and prunes.
type rewriter struct {
	store  store.Store
	ledger *ledger.Ledger
}

// begin removes what rewrites that died have left, and locks the archive for a
// rewrite, beside others.
func (r rewriter) begin(ctx context.Context) (unlock func() error, err error) {
	if err := r.sweep(ctx); err != nil {
		return nil, err
	}
	return r.lock(ctx, layout.RewriteLock, true)
}

// publish publishes a batch and records that it is done.
func (r rewriter) publish(ctx context.Context, c *ledger.Commit) error {
	if err := layout.Publish(ctx, r.store, r.ledger, c); err != nil {
		return fmt.Errorf("publish batch %d: %w", c.Batch, err)
	}
	return r.ledger.PutDone(ctx, c.Batch)
}

// finishAll is finish for all batches. Those that a snapshot covers are done.
func (r rewriter) finishAll(ctx context.Context) error {
	s, err := r.ledger.Snapshot(ctx, 0)
	if err != nil {
		return err
	}
	from := int64(1)
	if s != nil {
		from = s.Through + 1
	}
	return r.finish(ctx, from, false)
}

// finish publishes the committed batches from the given one on that their writers have
// not published, and decides rewrites whose writers have died. An engine that finds its
// batch published does not count it. So it is given some time for it; if wait is false,
// a batch whose time is not over is left to it.
func (r rewriter) finish(ctx context.Context, from int64, wait bool) error {
	for b, err := range r.ledger.Batches(ctx, from) {
		if err != nil {
			return err
		}
		if b.Commit == nil && b.Plan.IsRewrite() {
			if b.Commit, err = r.ledger.Resolve(ctx, b.Number); err != nil {
				return err
			}
		}
		if b.Commit == nil || b.Done {
			continue
		}
		if !b.Plan.IsRewrite() {
			late, err := r.isLate(ctx, b.Commit, wait)
			if err != nil {
				return err
			}
			if !late {
				continue
			}
		}
		if err := r.publish(ctx, b.Commit); err != nil {
			return err
		}
	}
	return nil
}

// publishTimeout is how long an engine may take to publish a batch. It is a variable for
// tests.
var publishTimeout = 5 * time.Second

// isLate reports whether a batch has not been published in time. If wait is true, it
// waits until that is known.
func (r rewriter) isLate(ctx context.Context, c *ledger.Commit, wait bool) (bool, error) {
	for left := publishTimeout - time.Since(c.Created); left > 0 && wait; left -= publishPoll {
		if err := backoff.Sleep(ctx, publishPoll); err != nil {
			return false, err
		}
		if done, err := r.ledger.Published(ctx, c.Batch); done || err != nil {
			return false, err
		}
	}
	return wait || time.Since(c.Created) >= publishTimeout, nil
}

const publishPoll = 100 * time.Millisecond

// replacing returns the batch after the given one that replaces a file, 0 if there is
// none.
func replacing(ctx context.Context, l *ledger.Ledger, after int64, name string) (int64, error) {
	for b, err := range l.Batches(ctx, after+1) {
		if err != nil {
			return 0, err
		}
		if b.Commit == nil {
			continue
		}
		old, _, err := layout.ReplacedBy(b.Commit)
		if err != nil {
			return 0, err
		}
		if slices.ContainsFunc(old, func(o ledger.ReplacedFile) bool { return o.Name == name }) {
			return b.Number, nil
		}
	}
	return 0, nil
}

// lock locks a name in the store, if the store has locks. It waits for a shared
// lock, because others hold it alone only while they sweep.
func (r rewriter) lock(ctx context.Context, name string, shared bool) (unlock func() error, err error) {
	l, ok := r.store.(store.Locker)
	if !ok {
		return func() error { return nil }, nil
	}
	for failures := 1; ; failures++ {
		unlock, err := l.Lock(name, shared)
		if shared && errors.Is(err, errors.ErrUnsupported) {
			return func() error { return nil }, nil
		}
		if !shared || !errors.Is(err, store.ErrLocked) || failures == maxLockTries {
			return unlock, err
		}
		if err := backoff.Sleep(ctx, backoff.Delay(failures, 10*time.Millisecond, time.Second)); err != nil {
			return nil, err
		}
	}
}

const maxLockTries = 30

// sweep removes what rewrites that died have staged, after it has published what
// they committed. Only locks, which the system releases when a process dies, prove
// that no rewrite is at work.
func (r rewriter) sweep(ctx context.Context) error {
	if _, ok := r.store.(store.Locker); !ok {
		return nil
	}
	id := layout.Staging + "/" + r.ledger.ID()
	for prefix, locks := range map[string][]string{
		id + layout.RewriteMark: {layout.RewriteLock},
		id + layout.ReplayMark:  {layout.Lock},
		layout.SchemaStaging:    {layout.RewriteLock, layout.Lock},
		layout.Reservations:     {layout.RewriteLock},
	} {
		if err := r.sweepUnder(ctx, prefix, locks); err != nil {
			return err
		}
	}
	return nil
}

// sweepUnder removes what is staged under a prefix while it holds locks alone. If
// another process holds one of them, or the store has none, it removes nothing.
func (r rewriter) sweepUnder(ctx context.Context, prefix string, locks []string) error {
	for _, err := range r.store.List(ctx, prefix) {
		if err != nil {
			return err
		}
		for _, name := range locks {
			unlock, err := r.lock(ctx, name, false)
			if errors.Is(err, store.ErrLocked) || errors.Is(err, errors.ErrUnsupported) {
				return nil
			}
			if err != nil {
				return err
			}
			defer unlock()
		}
		if err := r.finishAll(ctx); err != nil {
			return err
		}
		return layout.DeleteAll(ctx, r.store, prefix)
	}
	return nil
}

// rewriteAge is how many batches after its base a rewrite can be decided. It is a
// variable for tests.
var rewriteAge int64 = 1 << 16

// sweepOld removes what rewrites that died have staged in a store without locks: what
// no batch can name any more, because all that could are published through the given one.
func (r rewriter) sweepOld(ctx context.Context, through int64) error {
	prefix := layout.Staging + "/" + r.ledger.ID() + layout.RewriteMark
	var old []string
	for e, err := range r.store.List(ctx, prefix) {
		if err != nil {
			return err
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(e.Name, prefix), "-")
		base, err := strconv.ParseInt(number, 10, 64)
		if err == nil && base <= through-rewriteAge {
			old = append(old, e.Name)
		}
	}
	for _, name := range old {
		if err := r.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
