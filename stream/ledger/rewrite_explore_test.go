package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/store"
)

// The exploration runs engines, rewriters, readers, a truncator and a sweeper on
// one store, which does one operation at a time, in an order chosen at random.
// Processes stall for long, and some never go on. Batch n archives row n, a file
// holds one byte for each row.

// bugs are deviations from the rules, which the exploration must find.
type bugs struct {
	blind      bool // a rewrite does not wait for earlier claims to be decided
	stale      bool // it does not look whether its inputs have been replaced
	old        bool // it may be decided any number of batches after its base
	early      bool // it deletes its inputs before their batches are done
	believing  bool // a publisher that finds no file does not ask whether others published
	impatient  bool // a reader skips undecided batches
	unresolved bool // readers do not stop at batches that are not published
	renumber   bool // readers take the rows of a rewrite for new ones
	restored   bool // a prune does not say that it has replaced files
}

// world is the store and its processes.
type world struct {
	t      *testing.T
	bugs   bugs
	store  *store.Memory
	rnd    *rand.Rand
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	waiting  map[int]chan struct{} // operations, by process
	running  int                   // processes
	stalled  map[int]int           // until which step
	breach   string
	seen     [][]int64 // rows, by reader
	pruned   map[int64]bool
	rewrites int
}

func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.breach == "" {
		w.breach = fmt.Sprintf(format, args...)
	}
}

// start starts a process, whose error is a breach unless the world has ended.
func (w *world) start(run func(p *process) error) {
	id, ctx := w.running, w.ctx
	w.running++
	s := &faultstore.Store{Store: w.store, Before: func(faultstore.Op) error {
		granted := make(chan struct{})
		w.mu.Lock()
		w.waiting[id] = granted
		w.mu.Unlock()
		select {
		case <-granted:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	go func() {
		l, err := Open(ctx, s, "ledger", nil)
		if err == nil {
			err = run(&process{world: w, ctx: ctx, l: l, s: s, name: string(rune('a' + id))})
		}
		if err != nil && ctx.Err() == nil {
			w.fail("process %d: %v", id, err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.running--
	}()
}

// run grants operations until all processes have ended or too many steps are
// done, and returns the rule that is broken, if any.
func (w *world) run(steps int) string {
	for step := range steps {
		synctest.Wait()
		w.check()
		if step%50 == 0 {
			w.checkCommits()
		}
		if w.breach != "" || w.running == 0 {
			break
		}
		var ready []int
		w.mu.Lock()
		for id := range w.waiting {
			if w.stalled[id] <= step {
				ready = append(ready, id)
			}
		}
		slices.Sort(ready)
		if len(ready) > 0 && w.rnd.IntN(20) > 0 {
			id := ready[w.rnd.IntN(len(ready))]
			if w.rnd.IntN(40) == 0 {
				w.stalled[id] = step + w.rnd.IntN(400)
			}
			close(w.waiting[id])
			delete(w.waiting, id)
			w.mu.Unlock()
			continue
		}
		w.mu.Unlock()
		time.Sleep(time.Duration(w.rnd.IntN(3000)) * time.Millisecond)
	}
	w.checkCommits()
	return w.breach
}

// rows lists the published files that hold a row.
func (w *world) rows() map[int64][]string {
	out := map[int64][]string{}
	for e := range w.store.List(context.Background(), "alerts/") {
		data, _ := w.store.Get(context.Background(), e.Name)
		for _, row := range data {
			out[int64(row)] = append(out[int64(row)], e.Name)
		}
	}
	return out
}

// check checks what readers have seen.
func (w *world) check() {
	if len(w.seen[0]) == 0 {
		return
	}
	rows := w.rows()
	for _, seen := range w.seen {
		if len(seen) == 0 {
			continue
		}
		for _, row := range seen {
			if len(rows[row]) == 0 && !w.pruned[row] {
				w.fail("row %d, which a reader has seen, is in no file", row)
			}
		}
		for i := range seen[1:] {
			if seen[i] >= seen[i+1] {
				w.fail("the order of rows changes: %v", seen)
			}
		}
	}
}

// checkCommits checks that no row is in two live files.
func (w *world) checkCommits() {
	l, err := Open(context.Background(), w.store, "ledger", nil)
	if err != nil {
		return // too early
	}
	_, live, err := fold(l.Batches(context.Background(), 1))
	if err != nil {
		w.fail("%v", err)
	}
	once := map[byte]string{}
	for _, f := range live {
		for _, row := range []byte(f.Table) {
			if other := once[row]; other != "" {
				w.fail("row %d is in %s and in %s", row, other, f.Path)
			}
			once[row] = f.Path
		}
	}
}

// input is a live file and the batch that committed it.
type input struct {
	File
	batch int64
}

// fold returns the live files in the order of their batches, and the last batch.
// In this test, Table holds a file's rows.
func fold(batches func(func(Batch, error) bool)) (last int64, live []input, err error) {
	replaced := map[string]bool{}
	for b, err := range batches {
		if err != nil {
			return 0, nil, err
		}
		last = b.Number
		if b.Commit == nil {
			continue
		}
		for f := range b.Commit.Rows.All() {
			live = append(live, input{f, b.Number})
		}
		if r := b.Commit.Replaces; r != nil {
			for _, f := range r.Files {
				replaced[f.Name] = true
			}
		}
	}
	return last, slices.DeleteFunc(live, func(f input) bool { return replaced[f.Path] }), nil
}

// process is one process.
type process struct {
	*world
	ctx  context.Context
	l    *Ledger
	s    store.Store
	name string
	n    int // files staged
}

// stage stages a file of rows.
func (p *process) stage(dir, rows string) (File, error) {
	p.n++
	f := File{Table: rows, StagedPath: fmt.Sprintf("staging/%s/%s%d", dir, p.name, p.n), Path: fmt.Sprintf("alerts/%s-%s%d", strings.ReplaceAll(dir, "/", "-"), p.name, p.n), Rows: int64(len(rows)), Bytes: int64(len(rows))}
	w, err := p.s.Stage(p.ctx, f.StagedPath, f.Path)
	if err != nil {
		return f, err
	}
	defer w.Abort()
	if _, err := io.WriteString(w, rows); err != nil {
		return f, err
	}
	return f, w.Close()
}

// publish publishes a batch as package stream does, and puts its done record.
func (p *process) publish(c *Commit) error {
	for f := range c.Rows.All() {
		err := p.s.Publish(p.ctx, f.StagedPath, f.Path, f.Bytes)
		if errors.Is(err, fs.ErrNotExist) && !p.bugs.believing {
			if published, failed := p.l.Published(p.ctx, c.Batch); published || failed != nil {
				return failed
			}
		}
		if err != nil {
			return err
		}
	}
	if err := p.sweep(fmt.Sprintf("staging/%d/", c.Batch)); err != nil {
		return err
	}
	return p.l.PutDone(p.ctx, c.Batch)
}

func (p *process) sweep(prefix string) error {
	for e, err := range p.s.List(p.ctx, prefix) {
		if err != nil {
			return err
		}
		if err := p.s.Delete(p.ctx, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// finish decides and publishes a batch.
func (p *process) finish(b Batch) error {
	if b.Commit == nil && b.Plan.IsRewrite() {
		c, err := p.l.Resolve(p.ctx, b.Number)
		if err != nil {
			return err
		}
		b.Commit = c
	}
	if b.Commit == nil {
		f, err := p.stage(fmt.Sprint(b.Number), string([]byte{byte(b.Number)}))
		if err != nil {
			return err
		}
		c, err := p.l.PutCommit(p.ctx, &Commit{Batch: b.Number, Token: f.Path, Rows: Receipt{Files: []File{f}}})
		if err != nil {
			return err
		}
		if covered, err := p.l.covered(p.ctx, b.Number); covered || err != nil {
			return err
		}
		b.Commit = c
	}
	if b.Done {
		return nil
	}
	return p.publish(b.Commit)
}

// engine plans some batches and finishes all.
func (p *process) engine(batches int) error {
	first := int64(1)
	for batches >= 0 {
		next := first
		for b, err := range p.l.Batches(p.ctx, first) {
			if err != nil {
				return err
			}
			if err := p.finish(b); err != nil {
				return err
			}
			next = b.Number + 1
		}
		first = next
		if batches--; batches < 0 {
			return nil
		}
		if _, err := p.l.PutPlan(p.ctx, &Plan{Batch: next, Token: p.name, Ranges: []Range{{"p", next, next + 1}}}); err != nil {
			return err
		}
	}
	return nil
}

// rewriter merges the live files a few times.
func (p *process) rewriter(times int) error {
	for range times {
		base, live, err := fold(p.l.Follow(p.ctx, 1))
		if err != nil {
			return err
		}
		if len(live) < 2 {
			continue
		}
		if err := p.merge(base, live); err != nil {
			return err
		}
	}
	return nil
}

func (p *process) merge(base int64, live []input) error {
	var rows []byte
	r := &Replacement{Base: base}
	for _, in := range live {
		data, err := p.s.Get(p.ctx, in.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has been replaced
		}
		if err != nil {
			return err
		}
		if !bytes.Equal(data, []byte(in.Table)) {
			return fmt.Errorf("%s holds %q", in.Path, data)
		}
		rows = append(rows, data...)
		r.Files = append(r.Files, ReplacedFile{Name: in.Path, Rows: in.Rows, Bytes: in.Bytes})
	}
	var f File
	var err error
	c := &Commit{Replaces: r}
	if r.Pruned = base%4 == 3; r.Pruned {
		p.mu.Lock()
		for _, row := range rows { // from now on they may be gone
			p.pruned[int64(row)] = true
		}
		p.mu.Unlock()
		if p.bugs.restored {
			r.Files = nil
		}
	} else {
		if f, err = p.stage(fmt.Sprintf("rewrite-%d", base), string(rows)); err != nil {
			return err
		}
		c.Rows.Files = []File{f}
	}
	err = p.rewrite(c)
	var replaced *ReplacedError
	if errors.As(err, &replaced) || errors.Is(err, errOld) {
		if r.Pruned {
			return nil
		}
		return p.s.Delete(p.ctx, f.StagedPath)
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.rewrites++
	p.mu.Unlock()
	if err := p.publish(c); err != nil {
		return err
	}
	for _, in := range live {
		if p.bugs.early {
			break
		}
		if published, err := p.l.Published(p.ctx, in.batch); err != nil {
			return err
		} else if !published {
			if err := p.l.PutDone(p.ctx, in.batch); err != nil {
				return err
			}
		}
	}
	for _, in := range live {
		if err := p.s.Delete(p.ctx, in.Path); err != nil {
			return err
		}
	}
	return nil
}

var errOld = errors.New("too old")

// rewrite is Ledger.Rewrite, or what it would be with a bug.
func (p *process) rewrite(c *Commit) error {
	if !p.bugs.blind && !p.bugs.stale {
		err := p.l.Rewrite(p.ctx, c, nil)
		if err != nil && strings.Contains(err.Error(), "cannot replace files") {
			return errOld
		}
		return err
	}
	for next := c.Replaces.Base + 1; ; {
		for b, err := range p.l.Batches(p.ctx, next) {
			if err != nil {
				return err
			}
			if b.Commit == nil && b.Plan.IsRewrite() && !p.bugs.blind {
				if b.Commit, err = p.l.Resolve(p.ctx, b.Number); err != nil {
					return err
				}
			}
			if b.Commit != nil && b.Commit.Replaces != nil && !p.bugs.stale {
				return &ReplacedError{Batch: b.Number}
			}
			next = b.Number + 1
		}
		if c.Replaces.check(next) != nil {
			return errOld
		}
		mine, err := p.l.claim(p.ctx, next)
		if err != nil {
			return err
		}
		if !mine {
			continue
		}
		c.Batch, c.Token = next, ""
		if mine, err = p.l.decide(p.ctx, c); mine || err != nil {
			return err
		}
	}
}

// reader follows the ledger and notes the rows in their order.
func (p *process) reader(i, times int) error {
	next := int64(1)
	known := map[int64]bool{}
	for range times {
		batches := p.l.Follow(p.ctx, next)
		if p.bugs.impatient || p.bugs.unresolved {
			batches = p.l.Batches(p.ctx, next)
		}
		for b, err := range batches {
			if err != nil {
				return err
			}
			if b.Commit == nil && p.bugs.impatient {
				continue // and look again next time
			}
			if b.Commit == nil {
				break
			}
			if !p.bugs.impatient {
				next = b.Number + 1
			}
			if p.bugs.renumber && b.Commit.Replaces != nil {
				p.mu.Lock()
				for f := range b.Commit.Rows.All() {
					for _, row := range []byte(f.Table) {
						p.seen[i] = append(p.seen[i], int64(row))
					}
				}
				p.mu.Unlock()
			}
			if len(b.Plan.Ranges) > 0 && !known[b.Number] {
				known[b.Number] = true
				p.mu.Lock()
				p.seen[i] = append(p.seen[i], b.Number)
				p.mu.Unlock()
			}
		}
		if err := backoff.Sleep(p.ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}

// truncator puts snapshots and truncates.
func (p *process) truncator(times int) error {
	through := int64(0)
	for range times {
		next := through
		for b, err := range p.l.Batches(p.ctx, through+1) {
			if err != nil {
				return err
			}
			if !b.Done {
				break
			}
			next = b.Number
		}
		if next > through {
			if err := p.l.PutSnapshot(p.ctx, Snapshot{Through: next}); err != nil {
				return err
			}
			through = next
		}
		if err := p.l.Truncate(p.ctx); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := backoff.Sleep(p.ctx, 2*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// sweeper removes what rewrites have staged once none can be decided any more.
func (p *process) sweeper(age int64, times int) error {
	for range times {
		last, _, err := fold(p.l.Follow(p.ctx, 1))
		if err != nil {
			return err
		}
		for base := range max(last-age+1, 0) {
			if err := p.sweep(fmt.Sprintf("staging/rewrite-%d/", base)); err != nil {
				return err
			}
		}
		if err := backoff.Sleep(p.ctx, 3*time.Second); err != nil {
			return err
		}
	}
	return nil
}

const testRewriteAge = 3

// explore lets a world run, and then one engine finish the work.
func explore(t *testing.T, b bugs, seed uint64) (breach string, rewrites int) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, bugs: b, store: store.NewMemory(), rnd: rand.New(rand.NewPCG(seed, 0)),
			waiting: map[int]chan struct{}{}, stalled: map[int]int{}, seen: make([][]int64, 1), pruned: map[int64]bool{}}
		begin := func() { w.ctx, w.cancel = context.WithCancel(context.Background()) }
		begin()
		w.start(func(p *process) error { return p.engine(5) })
		w.start(func(p *process) error { return p.engine(5) })
		w.start(func(p *process) error { return p.rewriter(8) })
		w.start(func(p *process) error { return p.rewriter(8) })
		w.start(func(p *process) error { return p.reader(0, 8) })
		w.start(func(p *process) error { return p.truncator(5) })
		w.start(func(p *process) error { return p.sweeper(testRewriteAge, 5) })
		breach = w.run(1500)
		w.cancel() // processes die where they are
		synctest.Wait()
		rewrites = w.rewrites
		if breach != "" {
			return
		}
		begin()
		defer w.cancel()
		clear(w.waiting)
		clear(w.stalled)
		w.running = 0
		w.start(func(p *process) error { return p.engine(0) })
		if breach = w.run(3000); breach == "" {
			breach = w.missing()
		}
	})
	return breach, rewrites
}

// missing returns what is wrong at the end.
func (w *world) missing() string {
	l, err := Open(w.ctx, w.store, "ledger", nil)
	require.NoError(w.t, err)
	last, live, err := fold(l.Batches(w.ctx, 1))
	require.NoError(w.t, err)
	rows := map[byte]bool{}
	for _, f := range live {
		if data, err := w.store.Get(w.ctx, f.Path); err != nil || string(data) != f.Table {
			return fmt.Sprintf("at the end, %s of batch %d is missing", f.Path, f.batch)
		}
		for _, row := range []byte(f.Table) {
			rows[row] = true
		}
	}
	for b, err := range l.Batches(w.ctx, 1) {
		require.NoError(w.t, err)
		if !b.Done {
			return fmt.Sprintf("at the end, batch %d is not done", b.Number)
		}
		if len(b.Plan.Ranges) > 0 && !rows[byte(b.Number)] && !w.pruned[b.Number] {
			return fmt.Sprintf("at the end, row %d is missing", b.Number)
		}
	}
	if stable, _, _ := fold(l.Follow(w.ctx, 1)); stable != last {
		return "at the end, not all batches are stable"
	}
	return ""
}

func TestRewritesAtRandom(t *testing.T) {
	setRewriteAge(t, testRewriteAge)
	walks, rewrites := 60, 0
	if os.Getenv("SKYFINCH_LONG") != "" {
		walks = 800
	}
	for range walks {
		seed := rand.Uint64()
		breach, n := explore(t, bugs{}, seed)
		require.Empty(t, breach, "seed %d", seed)
		rewrites += n
	}
	assert.Greater(t, rewrites, walks/2)
}

func setRewriteAge(t *testing.T, age int64) {
	before := maxRewriteAge
	maxRewriteAge = age
	t.Cleanup(func() { maxRewriteAge = before })
}

// The exploration must find bugs that are planted.
func TestRewritesFindPlantedBugs(t *testing.T) {
	for name, plant := range map[string]struct {
		bugs   bugs
		age    int64
		breach string
	}{
		"an earlier claim is ignored":          {bugs{blind: true}, testRewriteAge, " and in "},
		"replaced inputs are not looked for":   {bugs{stale: true}, testRewriteAge, " and in "},
		"a rewrite of any age":                 {bugs{old: true}, 100, ""},
		"inputs deleted before done":           {bugs{early: true}, testRewriteAge, "file does not exist"},
		"a publisher does not ask":             {bugs{believing: true}, testRewriteAge, "file does not exist"},
		"a reader skips undecided batches":     {bugs{impatient: true}, testRewriteAge, ""},
		"a reader takes what is not published": {bugs{unresolved: true}, testRewriteAge, "is in no file"},
		"merged rows get new numbers":          {bugs{renumber: true}, testRewriteAge, "the order of rows changes"},
		"a prune names no files":               {bugs{restored: true}, testRewriteAge, "is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			setRewriteAge(t, plant.age)
			for seed := range uint64(3000) {
				if breach, _ := explore(t, plant.bugs, seed); breach != "" {
					assert.Contains(t, breach, plant.breach)
					t.Logf("%s, with seed %d", breach, seed)
					return
				}
			}
			t.Fatal("not found")
		})
	}
}
