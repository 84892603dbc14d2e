package stream

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
)

// Causes may quote names and numbers from messages, so there may be one for each
// message: only maxCauses are counted separately.
const (
	maxCauses   = 20
	otherCauses = "other causes"
)

// causes counts rejects by their cause.
type causes map[string]int64

func (c causes) add(cause string, n int64) {
	if _, known := c[cause]; !known && len(c) >= maxCauses {
		cause = otherCauses
	}
	c[cause] += n
}

// rejects counts the rejects of a batch by table, class and cause.
type rejects map[rejectKind]int64

type rejectKind struct{ table, class, cause string }

const (
	maxClasses = 100 // of a batch
	otherClass = "other"
)

func (c rejects) add(table string, x Reject) {
	k := rejectKind{table, cmp.Or(x.Class, otherClass), x.Cause}
	if c[k] == 0 {
		causes, classes := 0, map[string]bool{}
		for have := range c {
			classes[have.class] = true
			if have.cause != otherCauses {
				causes++
			}
		}
		if !classes[k.class] && len(classes) >= maxClasses {
			k.class = otherClass
		}
		if causes >= maxCauses {
			k.cause = otherCauses
		}
	}
	c[k]++
}

// sorted returns the kinds in the order of their names.
func (c rejects) sorted() []rejectKind {
	return slices.SortedFunc(maps.Keys(c), func(a, b rejectKind) int {
		return cmp.Or(cmp.Compare(a.cause, b.cause), cmp.Compare(a.class, b.class), cmp.Compare(a.table, b.table))
	})
}

// log logs the rejects of a batch that are not kept.
func (c rejects) log(to *slog.Logger, batch int64) {
	for _, k := range c.sorted() {
		to.Warn("rejected", "batch", batch, "messages", c[k], "cause", k.cause)
	}
}
