package streamtest

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

const (
	rounds = 30
	racers = 100
)

// race has many writers put one name at a time, while readers look: one writer
// must win, everybody must be told who, and nobody may see half a record.
func (t *storeTest) race() {
	for round := range rounds {
		r := &race{storeTest: t, name: fmt.Sprintf("race/%d/record", round)}
		r.run()
		for _, breach := range r.seen {
			t.breach("%s", breach)
		}
	}
}

// race is one round.
type race struct {
	*storeTest
	name string

	mu   sync.Mutex
	seen []string // breaches
}

func (r *race) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, fmt.Sprintf(r.name+": "+format, args...))
}

// racerData is what a racer puts: long, so that a torn write shows, and of a
// length of its own.
func racerData(i int) string { return strings.Repeat(fmt.Sprintf("racer %02d;", i), 1000+i) }

func (r *race) run() {
	answers := make([]string, racers)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			<-start
			stands, err := r.PutIfAbsent(r.ctx, r.name, []byte(racerData(i)))
			if err != nil {
				r.note("racer %d: %v", i, err)
			}
			answers[i] = string(stands)
		})
	}
	for range 4 {
		all.Go(func() {
			<-start
			r.look()
		})
	}
	close(start)
	all.Wait()
	r.judge(answers)
}

// look reads until the record is there.
func (r *race) look() {
	for range 10_000 {
		data, err := r.Get(r.ctx, r.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			r.note("a reader: %v", err)
		} else if winner(string(data)) < 0 {
			r.note("a reader saw %d bytes that nobody wrote", len(data))
		}
		return
	}
}

// winner is the racer whose data this is, or -1.
func winner(data string) int {
	i := len(data)/len("racer 00;") - 1000
	if i < 0 || i >= racers || data != racerData(i) {
		return -1
	}
	return i
}

// judge checks that all answers are what stands, and that it is somebody's.
func (r *race) judge(answers []string) {
	data, err := r.Get(r.ctx, r.name)
	if err != nil {
		r.note("%v", err)
		return
	}
	first := winner(string(data))
	if first < 0 {
		r.note("what stands is nobody's: %d bytes", len(data))
	}
	won := 0
	for i, answer := range answers {
		if answer == racerData(i) {
			won++
		}
		if answer != string(data) {
			r.note("racer %d was told of another record than racer %d's, which stands", i, first)
		}
	}
	if won != 1 {
		r.note("%d racers were told that they won", won)
	}
}
