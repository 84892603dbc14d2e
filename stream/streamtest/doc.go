// Package streamtest checks whether a store keeps the promises that
// [store.Store] makes, and a source those of [stream.Source]: exactly-once
// delivery rests on them. A test of a new one is a line:
//
//	if err := streamtest.TestStore(myStore); err != nil {
//		t.Fatal(err)
//	}
package streamtest
