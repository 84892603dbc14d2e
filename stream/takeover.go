package stream

import (
	"context"
	"slices"
	"time"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

const (
	// takeoverAfter is how long a batch of another process may show no
	// heartbeat until it counts as abandoned. If it is not, both processes do
	// the same work.
	takeoverAfter = 5 * time.Second
	// pollInterval is how often the ledger is read while batches of others are
	// under way.
	pollInterval = 500 * time.Millisecond
	// peerPollInterval is how often the ledger is read while there are others
	// who may plan a batch, and how often the source is asked which process the
	// partitions of the batches under way are assigned to.
	peerPollInterval = time.Second
)

// mayFinish reports whether this process is to finish a batch: its own, those
// it finds when it starts alone, and those that others have abandoned or given
// up. A batch whose first partition is assigned to another process is left to
// that one.
func (e *engine) mayFinish(batch int64, x *protocol.Entry) bool {
	if e.isOwnPlan(x.Plan) || x.Staged != nil || x.Published {
		return true
	}
	undecided := x.Commit == nil
	switch p := e.peers[batch]; {
	case p == nil:
		return false // not polled yet
	case undecided && len(x.Plan.Ranges) > 0 && e.others[x.Plan.Ranges[0].Partition]:
		return false
	case e.alone, p.Ended, !undecided && e.plannedAt.IsZero() && len(e.others) == 0:
		return true
	default:
		return time.Since(p.progressAt) >= takeoverAfter
	}
}

// hasForeignBatch reports whether a batch that this engine did not plan is
// undecided: the source then says which process it is assigned to.
func (e *engine) hasForeignBatch() bool {
	return slices.ContainsFunc(e.state.Tail, func(x protocol.Entry) bool { return x.Undecided() && !e.isOwnPlan(x.Plan) })
}

func (e *engine) isOwnPlan(p *ledger.Plan) bool {
	token, ok := e.ownPlans[p.Batch]
	return ok && token == p.Token
}

// drained reports whether everything that there was at first is done, by any
// process.
func (e *engine) drained() bool {
	for _, x := range e.extents {
		if x.AssignedElsewhere && len(e.state.Settled.Free(x.Range)) > 0 {
			return false
		}
	}
	return len(e.state.Tail) == 0
}

// discardThrough removes what this engine has staged of batches through one,
// which others have decided.
func (e *engine) discardThrough(ctx context.Context, through int64) {
	for i := range e.state.Tail {
		if x := &e.state.Tail[i]; x.Staged != nil && e.state.Number(i) <= through {
			e.discard(ctx, x.Staged)
		}
	}
}
