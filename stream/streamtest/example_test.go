package streamtest_test

import (
	"fmt"

	"github.com/skyfinch/skyfinch/stream/store"
	"github.com/skyfinch/skyfinch/stream/streamtest"
)

// A store of one's own is put to the test in one line.
func ExampleTestStore() {
	fmt.Println(streamtest.TestStore(store.NewMemory()))
	// Output: <nil>
}

// So is a source that has something to read.
func ExampleTestSource() {
	fmt.Println(streamtest.TestSource(letters{}))
	// Output: <nil>
}
