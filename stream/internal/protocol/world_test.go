package protocol

import (
	"slices"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// A world is the state of a ledger, its files and some processes. The processes
// take the actions that State.Next returns. Moves are atomic operations of a
// store and what may disturb them: crashes, lost replies, delayed puts, sweeps,
// truncation, compaction.

// world is one state.
type world struct {
	records []records        // by batch
	decided []*ledger.Commit // the commit that counts, even if its record is gone
	through int64            // of the newest snapshot
	files   []worldFile
	flying  []flight
	procs   []proc
	left    budget
	offsets int64 // of the one partition
}

// records are the records of a batch.
type records struct {
	plan   *ledger.Plan
	commit *ledger.Commit
	done   bool
}

// budget bounds the disturbances of a world.
type budget struct {
	crashes int
	tries   int // attempts to stage
	delayed int // puts that take effect after their caller has given up
	lost    int // lost replies
	compact int
}

// worldFile holds the rows of one attempt, or of many that were compacted.
type worldFile struct {
	token string // "": compacted
	batch int64
	rows  uint64 // one bit for each offset
	final bool
}

// flight is a put whose caller has given up, and which may land at any time.
type flight struct {
	plan   *ledger.Plan
	commit *ledger.Commit
}

// proc is a process.
type proc struct {
	State
	fresh  bool // the ledger has been read again before this choice
	looked bool // for the bug believed: the snapshot was read in this round
	won    bool // for the bug unverified: what was put is believed to count
}

// rules are the rules of a world; each planted bug breaks one.
type rules struct {
	period     int64 // of snapshots
	believed   bool  // the snapshot is read before the tail, and not again
	unverified bool  // it is not read again after a put
	anytime    bool  // staged files are swept by age
	listed     bool  // numbers are taken from a listing, which may miss one
	copied     bool  // files are published by copying them
	dropped    bool  // staged files are dropped when the put of their commit times out
	unlearned  bool  // or when its reply is lost
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
		out.procs[i].Tail = slices.Clone(out.procs[i].Tail) // Settled is cloned before it changes
	}
	return &out
}

// key appends a short encoding of the world, unique for each.
func (w *world) key(b []byte) []byte {
	b = append(b, byte(w.left.crashes), byte(w.left.tries), byte(w.left.delayed), byte(w.left.lost), byte(w.left.compact), byte(w.through))
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

func (w *world) file(f worldFile) {
	w.files = append(w.files, f)
	slices.SortFunc(w.files, func(a, b worldFile) int { return slices.Compare([]byte(a.token), []byte(b.token)) })
}

func (w *world) unstage(token string) {
	w.files = slices.DeleteFunc(w.files, func(f worldFile) bool { return !f.final && f.token == token })
}

// snapshot returns the newest snapshot.
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

// breach returns the rule that a world breaks, or "".
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
		return "an offset is covered by a snapshot and not in the archive"
	}
	for i := range w.procs {
		if s := w.breachOf(&w.procs[i].State, rows); s != "" {
			return s
		}
	}
	return ""
}

// breachOf compares what a process knows with the truth.
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
		return "the coverage differs from the commits"
	}
	if have&^rows != 0 {
		return "an offset counts as done and is not in the archive"
	}
	return ""
}

// finish lets one process work alone and without disturbances, and returns the
// rule that is broken at the end, or "".
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
