package ledger

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/store"
)

func numbersOf(t *testing.T, batches func(func(Batch, error) bool)) (out []int64) {
	for b, err := range batches {
		require.NoError(t, err)
		out = append(out, b.Number)
	}
	return out
}

// Follow ends before the first batch that is undecided or not published, and
// counts a batch whose files are all in place as published.
func TestFollow(t *testing.T) {
	ctx, s := t.Context(), store.NewMemory()
	l, err := Open(ctx, s, "ledger", nil)
	require.NoError(t, err)
	putBatches(t, l, 6)
	assert.Equal(t, []int64{4, 5, 6}, numbersOf(t, l.Follow(ctx, 4)))
	assert.Empty(t, numbersOf(t, l.Follow(ctx, 7)))

	for n := int64(7); n <= 9; n++ {
		_, err := l.PutPlan(ctx, &Plan{Batch: n, Token: "t", Ranges: []Range{{"p", n, n + 1}}})
		require.NoError(t, err)
	}
	commit := func(n int64, r Receipt) {
		_, err := l.PutCommit(ctx, &Commit{Batch: n, Token: "t", Rows: Receipt{Parts: []Receipt{r}}})
		require.NoError(t, err)
	}
	commit(8, Receipt{})
	assert.Empty(t, numbersOf(t, l.Follow(ctx, 7)), "7 is undecided")
	commit(7, Receipt{Files: []File{{Path: "rows/7", Bytes: 3}}})
	assert.Empty(t, numbersOf(t, l.Follow(ctx, 7)), "its file is missing")
	s.PutIfAbsent(ctx, "rows/7", []byte("ab"))
	s.PutIfAbsent(ctx, "rows/7a", []byte("abc"))
	assert.Empty(t, numbersOf(t, l.Follow(ctx, 7)), "its file is another one")
	s.PutHint(ctx, "rows/7", []byte("abc"))
	assert.Equal(t, []int64{7, 8}, numbersOf(t, l.Follow(ctx, 7)))
	commit(9, Receipt{Data: []byte(`{}`)})
	assert.Equal(t, []int64{8}, numbersOf(t, l.Follow(ctx, 8)), "what was published besides files is unknown")
	require.NoError(t, l.PutDone(ctx, 9))
	assert.Equal(t, []int64{8, 9}, numbersOf(t, l.Follow(ctx, 8)))

	require.NoError(t, l.PutSnapshot(ctx, snapshotOf(6)))
	require.NoError(t, l.Truncate(ctx))
	assert.Equal(t, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}, numbersOf(t, l.Follow(ctx, 0)))
	assert.Equal(t, []int64{3, 4, 5, 6, 7, 8, 9}, numbersOf(t, l.Follow(ctx, 3)))
	assert.Equal(t, []int64{9}, numbersOf(t, l.Follow(ctx, 9)))
}

func replacing(base int64, names ...string) *Commit {
	r := &Replacement{Base: base}
	for _, name := range names {
		r.Files = append(r.Files, ReplacedFile{Name: name, Rows: 1, Bytes: 1})
	}
	return &Commit{Replaces: r}
}

func TestRewrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		l, err := Open(ctx, store.NewMemory(), "ledger", nil)
		require.NoError(t, err)
		putBatches(t, l, 3)
		require.NoError(t, l.Rewrite(ctx, replacing(3, "a", "b"), nil))
		c, err := l.Commit(ctx, 4)
		require.NoError(t, err)
		assert.Equal(t, []string{"replaces"}, c.Needs)
		assert.EqualValues(t, 3, c.Replaces.Base)

		var replaced *ReplacedError
		require.ErrorAs(t, l.Rewrite(ctx, replacing(3, "c", "b"), nil), &replaced)
		assert.Equal(t, ReplacedError{File: "b", Batch: 4}, *replaced)

		stop := fmt.Errorf("stop")
		var checked []int64
		err = l.Rewrite(ctx, replacing(2, "c"), func(b Batch) error { checked = append(checked, b.Number); return stop })
		assert.Equal(t, stop, err)
		assert.Equal(t, []int64{3}, checked, "it reads on from the base")

		// A claim whose process died is decided as empty after a while.
		mine, err := l.claim(ctx, 5)
		require.NoError(t, err)
		require.True(t, mine)
		begun := time.Now()
		require.NoError(t, l.Rewrite(ctx, replacing(4, "c"), nil))
		assert.GreaterOrEqual(t, time.Since(begun), claimTimeout)
		if c, err = l.Commit(ctx, 5); assert.NoError(t, err) {
			assert.Nil(t, c.Replaces)
		}
		if c, err = l.Commit(ctx, 6); assert.NoError(t, err) {
			assert.Equal(t, "c", c.Replaces.Files[0].Name)
		}

		// One that is alive is waited for, and counts.
		mine, err = l.claim(ctx, 7)
		require.NoError(t, err)
		require.True(t, mine)
		go func() {
			time.Sleep(claimTimeout / 2)
			c := replacing(6, "d")
			c.Batch = 7
			l.decide(ctx, c)
		}()
		assert.ErrorAs(t, l.Rewrite(ctx, replacing(6, "d"), nil), &replaced)
		assert.EqualValues(t, 7, replaced.Batch)
	})
}

// Old or impossible bases are refused, in records too.
func TestRewriteBase(t *testing.T) {
	setRewriteAge(t, 2)
	ctx, s := t.Context(), store.NewMemory()
	l, err := Open(ctx, s, "ledger", nil)
	require.NoError(t, err)
	putBatches(t, l, 3)
	assert.ErrorContains(t, l.Rewrite(ctx, replacing(1, "a"), nil), "batch 4 cannot replace files of the batches through 1")
	assert.Equal(t, []int64{1, 2, 3}, numbersOf(t, l.Batches(ctx, 1)), "nothing is claimed")
	for _, base := range []int64{-1, 1, 4, 9} {
		c := replacing(base, "a")
		c.Batch = 4
		_, err = l.PutCommit(ctx, c)
		var damaged *DamagedError
		assert.ErrorAs(t, err, &damaged)
	}
	s.PutIfAbsent(ctx, "ledger/000000000004.plan", []byte(`{"batch":4,"token":"t"}`))
	s.PutIfAbsent(ctx, "ledger/000000000004.commit", []byte(`{"batch":4,"token":"t","replaces":{"base":4,"files":[]}}`))
	_, err = l.Commit(ctx, 4)
	assert.ErrorContains(t, err, "cannot replace")
}

// What a record or a snapshot needs is looked at wherever it is.
func TestNeeds(t *testing.T) {
	ctx, s := t.Context(), store.NewMemory()
	l, err := Open(ctx, s, "ledger", nil)
	require.NoError(t, err)
	putBatches(t, l, 3)
	_, err = l.PutPlan(ctx, &Plan{Batch: 4, Needs: []string{"wings"}})
	var newer *FeatureError
	require.ErrorAs(t, err, &newer, "nor is one written")
	assert.ErrorContains(t, err, `it needs "wings", which this version does not know: install a newer version`)

	line := `{"plan":{"batch":%d,"token":"t"},"commit":{"batch":%[1]d,"token":"t","needs":["%s"]}}` + "\n"
	s.PutIfAbsent(ctx, "ledger/history/000000000001-000000000002", compress([]byte(fmt.Sprintf(line, 1, "replaces")+fmt.Sprintf(line, 2, "wings"))))
	s.PutIfAbsent(ctx, "ledger/snapshots/000000000002", compress([]byte(`{"version":"1","through":2,"parts":{}}`)))
	var read []int64
	for b, err := range l.Batches(ctx, 1) {
		if err != nil {
			assert.ErrorAs(t, err, &newer)
			assert.Equal(t, "ledger/history/000000000001-000000000002", newer.Name)
			continue
		}
		read = append(read, b.Number)
	}
	assert.Equal(t, []int64{1}, read, "it ends there")

	s.PutIfAbsent(ctx, "ledger/snapshots/000000000003", compress([]byte(`{"version":"1","through":3,"parts":{},"needs":["wings"]}`)))
	_, err = l.Snapshot(ctx, 0)
	assert.ErrorAs(t, err, &newer)
}

// A header, a record of publication and a schema may need something, too.
func TestNeedsOfOtherRecords(t *testing.T) {
	ctx := t.Context()
	var newer *FeatureError
	open := func(header string, records map[string]string) (*Ledger, error) {
		s := store.NewMemory()
		s.PutIfAbsent(ctx, "ledger/ledger.json", []byte(header))
		for name, data := range records {
			s.PutIfAbsent(ctx, "ledger/"+name, []byte(data))
		}
		return Open(ctx, s, "ledger", nil)
	}
	_, err := open(`{"id":"x","version":"1","needs":["wings"]}`, nil)
	require.ErrorAs(t, err, &newer)
	assert.Equal(t, "ledger/ledger.json", newer.Name)

	l, err := open(`{"id":"x","version":"1"}`, map[string]string{
		"000000000001.plan":   `{"batch":1,"token":"t"}`,
		"000000000001.commit": `{"batch":1,"token":"t"}`,
		"000000000001.done":   `{"batch":1,"needs":["wings"]}`,
		"schema/t.000001":     `{"table":"t","number":1,"arrow":"d2luZ3M=","needs":["wings"]}`,
	})
	require.NoError(t, err)
	_, err = l.Done(ctx, 1)
	require.ErrorAs(t, err, &newer)
	assert.Equal(t, "ledger/000000000001.done", newer.Name)
	for _, err := range l.Batches(ctx, 1) {
		require.ErrorAs(t, err, &newer)
	}
	_, err = l.Schema(ctx, "t")
	require.ErrorAs(t, err, &newer)
	assert.Equal(t, "ledger/schema/t.000001", newer.Name)
}
