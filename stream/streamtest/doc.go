// Package streamtest checks whether a store keeps the promises that
// [store.Store] makes, and on which exactly-once delivery rests. A test of a
// new store is one line:
//
//	if err := streamtest.TestStore(myStore); err != nil {
//		t.Fatal(err)
//	}
package streamtest
