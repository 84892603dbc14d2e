package faultstore

import (
	"slices"
	"sync/atomic"
)

// Every returns hooks that fail every n-th operation of the given kinds with
// err, alternately before and after it is done; seed shifts which. Operations
// are counted in the order of the calls, so a sequential process with the same
// seed fails at the same operations.
func Every(n, seed uint64, err error, kinds ...Kind) (before, after func(Op) error) {
	hook := func(phase uint64) func(Op) error {
		var count atomic.Uint64
		return func(op Op) error {
			if !slices.Contains(kinds, op.Kind) || (count.Add(1)+seed)%(2*n) != phase {
				return nil
			}
			return err
		}
	}
	return hook(0), hook(n)
}
