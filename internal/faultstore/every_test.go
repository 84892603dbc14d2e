package faultstore_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Of eight puts each second one fails: without an effect, with one, and so on.
func TestEvery(t *testing.T) {
	ctx, m := context.Background(), store.NewMemory()
	s := &faultstore.Store{Store: m}
	s.Before, s.After = faultstore.Every(2, 1, errFault, faultstore.PutIfAbsent, faultstore.Delete)
	var failed []int
	for i := range 8 {
		name := fmt.Sprint(i)
		if _, err := s.PutIfAbsent(ctx, name, []byte(name)); err != nil {
			assert.ErrorIs(t, err, errFault)
			failed = append(failed, i)
		}
		_, err := s.Get(ctx, name) // not counted
		assert.Equal(t, i == 2 || i == 6, err != nil, "record %d", i)
	}
	assert.Equal(t, []int{0, 2, 5, 6}, failed)
}
