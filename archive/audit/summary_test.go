package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/internal/alerttest"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/store"
)

// twoNights makes an archive as sky does, audits it, and archives ten more
// alerts.
func twoNights(t *testing.T) (dir string, since []byte) {
	dir = sky(t)
	since = look(t, audit.Options{Dir: dir}).Summary
	require.NotNil(t, since)
	night := filepath.Join(t.TempDir(), "next")
	require.NoError(t, alerttest.WriteZTF(night, 10, 4))
	s := &archive.Service{Job: stream.MicroBatch{Source: &files.Source{Patterns: []string{night}}, Limits: stream.Limits{Rows: 5}}, Dir: dir}
	require.NoError(t, s.Drain(t.Context()))
	return dir, since
}

// counted is an archive's store that notes which files are opened, and which
// records are read.
func counted(t *testing.T, dir string) (st store.Store, used map[string]int) {
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	used = map[string]int{}
	return &faultstore.Store{Store: d, Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.Open || op.Kind == faultstore.Get {
			used[op.Name]++
		}
		return nil
	}}, used
}

func TestSince(t *testing.T) {
	dir, since := twoNights(t)
	full := look(t, audit.Options{Dir: dir, Deep: true})
	require.Empty(t, full.Findings)
	require.EqualValues(t, 6, full.Batches)

	st, used := counted(t, dir)
	r := look(t, audit.Options{Store: st, Deep: true, Since: since})
	assert.Empty(t, r.Findings)
	assert.Len(t, r.Notes, 1)
	r.Notes, r.Archive = full.Notes, full.Archive
	assert.JSONEq(t, string(full.Summary), withTimeOf(r.Summary, full.Summary))
	r.Summary = full.Summary
	assert.Equal(t, full, r, "it says the same")
	old := regexp.MustCompile(`00000000000[1-4]`)
	for name := range used {
		assert.NotRegexp(t, old, name, "it was read again")
	}

	st, used = counted(t, dir)
	r = look(t, audit.Options{Store: st, Since: full.Summary})
	assert.Empty(t, r.Findings)
	for name := range used {
		assert.NotContains(t, name, ".parquet.")
		assert.NotContains(t, name, "alerts/ztf/")
	}
}

// withTimeOf replaces the time of a summary by that of another.
func withTimeOf(summary, other []byte) string {
	created := regexp.MustCompile(`"created":"[^"]*"`)
	return created.ReplaceAllLiteralString(string(summary), string(created.Find(other)))
}

// TestDamageSince plants damage in a file or record from before the summary, or
// after it.
func TestDamageSince(t *testing.T) {
	oldFile := func(t *testing.T, dir string) string {
		return first(t, dir, "alerts/ztf/*/*/*/*/*-000000000002-0.parquet")
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		kind   audit.Kind // empty: the damage is not seen
		what   string
	}{
		"none":          {func(*testing.T, string) {}, "", ""},
		"old missing":   {func(t *testing.T, dir string) { remove(t, oldFile(t, dir)) }, audit.BadSum, "and should be"},
		"old truncated": {func(t *testing.T, dir string) { truncate(t, oldFile(t, dir), 1) }, audit.BadSum, "names or sizes have changed"},
		"old renamed": {func(t *testing.T, dir string) {
			f := oldFile(t, dir)
			require.NoError(t, os.Rename(f, f+".parquet"))
		}, audit.BadSum, "names or sizes have changed"},
		"extra":       {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "alerts/x.parquet"), "x") }, audit.BadSum, "and should be"},
		"old corrupt": {func(t *testing.T, dir string) { flip(t, oldFile(t, dir), -5) }, "", ""},
		"old staged": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "staging", ledgerID(t, dir), anotherN, "attempt", "tag-0"), "x")
		}, audit.Leftover, "batch 2 is decided without it"},
		"new missing": {func(t *testing.T, dir string) {
			remove(t, first(t, dir, "alerts/ztf/*/*/*/*/*-000000000006-0.parquet"))
		}, audit.MissingFile, "batch 6 committed"},
		"new corrupt": {func(t *testing.T, dir string) {
			flip(t, first(t, dir, "alerts/ztf/*/*/*/*/*-000000000006-0.parquet"), -5)
		}, audit.CorruptFile, "is not what batch 6"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, since := twoNights(t)
			c.damage(t, dir)
			r := look(t, audit.Options{Dir: dir, Since: since})
			if c.kind == "" {
				assert.Empty(t, r.Findings)
				return
			}
			require.Len(t, r.Findings, 1, "%v", r.Findings)
			assert.Equal(t, c.kind, r.Findings[0].Kind)
			assert.Contains(t, r.Findings[0].What, c.what)
			assert.Nil(t, r.Summary)
			assert.False(t, look(t, audit.Options{Dir: dir}).OK())
		})
	}
}

// Rewrites of files from before the summary.
func TestRewriteSince(t *testing.T) {
	dir, since := twoNights(t)
	old, _ := committedFiles(t, openLedger(t, dir), "alerts/ztf")
	rewrite(t, dir, old[:2], nil)
	remove(t, filepath.Join(dir, old[0].Path))
	r := look(t, audit.Options{Dir: dir, Since: since})
	assert.Empty(t, r.Findings)
	assert.EqualValues(t, 1, r.Pending)
	full := look(t, audit.Options{Dir: dir})
	assert.Equal(t, full.Tables, r.Tables)
	assert.JSONEq(t, string(full.Summary), withTimeOf(r.Summary, full.Summary))

	again := look(t, audit.Options{Dir: dir, Since: r.Summary})
	assert.Empty(t, again.Findings)
	assert.EqualValues(t, 1, again.Pending, "its deletion is still due")
	assert.JSONEq(t, string(r.Summary), withTimeOf(again.Summary, r.Summary))
	remove(t, filepath.Join(dir, old[1].Path))
	assert.Empty(t, look(t, audit.Options{Dir: dir, Since: r.Summary}).Findings)
	assert.Empty(t, look(t, audit.Options{Dir: dir, Since: since}).Findings)

	rewrite(t, dir, old[2:3], nil)
	rewritten, _ := committedFiles(t, openLedger(t, dir), "alerts/ztf")
	rewritten[len(rewritten)-1].Path = old[2].Path
	twice := rewrite(t, dir, rewritten[len(rewritten)-1:], nil)
	r = look(t, audit.Options{Dir: dir, Since: since})
	require.Len(t, r.Findings, 1, "%v", r.Findings)
	assert.Equal(t, audit.Duplicate, r.Findings[0].Kind)
	assert.Contains(t, r.Findings[0].What, fmt.Sprintf("batches %d and %d both replace it", twice-1, twice))
	remove(t, filepath.Join(dir, old[2].Path))
	r = look(t, audit.Options{Dir: dir, Since: since})
	require.Len(t, r.Findings, 1, "%v", r.Findings)
	assert.Equal(t, audit.Duplicate, r.Findings[0].Kind)
}

// A rewrite replaced a file that was replaced before the summary, or that no
// batch committed.
func TestWrongRewriteSince(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		dir, _ := twoNights(t)
		old, _ := committedFiles(t, openLedger(t, dir), "alerts/ztf")
		rewrite(t, dir, old[:1], nil)
		since := look(t, audit.Options{Dir: dir}).Summary
		rewrite(t, dir, old[:1], nil)
		if deleted {
			remove(t, filepath.Join(dir, old[0].Path))
		}
		r := look(t, audit.Options{Dir: dir, Since: since})
		require.Len(t, r.Findings, 1, "%v", r.Findings)
		assert.Equal(t, audit.BadSum, r.Findings[0].Kind)
	}
}

// Offsets are compared over all batches, and the summary ends before the first
// undecided one.
func TestOffsetsSince(t *testing.T) {
	first := [][2]string{done(0, 10), done(10, 20), {planned(20, 30)}, done(30, 40)}
	r := look(t, audit.Options{Store: tampered(t, first...)})
	require.Empty(t, r.Findings)
	assert.Contains(t, string(r.Summary), `"through":2,`)
	for name, c := range map[string]struct {
		last [2]string
		kind audit.Kind
		what string
	}{
		"sound":  {done(40, 50), "", ""},
		"hole":   {done(45, 50), audit.Hole, "offsets 40 to 44"},
		"twice":  {done(5, 7), audit.Duplicate, "offsets 5 to 6 are in the commits of batches 1 and 5"},
		"twice+": {done(35, 50), audit.Duplicate, "offsets 35 to 39 are in the commits of batches 4 and 5"},
	} {
		t.Run(name, func(t *testing.T) {
			records := append(append([][2]string{}, first...), c.last)
			records[2] = done(20, 30)
			st := tampered(t, records...)
			since := strings.Replace(string(r.Summary), r.Ledger, look(t, audit.Options{Store: st}).Ledger, 1)
			got := look(t, audit.Options{Store: st, Since: []byte(since)})
			if c.kind == "" {
				assert.Empty(t, got.Findings)
				require.Len(t, got.Partitions, 1)
				assert.EqualValues(t, 50, got.Partitions[0].Control)
				return
			}
			require.Len(t, got.Findings, 1, "%v", got.Findings)
			assert.Equal(t, c.kind, got.Findings[0].Kind)
			assert.Contains(t, got.Findings[0].What, c.what)
		})
	}
}

func TestWrongSummary(t *testing.T) {
	dir := sky(t)
	summary := string(look(t, audit.Options{Dir: dir}).Summary)
	for since, want := range map[string]string{
		"":    "not that of an audit",
		"{}":  "not that of an audit",
		"[1]": "not that of an audit",
		strings.Replace(summary, `"version":1`, `"version":2`, 1): "has version 2",
		strings.Replace(summary, ledgerID(t, dir), "another", 1):  "belongs to another archive",
		strings.Replace(summary, `"sum":"`, `"sum":"x`, 1):        "not that of an audit",
	} {
		_, err := audit.Run(t.Context(), audit.Options{Dir: dir, Since: []byte(since)})
		assert.ErrorContains(t, err, want)
	}
}

// A hole between two ranges of one plan is a backlog that waits.
func TestBacklog(t *testing.T) {
	both := func(a, b, c, d int) [2]string {
		return [2]string{
			fmt.Sprintf(`{"batch":N,"ranges":[{"partition":"p/0","from":%d,"to":%d},{"partition":"p/0","from":%d,"to":%d}]}`, c, d, a, b),
			fmt.Sprintf(`{"batch":N,"accounts":[{"partition":"p/0","from":%d,"to":%d,"control":%d},{"partition":"p/0","from":%d,"to":%d,"control":%d}]}`, c, d, d-c, a, b, b-a),
		}
	}
	r := look(t, audit.Options{Store: tampered(t, done(0, 10), both(10, 15, 50, 60), both(15, 20, 60, 70))})
	assert.Empty(t, r.Findings)
	assert.Equal(t, []string{"p/0: offsets 20 to 49 are not yet read: they are the backlog that new alerts have overtaken"}, r.Notes)
	assert.EqualValues(t, 30, r.Partitions[0].Holes)
	assert.Contains(t, string(r.Summary), `"overtaken":[[20,50]]`)

	r = look(t, audit.Options{Store: tampered(t, done(0, 10), both(10, 15, 50, 60), done(70, 80))})
	require.Len(t, r.Findings, 1)
	assert.Contains(t, r.Findings[0].What, "offsets 60 to 69 are in no commit")
}

// The ledger was restored from a copy older than the summary: what is staged may be
// in use.
func TestSinceOlderLedger(t *testing.T) {
	for _, plan := range []bool{true, false} {
		dir := sky(t)
		since := look(t, audit.Options{Dir: dir}).Summary
		l := openLedger(t, dir)
		last, err := l.LastRecord(t.Context())
		require.NoError(t, err)
		remove(t, filepath.Join(dir, l.CommitPath(last)))
		remove(t, filepath.Join(dir, strings.Replace(l.CommitPath(last), "commit", "done", 1)))
		if !plan {
			remove(t, filepath.Join(dir, l.PlanPath(last)))
		}
		staged := filepath.Join(dir, "staging", l.ID(), fmt.Sprintf("%012d", last), "attempt", "tag-0")
		write(t, staged, "x")
		r := look(t, audit.Options{Dir: dir, Since: since, Repair: true})
		require.Len(t, r.Findings, 1, "%v", r.Findings)
		assert.Contains(t, r.Findings[0].What, "an earlier audit found the batch published")
		assert.FileExists(t, staged)
	}
}
