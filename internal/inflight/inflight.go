// Package inflight lets a transform ask its engine for memory before it takes it:
// an engine bounds the memory of what it has read, but not what that becomes.
package inflight

import "context"

type growKey struct{}

// With returns a context for a transform that may need more memory than the
// messages it gets. grow is called with a number of bytes, and returns once they
// may be taken, or early if the context ends.
func With(ctx context.Context, grow func(n int64)) context.Context {
	return context.WithValue(ctx, growKey{}, grow)
}

// Grower returns the function that With was called with, or one that returns at
// once if there is none.
func Grower(ctx context.Context) (grow func(n int64)) {
	if grow, ok := ctx.Value(growKey{}).(func(int64)); ok {
		return grow
	}
	return func(int64) {}
}
