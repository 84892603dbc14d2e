package ledger_test

import (
	"context"
	"fmt"

	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// The second of two batches is planned but not decided.
func ExampleLedger_Batches() {
	ctx := context.Background()
	l, err := ledger.Open(ctx, store.NewMemory(), "ledger", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := int64(1); n <= 2; n++ {
		r := ledger.Range{Partition: "night.avro", From: 10 * (n - 1), To: 10 * n}
		l.PutPlan(ctx, &ledger.Plan{Batch: n, Token: "a", Ranges: []ledger.Range{r}})
		if n == 1 {
			l.PutCommit(ctx, &ledger.Commit{Batch: n, Token: "b", Accounts: []ledger.Account{{Range: r, Read: 10, Written: 9, Rejected: 1}}})
			l.PutDone(ctx, n)
		}
	}
	for b, err := range l.Batches(ctx, 1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if b.Commit == nil {
			fmt.Println(b.Number, b.Plan.Ranges[0], "undecided")
			continue
		}
		a := b.Commit.Accounts[0]
		fmt.Println(b.Number, a.Range, a.Written, "written", a.Rejected, "rejected")
	}
	// Output:
	// 1 night.avro[0,10) 9 written 1 rejected
	// 2 night.avro[10,20) undecided
}
