package faultstore

import (
	"slices"
	"sync/atomic"
)

// Every returns hooks that fail each n-th operation of some kinds with an
// error, in turn before it is done and after it; seed shifts which. The count
// goes by the order of the operations, so that of a process that does one after
// the other equal seeds fail the same ones.
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
