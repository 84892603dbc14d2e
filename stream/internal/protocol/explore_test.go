package protocol

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The exploration drives State.Next and State.Learn through every order of events
// that two processes can meet on one ledger.

// long requests the whole exploration, which takes more than a minute.
var long = os.Getenv("SKYFINCH_LONG") != ""

var theRules = rules{period: 1}

// origin is the move that led to a world, and the world that it began from.
type origin struct {
	from [2]uint64
	move int32
}

// seeds of the two halves of a world's hash.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func hashOf(w *world, b *[]byte) [2]uint64 {
	*b = w.key((*b)[:0])
	return [2]uint64{maphash.Bytes(seeds[0], *b), maphash.Bytes(seeds[1], *b)}
}

// explore visits all worlds, breadth first, and returns the first breach and the
// way to it. From every 20th world it lets one process finish the work.
func explore(r rules, first *world) (states, complete int, breach string, way []string) {
	var key []byte
	begin := hashOf(first, &key)
	seen := map[[2]uint64]origin{begin: {}}
	path := func(at [2]uint64) (way []string) {
		var steps []int32
		for ; at != begin; at = seen[at].from {
			steps = append(steps, seen[at].move)
		}
		w := first
		for _, i := range slices.Backward(steps) {
			m := w.moves(r)[i]
			w, way = m.to, append(way, m.what())
		}
		return way
	}
	at := begin
	defer func() {
		if p := recover(); p != nil { // a process found contradictory records
			states, breach, way = len(seen), fmt.Sprint(p), path(at)
		}
	}()
	for queue := []*world{first}; len(queue) > 0; {
		var next []*world
		for i, w := range queue {
			queue[i] = nil
			at = hashOf(w, &key)
			if breach = w.breach(); breach == "" && len(seen)%20 == 0 {
				breach = w.finish(r)
			}
			if breach != "" {
				return len(seen), complete, breach, path(at)
			}
			if w.missing() == "" {
				complete++
			}
			for j, m := range w.moves(r) {
				h := hashOf(m.to, &key)
				if _, ok := seen[h]; !ok {
					seen[h] = origin{at, int32(j)}
					next = append(next, m.to)
				}
			}
		}
		queue = next
	}
	return len(seen), complete, "", nil
}

// wander takes random moves, and returns the first breach.
func wander(r rules, w *world, rnd *rand.Rand, steps int) (breach string, way []string) {
	defer func() {
		if p := recover(); p != nil {
			breach = fmt.Sprint(p)
		}
	}()
	for range steps {
		moves := w.moves(r)
		if len(moves) == 0 {
			break
		}
		m := moves[rnd.IntN(len(moves))]
		way = append(way, m.what())
		w = m.to
		if breach := w.breach(); breach != "" {
			return breach, way
		}
	}
	return w.finish(r), way
}

func TestProtocol(t *testing.T) {
	gc := debug.SetGCPercent(200) // it would take half of the time
	t.Cleanup(func() { debug.SetGCPercent(gc) })
	for _, b := range []budget{
		{crashes: 1, tries: 2},
		{tries: 2, compact: 1},
		{tries: 2, delayed: 1},
		{tries: 2, lost: 1},
		{crashes: 1, tries: 1, delayed: 1, compact: 1},
	} {
		if !long && b != (budget{tries: 2, compact: 1}) {
			continue
		}
		t.Run(fmt.Sprintf("%+v", b), func(t *testing.T) {
			t.Parallel()
			states, complete, breach, way := explore(theRules, newWorld(2, 2, b))
			require.Empty(t, breach, "%d states\n%q", states, way)
			assert.Positive(t, complete, "some ways complete the work")
			t.Logf("%d states, %d of them complete", states, complete)
		})
	}
}

// Three processes work on many batches, with random disturbances.
func TestProtocolAtRandom(t *testing.T) {
	walks := 30
	if long {
		walks = 300
	}
	for range walks {
		seed := rand.Uint64()
		r := rules{period: int64(1 + seed%3)}
		w := newWorld(3, 20, budget{crashes: 5, tries: 60, delayed: 6, lost: 6, compact: 3})
		breach, way := wander(r, w, rand.New(rand.NewPCG(seed, 0)), 1500)
		require.Empty(t, breach, "seed %d\n%q", seed, way)
	}
}

// The exploration must find bugs that are planted.
func TestProtocolFindsPlantedBugs(t *testing.T) {
	all := budget{crashes: 1, tries: 2, compact: 1}
	for name, plant := range map[string]struct {
		bug     func(r *rules)
		left    budget
		offsets int64
		breach  string
	}{
		"snapshot not read again before a put": {func(r *rules) { r.believed = true }, all, 2, ""},
		"own win not verified":                 {func(r *rules) { r.unverified = true }, all, 2, ""},
		"clean-up by age":                      {func(r *rules) { r.anytime = true }, all, 2, "a committed file is gone"},
		"numbers from a listing":               {func(r *rules) { r.listed = true }, budget{tries: 3}, 2, "the coverage differs from the commits"},
		"publish by copy":                      {func(r *rules) { r.copied = true }, all, 2, "an offset is archived twice"},
		"stage dropped on a time-out":          {func(r *rules) { r.dropped = true }, budget{tries: 2, delayed: 1}, 2, "a committed file is gone"},
		"lost reply read as a loss":            {func(r *rules) { r.unlearned = true }, budget{tries: 2, lost: 1}, 2, "a committed file is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := theRules
			plant.bug(&r)
			states, _, breach, way := explore(r, newWorld(2, plant.offsets, plant.left))
			require.NotEmpty(t, breach, "%d states", states)
			assert.Contains(t, breach, plant.breach)
			t.Logf("%s, after %d states:\n%q", breach, states, way)
		})
	}
}
