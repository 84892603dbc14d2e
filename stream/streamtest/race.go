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

// race has many writers put one name concurrently with readers: one writer must win,
// all writers must receive its record, and no reader may see part of a record.
func (t *storeTest) race() {
	for round := range rounds {
		r := &race{storeTest: t, name: fmt.Sprintf("race/%d/record", round)}
		r.run()
		for _, breach := range r.breaches {
			t.breach("%s", breach)
		}
	}
}

// race is one round.
type race struct {
	*storeTest
	name string

	mu       sync.Mutex
	breaches []string
}

func (r *race) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.breaches = append(r.breaches, fmt.Sprintf(r.name+": "+format, args...))
}

// racerData returns the record of a racer, long enough to detect a torn write, and of
// a different length for each racer.
func racerData(i int) string { return strings.Repeat(fmt.Sprintf("racer %02d;", i), 1000+i) }

func (r *race) run() {
	results := make([]string, racers)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			<-start
			stored, err := r.PutIfAbsent(r.ctx, r.name, []byte(racerData(i)))
			if err != nil {
				r.note("racer %d: %v", i, err)
			}
			results[i] = string(stored)
		})
	}
	for range 4 {
		all.Go(func() {
			<-start
			r.read()
		})
	}
	close(start)
	all.Wait()
	r.check(results)
}

// read reads until the record exists.
func (r *race) read() {
	for range 10_000 {
		data, err := r.Get(r.ctx, r.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			r.note("a reader: %v", err)
		} else if winner(string(data)) < 0 {
			r.note("a reader saw %d bytes that no racer wrote", len(data))
		}
		return
	}
}

// winner returns the racer that wrote data, or -1.
func winner(data string) int {
	i := len(data)/len("racer 00;") - 1000
	if i < 0 || i >= racers || data != racerData(i) {
		return -1
	}
	return i
}

// check checks that all results are the stored record, and that a racer wrote it.
func (r *race) check(results []string) {
	data, err := r.Get(r.ctx, r.name)
	if err != nil {
		r.note("%v", err)
		return
	}
	first := winner(string(data))
	if first < 0 {
		r.note("the stored record is not of any racer: %d bytes", len(data))
	}
	won := 0
	for i, result := range results {
		if result == racerData(i) {
			won++
		}
		if result != string(data) {
			r.note("racer %d did not receive the stored record, of racer %d", i, first)
		}
	}
	if won != 1 {
		r.note("%d racers received their own record", won)
	}
}
