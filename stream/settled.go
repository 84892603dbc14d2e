package stream

import "slices"

// settledWith is settled as it is once accounts are settled too.
func (c *claims) settledWith(accounts []Account) map[string]int64 {
	out := c.settled()
	then := claims{parts: map[string]claim{}}
	for _, a := range accounts {
		if !then.knows(a.Partition) {
			then.parts[a.Partition] = claim{done: slices.Clone(c.parts[a.Partition].done)}
		}
		if then.settle(a) == nil { // else it is reported when the batch is done
			out[a.Partition], _ = then.next(a.Partition)
		}
	}
	return out
}
