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
