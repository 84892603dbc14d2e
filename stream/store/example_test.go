package store_test

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/skyfinch/skyfinch/stream/store"
)

// The first writer stores the record; both receive it.
func ExampleMemory_PutIfAbsent() {
	ctx, s := context.Background(), store.NewMemory()
	for _, who := range []string{"first", "second"} {
		stored, err := s.PutIfAbsent(ctx, "ledger/1.plan", []byte("by the "+who))
		fmt.Printf("%s: %s %v\n", who, stored, err)
	}
	// Output:
	// first: by the first <nil>
	// second: by the first <nil>
}

// A file is staged under one name and published under another.
func ExampleDir() {
	if err := stageAndPublish(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// staged: staging/1/a 4
	// published: table/a 4
}

func stageAndPublish() error {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "store")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	d, err := store.OpenDir(root)
	if err != nil {
		return err
	}
	w, err := d.Stage(ctx, "staging/1/a", "table/a")
	if err != nil {
		return err
	}
	defer w.Abort() // does nothing once the file is complete
	if _, err := io.WriteString(w, "rows"); err != nil {
		return err
	}
	if err := w.Close(); err != nil { // now it is on the disk
		return err
	}
	show(ctx, "staged:", d)
	if err := d.Publish(ctx, "staging/1/a", "table/a", 4); err != nil {
		return err
	}
	show(ctx, "published:", d)
	return nil
}

func show(ctx context.Context, what string, s store.Store) {
	for e, err := range s.List(ctx, "") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(what, e.Name, e.Size)
	}
}
