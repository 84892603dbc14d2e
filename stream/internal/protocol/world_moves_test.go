package protocol

import (
	"fmt"
	"slices"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// move is something that can happen next.
type move struct {
	what func() string
	to   *world
}

// moves lists everything that can happen next.
func (w *world) moves(r rules) (out []move) {
	add := func(f func(n *world), format string, args ...any) {
		n := w.clone()
		f(n)
		out = append(out, move{func() string { return fmt.Sprintf(format, args...) }, n})
	}
	for i := range w.procs {
		if p := &w.procs[i]; w.left.crashes > 0 && (p.First > 1 || p.nextPlan != unread) {
			add(func(n *world) { n.left.crashes--; n.procs[i] = proc{State: New()} }, "p%d crashes", i)
		}
		out = append(out, w.acts(i, r)...)
	}
	for i, f := range w.flying {
		add(func(n *world) { n.flying = slices.Delete(n.flying, i, i+1); n.land(f) }, "a delayed put lands")
	}
	for _, f := range w.files {
		if !f.final && (w.sweepable(f) || r.anytime) {
			add(func(n *world) { n.unstage(f.token) }, "sweep of %s", f.token)
		}
	}
	for b := int64(1); b <= w.through; b++ { // in the order of their names
		if w.records[b].commit != nil {
			add(func(n *world) { n.records[b].commit = nil }, "commit %d is truncated", b)
			break
		}
		if w.records[b].done {
			add(func(n *world) { n.records[b].done = false }, "done %d is truncated", b)
			break
		}
		if w.records[b].plan != nil {
			add(func(n *world) { n.records[b].plan = nil }, "plan %d is truncated", b)
			break
		}
	}
	if n := w.clone(); w.left.compact > 0 && n.compact() {
		n.left.compact--
		out = append(out, move{func() string { return "compaction" }, n})
	}
	return out
}

// sweepable is the rule that a staged file may be removed only if its batch has a
// commit of another attempt, or is covered by a snapshot.
func (w *world) sweepable(f worldFile) bool {
	c := w.records[f.batch].commit
	return f.batch <= w.through || c != nil && c.Token != f.token
}

// compact replaces the published files of batches that the snapshot covers by one.
func (w *world) compact() bool {
	var rows uint64
	any := false
	w.files = slices.DeleteFunc(w.files, func(f worldFile) bool {
		old := f.final && f.batch <= w.through
		any = any || old && f.token != ""
		if old {
			rows |= f.rows
		}
		return old
	})
	w.file(worldFile{rows: rows, final: true})
	return any
}

// land is put-if-absent. A commit of a batch that a snapshot covers is void.
func (w *world) land(f flight) {
	if p := f.plan; p != nil && w.records[p.Batch].plan == nil {
		w.records[p.Batch].plan = p
	}
	if c := f.commit; c != nil && w.records[c.Batch].commit == nil {
		w.records[c.Batch].commit = c
		if c.Batch > w.through && w.decided[c.Batch] == nil {
			w.decided[c.Batch] = c
		}
	}
}

// publish moves a commit's file, unless it has been moved.
func (w *world) publish(c *ledger.Commit, r rules) {
	i := slices.IndexFunc(w.files, func(f worldFile) bool { return !f.final && f.token == c.Token })
	if i < 0 {
		return
	}
	f := w.files[i]
	f.final = true
	exists := slices.ContainsFunc(w.files, func(g worldFile) bool { return g.final && g.token == f.token })
	if r.copied {
		if !exists {
			w.file(f)
		}
		return
	}
	w.unstage(c.Token)
	if !exists {
		w.file(f)
	}
}

// acts lists the possible outcomes of the next action of one process, whether it
// finishes the batches of others or not.
func (w *world) acts(i int, r rules) (out []move) {
	p := &w.procs[i]
	own := fmt.Sprintf("p%d", i)
	careful := p.Next(r.period, func(_ int64, e *Entry) bool {
		return e.Staged != nil || e.Published || e.Plan.Token[:2] == own
	})
	out = w.act(i, careful, r)
	if bold := p.Next(r.period, func(int64, *Entry) bool { return true }); bold != careful {
		out = append(out, w.act(i, bold, r)...)
	}
	return out
}

func (w *world) act(i int, a Action, r rules) (out []move) {
	act := func(f func(n *world, p *proc), format string, args ...any) {
		n := w.clone()
		f(n, &n.procs[i])
		out = append(out, move{func() string { return fmt.Sprintf("p%d batch %d: ", i, a.Batch) + fmt.Sprintf(format, args...) }, n})
	}
	learn := func(p *proc, got Result) {
		if err := p.Learn(a, got); err != nil {
			panic(err) // found by explore
		}
		p.fresh = p.fresh && a.Verb != Choose
		p.won = r.unverified && (a.Verb == Put || p.won && a.Verb == Read)
	}
	look := func(n *world, p *proc) {
		p.looked = true
		got := Result{}
		if n.through > p.Through {
			got.Snapshot = n.snapshot()
		}
		p.Settled = p.Settled.clone() // Learn may change it
		if err := p.Learn(Action{Verb: Look, Batch: a.Batch}, got); err != nil {
			panic(err)
		}
	}
	p := &w.procs[i]
	if r.believed && !p.looked && a.Verb != Look {
		act(func(n *world, p *proc) { look(n, p) }, "looks")
		return out
	}
	switch a.Verb {
	case Look:
		if r.believed && p.looked || p.won {
			act(func(_ *world, p *proc) { p.Settled = p.Settled.clone(); learn(p, Result{}) }, "believes")
			break
		}
		act(look, "looks")
	case Read:
		act(func(n *world, p *proc) { learn(p, n.read(a)) }, "reads %s", a.Record)
		if r.listed && a.Record == Plan && w.records[a.Batch].plan != nil && w.records[a.Batch+1].plan != nil {
			act(func(n *world, p *proc) {
				learn(p, Result{Plan: &ledger.Plan{Batch: a.Batch, Token: "??"}})
				e := p.Entry(a.Batch)
				e.commit, e.done, e.Commit = present, present, &ledger.Commit{Batch: a.Batch, Token: "??"}
				p.Settled = p.Settled.clone()
				p.settle()
			}, "misses plan")
		}
	case Choose:
		w.choose(i, a, act, learn)
	case Stage:
		planned := p.Entry(a.Batch).Plan.Ranges[0]
		for to := planned.From + 1; w.left.tries > 0 && to <= planned.To; to++ {
			act(func(n *world, p *proc) { learn(p, n.stage(i, a.Batch, planned.From, to)) }, "stages to %d", to)
		}
	case Put:
		w.put(i, a, r, act, learn)
	case Publish:
		c := p.Entry(a.Batch).Commit
		act(func(n *world, p *proc) { n.publish(c, r); learn(p, Result{}) }, "publishes")
		if w.left.lost > 0 {
			act(func(n *world, _ *proc) { n.left.lost--; n.publish(c, r) }, "publishes, reply lost")
		}
	case Snapshot:
		act(func(n *world, p *proc) {
			n.through = max(n.through, a.Batch-1)
			learn(p, Result{})
		}, "puts snapshot")
	}
	return out
}

type acting func(f func(n *world, p *proc), format string, args ...any)

// choose claims a prefix of what is free, after reading the ledger again.
func (w *world) choose(i int, a Action, act acting, learn func(*proc, Result)) {
	p := &w.procs[i]
	if !p.fresh {
		act(func(_ *world, p *proc) { p.Refresh(); p.fresh, p.looked = true, false }, "reads again")
		return
	}
	claimed, err := p.Claimed()
	if err != nil {
		panic(err)
	}
	all := claimed.Free(ledger.Range{Partition: "p", From: 0, To: w.offsets})
	if len(all) == 0 {
		if len(p.Tail) > 0 {
			act(func(_ *world, p *proc) { p.fresh = false }, "waits")
		}
		return
	}
	free := all[0]
	for to := free.From + 1; to <= free.To && to <= free.From+2; to++ {
		act(func(_ *world, p *proc) {
			token := fmt.Sprintf("p%d.%d:%d-%d", i, a.Batch, free.From, to)
			learn(p, Result{Plan: &ledger.Plan{Batch: a.Batch, Token: token, Ranges: []ledger.Range{{Partition: "p", From: free.From, To: to}}}})
		}, "wants [%d,%d)", free.From, to)
	}
}

func (w *world) put(i int, a Action, r rules, act acting, learn func(*proc, Result)) {
	p := &w.procs[i]
	sent := flight{}
	switch a.Record {
	case Plan:
		sent.plan = p.Wanted
	case Commit:
		sent.commit = p.Entry(a.Batch).Staged
	}
	drop := func(n *world, p *proc) {
		n.unstage(sent.commit.Token)
		e := p.Entry(a.Batch)
		e.Staged, e.commit, p.State.Looked = nil, unread, false
	}
	put := func(n *world) {
		if a.Record == Done {
			n.records[a.Batch].done = true
		}
		n.land(sent)
	}
	act(func(n *world, p *proc) { put(n); learn(p, n.read(a)) }, "puts %s", a.Record)
	if w.left.lost > 0 {
		act(func(n *world, p *proc) {
			n.left.lost--
			if put(n); r.unlearned && a.Record == Commit {
				drop(n, p)
			}
		}, "puts %s, reply lost", a.Record)
	}
	if w.left.delayed > 0 && a.Record != Done {
		act(func(n *world, p *proc) {
			n.left.delayed--
			if n.flying = append(n.flying, sent); r.dropped && a.Record == Commit {
				drop(n, p)
			}
		}, "sends %s, which is delayed", a.Record)
	}
}

func (w *world) read(a Action) (got Result) {
	r := w.records[a.Batch]
	switch a.Record {
	case Plan:
		got.Plan = r.plan
	case Commit:
		got.Commit = r.commit
	case Done:
		if r.done {
			got.Done = true
		}
	}
	return got
}

func (w *world) stage(i int, batch, from, to int64) Result {
	w.left.tries--
	token := fmt.Sprintf("p%d.%d", i, w.left.tries)
	c := &ledger.Commit{Batch: batch, Token: token, Accounts: []ledger.Account{{Range: ledger.Range{Partition: "p", From: from, To: to}, Read: to - from}}}
	w.file(worldFile{token: token, batch: batch, rows: bitsOf(c)})
	return Result{Commit: c}
}
