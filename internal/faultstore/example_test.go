package faultstore_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/store"
)

// The answer to a put is lost: the record exists, as a second put shows.
func Example() {
	lost := errors.New("connection reset")
	s := &faultstore.Store{Store: store.NewMemory(), After: func(op faultstore.Op) error { return lost }}
	_, err := s.PutIfAbsent(context.Background(), "1.plan", []byte("mine"))
	fmt.Println(err)
	s.After = nil
	stands, err := s.PutIfAbsent(context.Background(), "1.plan", []byte("mine"))
	fmt.Printf("%s %v\n", stands, err)
	// Output:
	// connection reset
	// mine <nil>
}
