// Package streamtest tests whether a store implements [store.Store] correctly, and a
// source [stream.Source]: exactly-once delivery depends on it. One call tests an
// implementation:
//
//	if err := streamtest.TestStore(myStore); err != nil {
//		t.Fatal(err)
//	}
package streamtest
