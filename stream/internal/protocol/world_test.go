package protocol

import (
	"fmt"
	"slices"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// A world is a state of a ledger, its files and some processes over it. The
// processes are views that do what view.next says; moves are atomic operations
// of a store, and what may befall them: crashes, answers that are lost, puts
// that land late, sweeps, truncation, compaction.

// world is one state.
type world struct {
	records []records        // by batch
	decided []*ledger.Commit // the commit that counts, also when its record is gone
	through int64            // of the newest snapshot
	files   []worldFile
	flying  []flight
	procs   []proc
	left    budget
	offsets int64 // of the one partition
}

// records are what stands of a batch.
type records struct {
	plan   *ledger.Plan
	commit *ledger.Commit
	done   bool
}

// budget bounds what befalls a world.
type budget struct {
	crashes int
	tries   int // attempts to stage
	late    int // puts that land after their answer was given up
	lost    int // answers that are lost
	compact int
}

// worldFile holds the rows of one attempt, or of many that were compacted.
type worldFile struct {
	token string // "": compacted
	batch int64
	rows  uint64 // a bit an offset
	final bool
}

// flight is a put that was sent and given up, and may land at any time.
type flight struct {
	plan   *ledger.Plan
	commit *ledger.Commit
}

// proc is a process.
type proc struct {
	State
	fresh  bool // the ledger was read again before this choice
	looked bool // of a planted bug: the snapshot was read in this round
	won    bool // of another: what was put is believed to stand
}

// rules are what worlds go by; a planted bug changes one.
type rules struct {
	period     int64 // of snapshots
	believed   bool  // a snapshot is read before the tail and not again
	unverified bool  // nor after a put
	anytime    bool  // files are swept by age
	listed     bool  // numbers come from a listing, which may miss one
	copied     bool  // files are published by copying them
	dropped    bool  // a stage is dropped when the put of its commit times out
	unlearned  bool  // or when its answer is lost
}

// bits returns a bit for each offset of a range.
func bits(r ledger.Range) uint64 { return (1<<r.To - 1) &^ (1<<r.From - 1) }

func bitsOf(c *ledger.Commit) uint64 { return bits(c.Accounts[0].Range) }

func newWorld(procs int, offsets int64, left budget) *world {
	w := &world{left: left, offsets: offsets}
	w.records, w.decided = make([]records, 3*offsets+2), make([]*ledger.Commit, 3*offsets+2) // more batches than there can be
	for range procs {
		w.procs = append(w.procs, proc{State: New()})
	}
	return w
}

func (w *world) clone() *world {
	out := *w
	out.records, out.decided = slices.Clone(w.records), slices.Clone(w.decided)
	out.files, out.flying, out.procs = slices.Clone(w.files), slices.Clone(w.flying), slices.Clone(w.procs)
	for i := range out.procs {
		out.procs[i].Tail = slices.Clone(out.procs[i].Tail) // claims are cloned when they change
	}
	return &out
}

// key tells worlds apart, in few bytes.
func (w *world) key(b []byte) []byte {
	b = append(b, byte(w.left.crashes), byte(w.left.tries), byte(w.left.late), byte(w.left.lost), byte(w.left.compact), byte(w.through))
	text := func(s string) { b = append(append(b, s...), ';') }
	plan := func(p *ledger.Plan) {
		if p != nil {
			text(p.Token)
		} else {
			b = append(b, '-')
		}
	}
	commit := func(c *ledger.Commit) {
		if c != nil {
			text(c.Token)
		} else {
			b = append(b, '-')
		}
	}
	flag := func(ok bool) {
		if ok {
			b = append(b, '+')
		} else {
			b = append(b, '-')
		}
	}
	for n := range w.records {
		plan(w.records[n].plan)
		commit(w.records[n].commit)
		commit(w.decided[n])
		flag(w.records[n].done)
	}
	for _, f := range w.files {
		text(f.token)
		flag(f.final)
		b = append(b, byte(f.batch), byte(f.rows), byte(f.rows>>8), byte(f.rows>>16), byte(f.rows>>24))
	}
	for _, f := range w.flying {
		plan(f.plan)
		commit(f.commit)
	}
	for i := range w.procs {
		p := &w.procs[i]
		b = append(b, '|', byte(p.Through), byte(p.First), byte(p.nextPlan))
		flag(p.State.Looked)
		flag(p.fresh)
		flag(p.looked)
		flag(p.won)
		plan(p.Wanted)
		for _, e := range p.Tail {
			b = append(b, '/', byte(e.commit), byte(e.done))
			plan(e.Plan)
			commit(e.Commit)
			commit(e.Staged)
			flag(e.Published)
		}
		for _, v := range p.Settled.partitions["p"].set {
			b = append(b, byte(v.From), byte(v.To))
		}
	}
	return b
}

// move is a world that may come next, and how.
type move struct {
	what func() string
	to   *world
}

// moves lists all that can happen next.
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
		add(func(n *world) { n.flying = slices.Delete(n.flying, i, i+1); n.land(f) }, "a late put lands")
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

// sweepable is the rule: a staged file may be removed only when its batch has a
// commit that names another attempt, or is under a snapshot.
func (w *world) sweepable(f worldFile) bool {
	c := w.records[f.batch].commit
	return f.batch <= w.through || c != nil && c.Token != f.token
}

// compact replaces the published files of batches under the snapshot by one.
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

func (w *world) file(f worldFile) {
	w.files = append(w.files, f)
	slices.SortFunc(w.files, func(a, b worldFile) int { return slices.Compare([]byte(a.token), []byte(b.token)) })
}

func (w *world) unstage(token string) {
	w.files = slices.DeleteFunc(w.files, func(f worldFile) bool { return !f.final && f.token == token })
}

// land is put-if-absent. A commit under a snapshot is void: it decides nothing.
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

// publish moves a commit's file, if that was not done before.
func (w *world) publish(c *ledger.Commit, r rules) {
	i := slices.IndexFunc(w.files, func(f worldFile) bool { return !f.final && f.token == c.Token })
	if i < 0 {
		return
	}
	f := w.files[i]
	f.final = true
	stands := slices.ContainsFunc(w.files, func(g worldFile) bool { return g.final && g.token == f.token })
	if r.copied {
		if !stands {
			w.file(f)
		}
		return
	}
	w.unstage(c.Token)
	if !stands {
		w.file(f)
	}
}

// acts lists what may come of the next action of one process: it may take a
// batch of another for its own or not.
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
		p.Settled = p.Settled.clone() // it may settle something
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
			act(func(n *world, _ *proc) { n.left.lost--; n.publish(c, r) }, "publishes, answer lost")
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

// choose claims a prefix of what is free, after another look at the ledger.
func (w *world) choose(i int, a Action, act acting, learn func(*proc, Result)) {
	p := &w.procs[i]
	if !p.fresh {
		act(func(_ *world, p *proc) { p.Refresh(); p.fresh, p.looked = true, false }, "begins anew")
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
		}, "puts %s, answer lost", a.Record)
	}
	if w.left.late > 0 && a.Record != Done {
		act(func(n *world, p *proc) {
			n.left.late--
			if n.flying = append(n.flying, sent); r.dropped && a.Record == Commit {
				drop(n, p)
			}
		}, "sends %s, which is late", a.Record)
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

// snapshot is the newest one: what the batches under it settled.
func (w *world) snapshot() *ledger.Snapshot {
	var c Coverage
	for n := int64(1); n <= w.through; n++ {
		if w.decided[n] == nil {
			panic("a snapshot covers a batch that is undecided")
		}
		if err := c.Settle(w.decided[n].Accounts[0]); err != nil {
			panic(err)
		}
	}
	s := c.Snapshot(w.through)
	return &s
}

// breach returns what is wrong with a world, or "".
func (w *world) breach() string {
	var rows, claimed, under uint64
	for _, f := range w.files {
		if !f.final {
			continue
		}
		if rows&f.rows != 0 {
			return "an offset is archived twice"
		}
		rows |= f.rows
		if c := w.decided[f.batch]; f.token != "" && (c == nil || c.Token != f.token) {
			return "a file is visible that no commit names"
		}
	}
	for n, c := range w.decided {
		if c == nil {
			continue
		}
		if claimed&bitsOf(c) != 0 {
			return "an offset is committed twice"
		}
		claimed |= bitsOf(c)
		if int64(n) <= w.through {
			under |= bitsOf(c)
			continue
		}
		if !slices.ContainsFunc(w.files, func(f worldFile) bool { return f.token == c.Token }) {
			return "a committed file is gone"
		}
	}
	if under&^rows != 0 {
		return "an offset is under a snapshot and not in the archive"
	}
	for i := range w.procs {
		if s := w.breachOf(&w.procs[i].State, rows); s != "" {
			return s
		}
	}
	return ""
}

// breachOf compares what a process believes with the truth.
func (w *world) breachOf(v *State, rows uint64) string {
	var want, have uint64
	for _, c := range w.decided[:v.First] {
		if c != nil {
			want |= bitsOf(c)
		}
	}
	for _, in := range v.Settled.partitions["p"].set {
		r := ledger.Range{Partition: "p", From: in.From, To: in.To}
		have |= bits(r)
	}
	if want != have {
		return "claims are not what the commits say"
	}
	if have&^rows != 0 {
		return "an offset counts as done and is not in the archive"
	}
	return ""
}

// finish lets one process work alone and without faults, and says whether
// every offset is archived once at the end.
func (w *world) finish(r rules) string {
	n := w.clone()
	n.left = budget{tries: 100}
	for range 300 {
		p := &n.procs[0]
		a := p.Next(r.period, func(int64, *Entry) bool { return true })
		if free := p.Settled.Free(ledger.Range{Partition: "p", From: 0, To: w.offsets}); a.Verb == Choose && p.fresh && len(free) == 0 {
			if s := n.breach(); s != "" {
				return s
			}
			return n.missing()
		}
		moves := n.act(0, a, r)
		if len(moves) == 0 {
			return "nothing is left to do"
		}
		n = moves[len(moves)-1].to
	}
	return "the work does not end"
}

func (w *world) missing() string {
	var rows uint64
	for _, f := range w.files {
		if f.final {
			rows |= f.rows
		}
	}
	if rows != 1<<w.offsets-1 {
		return "an offset is missing at the end"
	}
	return ""
}
