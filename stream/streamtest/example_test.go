package streamtest_test

import (
	"fmt"

	"github.com/skyfinch/skyfinch/stream/store"
	"github.com/skyfinch/skyfinch/stream/streamtest"
)

// One call tests a store.
func ExampleTestStore() {
	fmt.Println(streamtest.TestStore(store.NewMemory()))
	// Output: <nil>
}

// One call tests a source with messages to read.
func ExampleTestSource() {
	fmt.Println(streamtest.TestSource(letters{}))
	// Output: <nil>
}
