package stream

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The exploration drives view.next and view.learn through every order of
// events that two processes can meet over one ledger: crashes, answers that
// are lost, puts that land late, attempts that read different prefixes, and
// sweeps. A world is a state of that; moves are atomic store operations.

const worldOffsets = 2 // of the one partition; two batches, if each takes one

// budget bounds a world.
type budget struct {
	crashes int
	tries   int // attempts to stage
	late    int // puts that land after their answer was given up
}

var worldRange = Range{Partition: "p", To: worldOffsets}

// world is one state.
type world struct {
	plans   [worldOffsets + 8]*Plan // by batch
	commits [worldOffsets + 8]*Commit
	dones   [worldOffsets + 8]bool
	staged  []worldFile
	final   []worldFile
	flying  []flight
	procs   [2]view
	left    budget
}

// worldFile holds the rows of one attempt.
type worldFile struct {
	token    string
	batch    int64
	from, to int64
}

// flight is a put that was sent and given up, and may land at any time.
type flight struct {
	plan   *Plan
	commit *Commit
}

// rules are the moves of a process; a planted bug changes one.
type rules struct {
	next    func(v *view) action
	restart func(w *world) view // what a process knows after a crash
	stands  bool                // believe what stands after a put, not what was put
	unlearn bool                // an answer that is lost counts as a loss: the stage is dropped
	anytime bool                // sweep batches that are undecided too
}

func theRules() rules {
	return rules{next: (*view).next, restart: func(*world) view { return newView() }, stands: true}
}

func (w *world) clone() *world {
	out := *w
	out.staged, out.final, out.flying = slices.Clone(w.staged), slices.Clone(w.final), slices.Clone(w.flying)
	for i := range out.procs {
		out.procs[i].claims = w.procs[i].claims.clone()
	}
	return &out
}

// key tells worlds apart. Plans and commits are told by their tokens, files by
// those of their attempts.
func (w *world) key() string {
	b := fmt.Appendf(nil, "%v %v %v %v|", w.left, w.dones, w.staged, w.final)
	planOf := func(p *Plan) string {
		if p == nil {
			return "-"
		}
		return p.Token
	}
	commitOf := func(c *Commit) string {
		if c == nil {
			return "-"
		}
		return c.Token
	}
	for i := range w.plans {
		b = fmt.Appendf(b, "%s %s,", planOf(w.plans[i]), commitOf(w.commits[i]))
	}
	for _, f := range w.flying {
		b = fmt.Appendf(b, "~%s %s", planOf(f.plan), commitOf(f.commit))
	}
	for i := range w.procs {
		v := &w.procs[i]
		b = fmt.Appendf(b, "|%d %d%d%d %v %s %s %s %s %v", v.batch, v.plan, v.commit, v.done, v.published,
			planOf(v.planned), commitOf(v.committed), planOf(v.wanted), commitOf(v.staged), v.claims.parts["p"])
	}
	return string(b)
}

// move is a world that may come next, and how.
type move struct {
	what string
	to   *world
}

// moves lists all that can happen next.
func (w *world) moves(r rules) (out []move) {
	add := func(what string, f func(n *world)) {
		n := w.clone()
		f(n)
		out = append(out, move{what, n})
	}
	for i := range w.procs {
		if w.left.crashes > 0 {
			add(fmt.Sprintf("p%d crashes", i), func(n *world) { n.left.crashes--; n.procs[i] = r.restart(n) })
		}
		out = append(out, w.acts(i, r)...)
	}
	for i, f := range w.flying {
		add("a late put lands", func(n *world) { n.flying = slices.Delete(n.flying, i, i+1); n.land(f) })
	}
	for _, f := range w.staged {
		if c := w.commits[f.batch]; r.anytime || c != nil && slices.ContainsFunc(w.final, func(g worldFile) bool { return g.token == c.Token }) {
			add("sweep of "+f.token, func(n *world) { n.unstage(f.token) })
		}
	}
	return out
}

// acts lists what may come of the action of one process.
func (w *world) acts(i int, r rules) (out []move) {
	a := r.next(&w.procs[i])
	act := func(what string, f func(n *world, p *view)) {
		n := w.clone()
		f(n, &n.procs[i])
		out = append(out, move{fmt.Sprintf("p%d batch %d: %s", i, a.batch, what), n})
	}
	learn := func(p *view, got answer) {
		if err := p.learn(a, got); err != nil {
			panic(err) // found by explore
		}
	}
	v := &w.procs[i]
	switch a.verb {
	case doRead:
		act("reads "+string(a.kind), func(n *world, p *view) { learn(p, n.read(a)) })
	case doChoose:
		free, ok := v.claims.free(Extent{Range: worldRange})
		for to := free.From + 1; ok && to <= free.To; to++ {
			act(fmt.Sprintf("wants to %d", to), func(_ *world, p *view) {
				token := fmt.Sprintf("p%d.%d:%d-%d", i, a.batch, free.From, to)
				learn(p, answer{plan: &Plan{Batch: a.batch, Token: token, Ranges: []Range{{"p", free.From, to}}}})
			})
		}
	case doStage:
		planned := v.planned.Ranges[0]
		for to := planned.From + 1; w.left.tries > 0 && to <= planned.To; to++ {
			act(fmt.Sprintf("stages to %d", to), func(n *world, p *view) { learn(p, n.stage(i, a.batch, planned.From, to)) })
		}
	case doPut:
		sent := flight{}
		switch a.kind {
		case kindPlan:
			sent.plan = v.wanted
		case kindCommit:
			sent.commit = v.staged
		}
		act("puts "+string(a.kind), func(n *world, p *view) { n.put(a, sent); learn(p, n.stood(a, sent, r)) })
		act("puts, answer lost, "+string(a.kind), func(n *world, p *view) {
			n.put(a, sent)
			if r.unlearn && a.kind == kindCommit {
				n.unstage(sent.commit.Token)
				p.staged, p.commit = nil, unread
			}
		})
		if w.left.late > 0 && a.kind != kindDone {
			act("sends late "+string(a.kind), func(n *world, _ *view) { n.left.late--; n.flying = append(n.flying, sent) })
		}
	case doPublish:
		act("publishes", func(n *world, p *view) { n.publish(v.committed); learn(p, answer{}) })
		act("publishes, answer lost", func(n *world, _ *view) { n.publish(v.committed) })
	}
	return out
}

func (w *world) read(a action) (got answer) {
	switch a.kind {
	case kindPlan:
		got.plan = w.plans[a.batch]
	case kindCommit:
		got.commit = w.commits[a.batch]
	case kindDone:
		if w.dones[a.batch] {
			got.done = &Done{Batch: a.batch}
		}
	}
	return got
}

// stood is the answer to a put.
func (w *world) stood(a action, sent flight, r rules) answer {
	if r.stands || a.kind == kindDone {
		return w.read(a)
	}
	return answer{plan: sent.plan, commit: sent.commit}
}

func (w *world) put(a action, sent flight) {
	if a.kind == kindDone {
		w.dones[a.batch] = true
	}
	w.land(sent)
}

// land is put-if-absent.
func (w *world) land(f flight) {
	if f.plan != nil && w.plans[f.plan.Batch] == nil {
		w.plans[f.plan.Batch] = f.plan
	}
	if f.commit != nil && w.commits[f.commit.Batch] == nil {
		w.commits[f.commit.Batch] = f.commit
	}
}

func (w *world) stage(i int, batch, from, to int64) answer {
	w.left.tries--
	token := fmt.Sprintf("p%d.%d", i, w.left.tries)
	w.staged = append(w.staged, worldFile{token, batch, from, to})
	slices.SortFunc(w.staged, byToken)
	return answer{commit: &Commit{Batch: batch, Token: token, Accounts: []Account{{Range: Range{"p", from, to}, Read: to - from}}}}
}

func (w *world) unstage(token string) {
	w.staged = slices.DeleteFunc(w.staged, func(f worldFile) bool { return f.token == token })
}

// publish moves a commit's file, if that was not done before.
func (w *world) publish(c *Commit) {
	for _, f := range w.staged {
		if f.token == c.Token {
			w.unstage(f.token)
			w.final = append(w.final, f)
			slices.SortFunc(w.final, byToken)
			return
		}
	}
}

func byToken(a, b worldFile) int { return slices.Compare([]byte(a.token), []byte(b.token)) }

// breach returns what is wrong with a world, or "".
func (w *world) breach() string {
	rows := map[int64]int{}
	for _, f := range w.final {
		for o := f.from; o < f.to; o++ {
			rows[o]++
		}
	}
	claimed := map[int64]int{}
	for n, c := range w.commits {
		if w.plans[n] != nil && n > 1 && w.plans[n-1] == nil {
			return "the numbers have a gap"
		}
		if c == nil {
			continue
		}
		for o := c.Accounts[0].From; o < c.Accounts[0].To; o++ {
			claimed[o]++
		}
		if mine := func(f worldFile) bool { return f.token == c.Token }; !slices.ContainsFunc(w.staged, mine) && !slices.ContainsFunc(w.final, mine) {
			return "a committed file is gone"
		}
	}
	for o := range int64(worldOffsets) {
		if rows[o] > 1 {
			return "an offset is archived twice"
		}
		if claimed[o] > 1 {
			return "an offset is committed twice"
		}
		if rows[o] > claimed[o] {
			return "an offset is visible without a commit"
		}
	}
	for i := range w.procs {
		if s := w.breachOf(&w.procs[i], rows); s != "" {
			return s
		}
	}
	return ""
}

// breachOf compares what a process believes with the records.
func (w *world) breachOf(v *view, rows map[int64]int) string {
	want := map[int64]bool{}
	for _, c := range w.commits[:v.batch] {
		for o := int64(0); c != nil && o < worldOffsets; o++ {
			if a := c.Accounts[0]; a.From <= o && o < a.To {
				want[o] = true
			}
		}
	}
	have := map[int64]bool{}
	for _, in := range v.claims.parts["p"].done {
		for o := in.from; o < in.to; o++ {
			have[o] = true
		}
	}
	if !maps.Equal(want, have) {
		return "claims are not what the commits say"
	}
	for o := range have {
		if rows[o] == 0 {
			return "an offset counts as done and is not in the archive"
		}
	}
	return ""
}

// finish lets one process work alone and without faults, and says whether
// every offset is archived once at the end.
func (w *world) finish(r rules) string {
	n := w.clone()
	n.left = budget{tries: 1000}
	for range 100 {
		moves := n.acts(0, r)
		if len(moves) == 0 {
			if rows := len(n.final); rows == 0 || n.procs[0].batch == 1 {
				return "the work is not done and nothing is left to do"
			}
			return n.breach()
		}
		n = moves[0].to
	}
	return "the work does not end"
}

// explore visits all worlds, and returns the first breach and the way to it.
// From every 20th it lets one process finish the work.
func explore(r rules, b budget) (states, complete int, breach string, way []string) {
	type step struct {
		from string
		what string
	}
	first := &world{procs: [2]view{newView(), newView()}, left: b}
	seen := map[string]step{first.key(): {}}
	queue := []*world{first}
	path := func(key string) (way []string) {
		for s := seen[key]; s.what != ""; s = seen[s.from] {
			way = append(way, s.what)
		}
		slices.Reverse(way)
		return way
	}
	var at string
	defer func() {
		if p := recover(); p != nil { // learn found the records at odds
			states, breach, way = len(seen), fmt.Sprint(p), path(at)
		}
	}()
	for visited := 0; len(queue) > 0; visited++ {
		w := queue[0]
		queue = queue[1:]
		at = w.key()
		if breach = w.breach(); breach == "" && visited%20 == 0 {
			breach = w.finish(r)
		}
		if breach != "" {
			return len(seen), complete, breach, path(at)
		}
		if len(w.staged)+len(w.flying) == 0 && w.procs[0].claims.parts["p"].done != nil && w.procs[0].next().verb == doChoose {
			if _, ok := w.procs[0].claims.free(Extent{Range: worldRange}); !ok {
				complete++
			}
		}
		for _, m := range w.moves(r) {
			if key := m.to.key(); seen[key] == (step{}) && key != first.key() {
				seen[key] = step{at, m.what}
				queue = append(queue, m.to)
			}
		}
	}
	return len(seen), complete, "", nil
}

func TestProtocol(t *testing.T) {
	for _, b := range []budget{{crashes: 1, tries: 2}, {tries: 3}, {crashes: 1, tries: 1, late: 1}} {
		if testing.Short() && b.tries > 1 {
			continue
		}
		states, complete, breach, way := explore(theRules(), b)
		require.Empty(t, breach, "%+v: %d states\n%q", b, states, way)
		assert.Positive(t, complete, "some ways lead to the end")
		t.Logf("%+v: %d states, %d of them the end", b, states, complete)
	}
}

// A check that finds nothing proves something only if it finds what is there.
func TestProtocolFindsPlantedBugs(t *testing.T) {
	for name, plant := range map[string]struct {
		bug    func(r *rules)
		breach string
	}{
		"number taken without reading the plans below": {func(r *rules) {
			r.restart = func(w *world) view {
				v := newView()
				for v.batch < worldOffsets+1 && w.plans[v.batch] != nil {
					v.batch++
				}
				return v
			}
		}, "claims are not what the commits say"},
		"own put believed": {func(r *rules) { r.stands = false }, ""},
		"lost answer read as a loss": {func(r *rules) { r.unlearn = true },
			"a committed file is gone"},
		"staged files swept before the commit": {func(r *rules) { r.anytime = true },
			"a committed file is gone"},
		"done before published": {func(r *rules) {
			r.next = func(v *view) action {
				a := v.next()
				if a.verb == doPublish {
					return action{doPut, a.batch, kindDone}
				}
				return a
			}
		}, ""},
		"batch left before its commit": {func(r *rules) {
			r.next = func(v *view) action {
				if v.plan == present && v.commit == absent && v.staged == nil && v.wanted == nil {
					*v = view{batch: min(v.batch+1, worldOffsets+1), claims: v.claims}
				}
				return v.next()
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := theRules()
			plant.bug(&r)
			states, _, breach, way := explore(r, budget{crashes: 1, tries: 2})
			require.NotEmpty(t, breach, "%d states", states)
			assert.Contains(t, breach, plant.breach)
			t.Logf("%s, after %d states:\n%q", breach, states, way)
		})
	}
}
