package streamtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/stream/store"
)

// TestStore tests a store, which must be empty; a correct store is empty again
// afterwards. The error lists all failures.
func TestStore(s store.Store) error {
	t := &storeTest{Store: s, ctx: context.Background()}
	if left := t.names(""); len(left) > 0 {
		return fmt.Errorf("streamtest: the store is not empty: %q", left)
	}
	for _, check := range []struct {
		name string
		f    func()
	}{
		{"records", t.records}, {"race", t.race}, {"stage", t.stage}, {"abort", t.abort},
		{"publish", t.publish}, {"open", t.open}, {"list", t.list}, {"delete", t.delete},
		{"hints", t.hints},
	} {
		t.check = check.name
		check.f()
		t.clear()
	}
	return errors.Join(t.breaches...)
}

// hints checks a store that can overwrite records.
func (t *storeTest) hints() {
	h, ok := t.Store.(store.Hinter)
	if !ok {
		return
	}
	for _, data := range []string{"first", "second, longer", "3"} {
		t.ok("PutHint", h.PutHint(t.ctx, "hint", []byte(data)))
		t.holds("hint", data)
	}
	if got := t.put("hint", "record"); got != "3" {
		t.breach("PutIfAbsent of an existing hint returns %.40q", got)
	}
}

// storeTest collects the failures of one store.
type storeTest struct {
	store.Store
	ctx      context.Context
	check    string
	breaches []error
}

func (t *storeTest) breach(format string, args ...any) {
	t.breaches = append(t.breaches, fmt.Errorf("streamtest: "+t.check+": "+format, args...))
}

// ok records an error, if not nil, and reports whether it is nil.
func (t *storeTest) ok(what string, err error) bool {
	if err != nil {
		t.breach("%s: %w", what, err)
	}
	return err == nil
}

// put puts a record and returns the stored one.
func (t *storeTest) put(name, data string) string {
	stored, err := t.PutIfAbsent(t.ctx, name, []byte(data))
	t.ok("PutIfAbsent "+name, err)
	return string(stored)
}

// holds checks the content of a name.
func (t *storeTest) holds(name, want string) {
	got, err := t.Get(t.ctx, name)
	if t.ok("Get "+name, err) && string(got) != want {
		t.breach("%s holds %.40q, not %.40q", name, got, want)
	}
}

// isAbsent checks that a name does not exist.
func (t *storeTest) isAbsent(name string) {
	if got, err := t.Get(t.ctx, name); !errors.Is(err, fs.ErrNotExist) {
		t.breach("Get %s, which does not exist: %.40q, %v, not fs.ErrNotExist", name, got, err)
	}
}

// write stages a file.
func (t *storeTest) write(name, final, data string) {
	w, err := t.Stage(t.ctx, name, final)
	if !t.ok("Stage "+name, err) {
		return
	}
	for part := range slices.Chunk([]byte(data), 1000) {
		if _, err := w.Write(part); !t.ok("Write "+name, err) {
			break
		}
	}
	t.ok("Close "+name, w.Close())
}

// names lists a prefix.
func (t *storeTest) names(prefix string) (names []string) {
	for e, err := range t.List(t.ctx, prefix) {
		if !t.ok(fmt.Sprintf("List %q", prefix), err) {
			break
		}
		names = append(names, e.Name)
	}
	return names
}

// clear deletes all names.
func (t *storeTest) clear() {
	for _, name := range t.names("") {
		t.ok("Delete "+name, t.Delete(t.ctx, name))
	}
	if left := t.names(""); len(left) > 0 {
		t.breach("after all names were deleted there is %q", left)
	}
}

func (t *storeTest) records() {
	t.isAbsent("ledger/1.plan")
	if got := t.put("ledger/1.plan", "first"); got != "first" {
		t.breach("the first put of a name returns %q", got)
	}
	if got := t.put("ledger/1.plan", "first"); got != "first" {
		t.breach("a repeated put returns %q", got)
	}
	if got := t.put("ledger/1.plan", "second"); got != "first" {
		t.breach("a put of an existing name returns %q, not the stored record", got)
	}
	t.holds("ledger/1.plan", "first")
	t.put("ledger/empty", "")
	t.put("ledger/empty", "not empty")
	t.holds("ledger/empty", "")
	big := strings.Repeat("0123456789abcdef", 1<<16)
	t.put("ledger/big", big)
	t.holds("ledger/big", big)
	t.ownership()
}

// ownership checks that the store shares neither arguments nor results.
func (t *storeTest) ownership() {
	data := []byte("mine")
	stored, err := t.PutIfAbsent(t.ctx, "ledger/own", data)
	if !t.ok("PutIfAbsent", err) {
		return
	}
	copy(data, "....")
	t.holds("ledger/own", "mine")
	copy(stored, "....")
	t.holds("ledger/own", "mine")
	if got, err := t.Get(t.ctx, "ledger/own"); err == nil {
		copy(got, "....")
		t.holds("ledger/own", "mine")
	}
}

func (t *storeTest) stage() {
	w, err := t.Stage(t.ctx, "staging/1/a", "table/a")
	if !t.ok("Stage", err) {
		return
	}
	_, err = io.WriteString(w, "half")
	t.ok("Write", err)
	t.isAbsent("table/a")
	t.ok("Close", w.Close())
	t.isAbsent("table/a")
	if got := t.names("table/"); len(got) > 0 {
		t.breach("a staged file is visible as %q", got)
	}
	if got := t.names("staging/"); !slices.Equal(got, []string{"staging/1/a"}) {
		t.breach("a staged file is listed as %q under its own name", got)
	}
	t.ok("Delete", t.Delete(t.ctx, "staging/1/a"))
	if t.Publish(t.ctx, "staging/1/a", "table/a", 4) == nil {
		t.breach("a deleted staged file can be published")
	}
	t.write("staging/1/a", "table/a", "again")
	t.ok("Publish", t.Publish(t.ctx, "staging/1/a", "table/a", 5))
	t.holds("table/a", "again")
}

func (t *storeTest) publish() {
	if err := t.Publish(t.ctx, "staging/none", "table/x", 3); !errors.Is(err, fs.ErrNotExist) {
		t.breach("Publish of a name never staged: %v, not fs.ErrNotExist", err)
	}
	big := strings.Repeat("0123456789abcdef", 1<<16)
	t.write("staging/x", "table/2026/x", big)
	for range 3 {
		t.ok("Publish, repeatedly", t.Publish(t.ctx, "staging/x", "table/2026/x", int64(len(big))))
		t.holds("table/2026/x", big)
	}
	if got := t.names("staging/"); len(got) > 0 {
		t.breach("a published file is still staged as %q", got)
	}
	if err := t.Publish(t.ctx, "staging/x", "table/2026/x", 7); !errors.Is(err, fs.ErrNotExist) {
		t.breach("Publish of a missing file over one of another size: %v, not fs.ErrNotExist", err)
	}
	t.write("staging/y", "table/2026/x", "other")
	t.ok("Publish over another", t.Publish(t.ctx, "staging/y", "table/2026/x", 5))
	t.holds("table/2026/x", "other")
}

func (t *storeTest) list() {
	names := []string{"a-b", "a.b", "a/b", "a/b-c", "a/b.c", "a/c/d", "a0", "ab/c", "b", "ä", "日/本"}
	for _, name := range names {
		t.put(name, name)
	}
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/c", "a/c/", "a-", "ab", "b", "b/", "c", "c/d/", "日", "z/"} {
		var want []string
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				want = append(want, name)
			}
		}
		if got := t.names(prefix); !slices.Equal(got, want) {
			t.breach("List %q yields %q, not %q", prefix, got, want)
		}
	}
	for e, err := range t.List(t.ctx, "") {
		if err == nil && e.Size != int64(len(e.Name)) {
			t.breach("%s has %d bytes, not %d", e.Name, e.Size, len(e.Name))
		}
	}
	seen := 0
	for range t.List(t.ctx, "") {
		if seen++; seen == 2 {
			break
		}
	}
	if seen != 2 {
		t.breach("a List stopped after 2 entries yielded %d", seen)
	}
}

func (t *storeTest) delete() {
	t.ok("Delete of a missing name", t.Delete(t.ctx, "d/e/f"))
	t.put("d/e/f", "x")
	t.put("d/g", "y")
	t.ok("Delete", t.Delete(t.ctx, "d/e/f"))
	t.isAbsent("d/e/f")
	t.holds("d/g", "y")
	t.ok("Delete again", t.Delete(t.ctx, "d/e/f"))
	if got := t.put("d/e/f", "anew"); got != "anew" {
		t.breach("after a deletion a put returns %q", got)
	}
	t.ok("Delete of a similar name", t.Delete(t.ctx, "d/e/g"))
	if got, _ := t.Get(t.ctx, "d/e/f"); !bytes.Equal(got, []byte("anew")) {
		t.breach("a deletion of another name left %q", got)
	}
}
