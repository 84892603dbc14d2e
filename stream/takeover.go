package stream

import (
	"context"
	"slices"
	"time"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// mayFinish reports whether this process is to finish a batch: one of its own,
// one that it finds when it starts alone, or one that another process has
// abandoned or failed at. An undecided batch whose first partition is assigned
// to another process is left to that process. A rewrite gets time to decide even
// if the engine is alone.
func (e *engine) mayFinish(batch int64, x *protocol.Entry) bool {
	if e.isOwnPlan(x.Plan) || x.Staged != nil || x.Published {
		return true
	}
	switch p := e.peers[batch]; {
	case p == nil:
		return false // not polled yet
	case x.Undecided() && len(x.Plan.Ranges) > 0 && e.others[x.Plan.Ranges[0].Partition]:
		return false
	case x.Undecided() && x.Plan.IsRewrite():
		return time.Since(p.progressAt) >= e.takeover.After
	case e.alone, p.status.Ended, !x.Undecided() && e.plannedAt.IsZero() && len(e.others) == 0:
		return true
	default:
		return time.Since(p.progressAt) >= e.takeover.After
	}
}

// hasForeignBatch reports whether a batch that this engine did not plan is
// undecided: which process may finish it then depends on the assignment.
func (e *engine) hasForeignBatch() bool {
	return slices.ContainsFunc(e.state.Tail, func(x protocol.Entry) bool { return x.Undecided() && !e.isOwnPlan(x.Plan) })
}

func (e *engine) isOwnPlan(p *ledger.Plan) bool {
	token, ok := e.ownPlans[p.Batch]
	return ok && token == p.Token
}

// drained reports whether everything that was available at first is done,
// whichever process has done it.
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
