package streamtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/skyfinch/skyfinch/stream/store"
)

// abort tests Abort in each state of a writer.
func (t *storeTest) abort() {
	t.stageAndAbort(context.Background(), "staging/1/a", "")
	old := t.stageAndAbort(context.Background(), "staging/1/a", "half")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	t.stageAndAbort(ctx, "staging/1/ended", "half") // Abort must work even then
	t.write("staging/1/a", "table/a", "whole")
	if old != nil {
		t.ok("Abort after another writer staged the name", old.Abort())
	}
	t.ok("Publish of a name that was aborted and staged again", t.Publish(t.ctx, "staging/1/a", "table/a", 5))
	t.holds("table/a", "whole")
	t.closedThenAborted()
}

// stageAndAbort stages a file, writes to it, cancels its context, and aborts it.
func (t *storeTest) stageAndAbort(ctx context.Context, name, data string) store.Writer {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := t.Stage(ctx, name, "table/a")
	if ctx.Err() != nil && err != nil {
		return nil
	}
	if !t.ok("Stage", err) {
		return nil
	}
	_, err = io.WriteString(w, data)
	if ctx.Err() == nil {
		t.ok("Write", err)
	}
	cancel()
	for range 2 {
		t.ok("Abort, repeatedly", w.Abort())
	}
	if w.Close() == nil {
		t.breach("Close of %s after Abort returned nil", name)
	}
	if got := t.names(""); len(got) > 0 {
		t.breach("an aborted file left %q", got)
	}
	if t.Publish(t.ctx, name, "table/a", int64(len(data))) == nil {
		t.breach("an aborted file can be published")
	}
	return w
}

// closedThenAborted tests Abort of a closed file.
func (t *storeTest) closedThenAborted() {
	w, err := t.Stage(t.ctx, "staging/1/b", "table/b")
	if !t.ok("Stage", err) {
		return
	}
	_, err = io.WriteString(w, "whole")
	t.ok("Write", err)
	t.ok("Close", w.Close())
	t.ok("Abort after Close", w.Abort())
	t.ok("Publish after Abort after Close", t.Publish(t.ctx, "staging/1/b", "table/b", 5))
	t.holds("table/b", "whole")
	t.ok("Abort after Publish", w.Abort())
	t.holds("table/b", "whole")
}

// open tests reading ranges of a file and of records.
func (t *storeTest) open() {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	big = append(big, "end"...)
	t.write("staging/x", "table/x", string(big))
	t.ok("Publish", t.Publish(t.ctx, "staging/x", "table/x", int64(len(big))))
	for _, name := range []string{"table/none", "table"} {
		if r, err := t.Open(t.ctx, name); !errors.Is(err, fs.ErrNotExist) {
			t.breach("Open %s, which does not exist: %v, %v, not fs.ErrNotExist", name, r, err)
		}
	}
	t.put("ledger/record", "record")
	t.put("ledger/empty", "")
	t.reads("table/x", big)
	t.reads("ledger/record", []byte("record"))
	t.reads("ledger/empty", nil)
}

// reads checks ranges of a name, read concurrently.
func (t *storeTest) reads(name string, want []byte) {
	r, err := t.Open(t.ctx, name)
	if !t.ok("Open "+name, err) {
		return
	}
	n := int64(len(want))
	if r.Size() != n {
		t.breach("%s has %d bytes, not %d", name, r.Size(), n)
	}
	ranges := [][2]int64{{0, n}, {0, 1}, {n / 2, 100}, {n / 3, n / 3}, {n - 3, 3}, {n - 3, 100}, {n, 1}, {n + 5, 1}}
	wrong := make([]bool, len(ranges))
	var all sync.WaitGroup
	for i, x := range ranges {
		all.Go(func() {
			from, size := max(x[0], 0), x[1]
			p := make([]byte, size)
			got, err := r.ReadAt(p, from)
			part := want[min(from, n):min(from+size, n)]
			wrong[i] = !bytes.Equal(p[:got], part) || int64(got) < size && err != io.EOF || err != nil && err != io.EOF
		})
	}
	all.Wait()
	for i, x := range ranges {
		if wrong[i] {
			t.breach("%s: wrong bytes in the %d from %d, of %d", name, x[1], x[0], n)
		}
	}
	t.ok("Close of "+name, r.Close())
}
