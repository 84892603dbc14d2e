package monitor

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// writer adds to the history of one process.
type writer struct {
	records  records
	instance string
	parts    []part // one for each level
}

// part is the newest part of a level.
type part struct {
	level
	start   time.Time // of the slot that is not complete
	current *slot     // nil if there is none
	block   time.Time // of slots
	slots   blockSlots
}

// openWriter continues the history of an instance. Slots that a process which has
// been killed left incomplete are made from those of the shorter steps.
func openWriter(ctx context.Context, r records, instance string, now time.Time) (*writer, error) {
	w := &writer{records: r, instance: instance}
	for _, l := range levels {
		w.parts = append(w.parts, part{level: l})
	}
	for i := 1; i < len(levels); i++ {
		fine, l := levels[i-1], levels[i]
		have, missing := map[int64]bool{}, map[int64]*slot{}
		err := readSlots(ctx, r, instance, l, firstTime, now, func(at time.Time, _ *slot) { have[at.Unix()] = true })
		if err != nil {
			return nil, err
		}
		err = readSlots(ctx, r, instance, fine, firstTime, now, func(at time.Time, s *slot) {
			if at := floor(at, l.step).Unix(); !have[at] {
				if missing[at] == nil {
					missing[at] = newSlot()
				}
				missing[at].add(s)
			}
		})
		if err != nil {
			return nil, err
		}
		for _, at := range slices.Sorted(maps.Keys(missing)) {
			start := time.Unix(at, 0).UTC()
			if start.Add(l.step).After(now) {
				w.parts[i].start, w.parts[i].current = start, missing[at]
			} else if err := w.parts[i].put(ctx, w, start, missing[at]); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// add adds a slot of the shortest step.
func (w *writer) add(ctx context.Context, at time.Time, s *slot) error { return w.addTo(ctx, 0, at, s) }

// addTo adds a slot to a level. What is complete goes to the store, and to the next
// level.
func (w *writer) addTo(ctx context.Context, i int, at time.Time, s *slot) error {
	p := &w.parts[i]
	start := floor(at, p.step)
	if p.current != nil && !start.Equal(p.start) {
		if err := w.complete(ctx, i); err != nil {
			return err
		}
	}
	if p.current == nil {
		p.start, p.current = start, newSlot()
	}
	p.current.add(s)
	if i == 0 {
		return w.complete(ctx, 0) // what follows in the same second is added to it
	}
	return nil
}

// complete stores the current slot of a level. If that fails, it stays in memory
// until the next try, which stores the block as a whole.
func (w *writer) complete(ctx context.Context, i int) error {
	p := &w.parts[i]
	at, s := p.start, p.current
	p.current = nil
	var failed error
	if i+1 < len(w.parts) {
		failed = w.addTo(ctx, i+1, at, s)
	}
	if err := p.put(ctx, w, at, s); err != nil {
		return err
	}
	return failed
}

// put adds a slot to its block, and stores the block.
func (p *part) put(ctx context.Context, w *writer, at time.Time, s *slot) error {
	name := blockName(w.instance, p.level, at)
	if block := floor(at, p.level.block); p.slots == nil || !block.Equal(p.block) {
		old, err := readBlock(ctx, w.records, name)
		if err != nil {
			return err
		}
		p.block, p.slots = block, old
	}
	if old := p.slots[at.Unix()]; old != nil { // the clock went back
		old.add(s)
	} else {
		p.slots[at.Unix()] = s
	}
	return w.records.put(ctx, name, encodeBlock(p.slots))
}

// readBlock returns a block, which is empty if it does not exist or is damaged, as
// after a loss of power.
func readBlock(ctx context.Context, r records, name string) (blockSlots, error) {
	data, err := r.get(ctx, name)
	if err != nil {
		return nil, err
	}
	slots, err := parseBlock(data)
	if err != nil {
		return blockSlots{}, nil
	}
	return slots, nil
}

// readSlots calls f with the complete slots of a level that begin in [from, to), in
// ascending order.
func readSlots(ctx context.Context, r records, instance string, l level, from, to time.Time, f func(time.Time, *slot)) error {
	var names []string
	for e, err := range r.list(ctx, levelPrefix(instance, l)) {
		if err != nil {
			return err
		}
		_, _, at, ok := parseBlockName(e.Name)
		if ok && at.Before(to) && at.Add(l.block).After(from) {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names) // by time: the numbers have ten digits until 2286
	for _, name := range names {
		slots, err := readBlock(ctx, r, name)
		if err != nil {
			return err
		}
		for _, start := range slices.Sorted(maps.Keys(slots)) {
			if t := time.Unix(start, 0).UTC(); !t.Before(from) && t.Before(to) {
				f(t, slots[start])
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// readAll calls f with the slots of a level that begin in [from, to), in ascending
// order, and then with those of shorter steps that are not part of a complete one yet.
func readAll(ctx context.Context, r records, instance string, i int, from, to time.Time, f func(time.Time, *slot)) error {
	next := from
	err := readSlots(ctx, r, instance, levels[i], from, to, func(at time.Time, s *slot) {
		next = at.Add(levels[i].step)
		f(at, s)
	})
	if err != nil || i == 0 || !next.Before(to) {
		return err
	}
	return readAll(ctx, r, instance, i-1, next, to, f)
}

// instances returns the processes that have a history.
func instances(ctx context.Context, r records) ([]string, error) {
	var names []string
	for e, err := range r.list(ctx, statusPrefix) {
		if err != nil {
			return nil, err
		}
		name, ok := strings.CutSuffix(strings.TrimPrefix(e.Name, statusPrefix), ".json")
		if ok && name == cleanName(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// prune deletes the blocks of all processes that are older than the history is kept.
func prune(ctx context.Context, r records, now time.Time) error {
	for e, err := range r.list(ctx, historyPrefix) {
		if err != nil {
			return err
		}
		_, l, at, ok := parseBlockName(e.Name)
		if ok && at.Add(l.block+l.keep).Before(now) {
			if err := r.store.Delete(ctx, e.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
