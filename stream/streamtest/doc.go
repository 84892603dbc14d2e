// Package streamtest tests implementations of [store.Store] and [stream.Source], on
// whose correctness exactly-once delivery depends. One call tests one:
//
//	if err := streamtest.TestStore(myStore); err != nil {
//		t.Fatal(err)
//	}
package streamtest
