package stream

import (
	"context"
	"slices"
	"time"
)

const (
	// takeover is how long a batch of another process may show no sign of life
	// until it is taken for left behind. It need not be: both then do the same
	// work.
	takeover = 5 * time.Second
	// glance is how often the ledger is read while batches of others are under
	// way.
	glance = 500 * time.Millisecond
	// peek is how often it is read while there are others who may plan some, and
	// how often the source is asked whose the batches under way are.
	peek = time.Second
)

// mine reports whether this process is to finish a batch: its own ones, what it
// finds when it starts alone, and what others have left behind or given up. A batch whose
// first partition another process has is that one's.
func (e *engine) mine(batch int64, x *entry) bool {
	if e.planned(x.plan) || x.staged != nil || x.published {
		return true
	}
	switch s := e.signs[batch]; {
	case s == nil:
		return false // not listened to yet
	case x.commit == absent && len(x.plan.Ranges) > 0 && e.others[x.plan.Ranges[0].Partition]:
		return false
	case e.alone, s.ended, x.commit == present && e.begun.IsZero() && len(e.others) == 0:
		return true
	default:
		return time.Since(s.at) >= takeover
	}
}

// foreign reports whether a batch is undecided that is not this process's by
// itself: whose it is now is for the source to say.
func (e *engine) foreign() bool {
	return slices.ContainsFunc(e.view.tail, func(x entry) bool { return x.commit != present && !e.planned(x.plan) })
}

// planned reports whether a plan is this engine's own.
func (e *engine) planned(p *Plan) bool {
	token, ok := e.own[p.Batch]
	return ok && token == p.Token
}

// finished reports whether a drain is at its end: all that there was is done,
// by whichever process.
func (e *engine) finished() bool {
	for _, x := range e.extents {
		if _, free := e.view.claims.free(x); free && x.AssignedElsewhere {
			return false
		}
	}
	return len(e.view.tail) == 0
}

// discardUnder removes what this engine has staged of batches that a snapshot
// covers: others have decided them.
func (e *engine) discardUnder(ctx context.Context, through int64) {
	for i := range e.view.tail {
		if x := &e.view.tail[i]; x.staged != nil && e.view.number(i) <= through {
			e.discard(ctx, x.staged)
		}
	}
}
