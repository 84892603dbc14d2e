package audit_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// openLedger opens the ledger of an archive.
func openLedger(t *testing.T, dir string) *ledger.Ledger {
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	l, err := ledger.Open(t.Context(), d, "ledger", nil)
	require.NoError(t, err)
	return l
}

// committedFiles returns the files of a table that commits name, and the last
// batch.
func committedFiles(t *testing.T, l *ledger.Ledger, table string) (files []ledger.File, last int64) {
	for b, err := range l.Batches(t.Context(), 1) {
		require.NoError(t, err)
		last = b.Number
		if b.Commit == nil {
			continue
		}
		for f := range (ledger.Receipt{Parts: []ledger.Receipt{b.Commit.Rows, b.Commit.Rejects}}).All() {
			if f.Table == table {
				files = append(files, f)
			}
		}
	}
	return files, last
}

func asReplaced(f ledger.File) ledger.ReplacedFile {
	return ledger.ReplacedFile{Name: f.Path, Rows: f.Rows, Bytes: f.Bytes}
}

// rewrite replaces files of an archive by copies of them. The commit may be
// edited before it is put, and is not checked.
func rewrite(t *testing.T, dir string, files []ledger.File, edit func(c *ledger.Commit)) (batch int64) {
	l := openLedger(t, dir)
	_, last := committedFiles(t, l, "")
	c := &ledger.Commit{Batch: last + 1, Replaces: &ledger.Replacement{Base: last}, Needs: []string{"replaces"}}
	for i, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Path))
		require.NoError(t, err)
		c.Replaces.Files = append(c.Replaces.Files, asReplaced(f))
		f.Path = fmt.Sprintf("%s/%s-rewrite-%012d-%d.parquet", filepath.Dir(f.Path), l.ID(), last, i)
		f.StagedPath = "staging/none"
		write(t, filepath.Join(dir, f.Path), string(data))
		c.Rows.Files = append(c.Rows.Files, f)
	}
	if edit != nil {
		edit(c)
	}
	write(t, filepath.Join(dir, l.PlanPath(c.Batch)), fmt.Sprintf(`{"batch":%d,"token":"t"}`, c.Batch))
	data, err := json.Marshal(c)
	require.NoError(t, err)
	write(t, filepath.Join(dir, l.CommitPath(c.Batch)), string(data))
	require.NoError(t, l.PutDone(t.Context(), c.Batch))
	return c.Batch
}

func TestRewrites(t *testing.T) {
	dir := sky(t)
	before := look(t, audit.Options{Dir: dir, Deep: true})
	files, _ := committedFiles(t, openLedger(t, dir), "alerts/ztf")
	rejects, _ := committedFiles(t, openLedger(t, dir), "rejected")
	rewrite(t, dir, files[:3], nil)
	rewrite(t, dir, rejects[:1], nil)
	truncate(t, filepath.Join(dir, files[0].Path), 1) // no reader may use it
	r := look(t, audit.Options{Dir: dir, Deep: true})
	assert.Empty(t, r.Findings)
	assert.Equal(t, before.Tables, r.Tables)
	assert.EqualValues(t, 2, r.Rewrites)
	assert.EqualValues(t, 4, r.Pending)
	assert.Contains(t, r.Notes, "4 files that rewrites have replaced exist until their deletion is due")

	remove(t, filepath.Join(dir, files[0].Path))
	remove(t, filepath.Join(dir, rejects[0].Path))
	r = look(t, audit.Options{Dir: dir, Deep: true})
	assert.Empty(t, r.Findings)
	assert.EqualValues(t, 2, r.Pending)

	rewritten, _ := committedFiles(t, openLedger(t, dir), "alerts/ztf")
	rewrite(t, dir, rewritten[len(rewritten)-3:], nil) // and again
	r = look(t, audit.Options{Dir: dir, Deep: true})
	assert.Empty(t, r.Findings)
	assert.EqualValues(t, 5, r.Pending)
	assert.Equal(t, before.Tables, r.Tables)

	r = look(t, audit.Options{Dir: dir, Repair: true})
	assert.Empty(t, r.Findings)
	assert.Len(t, r.Repairs, 5)
	assert.Zero(t, r.Pending)
	assert.Empty(t, r.Notes)
	r = look(t, audit.Options{Dir: dir, Deep: true})
	assert.Empty(t, r.Findings)
	assert.Zero(t, r.Pending)
}

// TestWrongRewrites plants one kind of wrong rewrite at a time.
func TestWrongRewrites(t *testing.T) {
	other := ledger.ReplacedFile{Name: "alerts/ztf/2018/11/29/05/x.parquet", Rows: 3, Bytes: 1000}
	for name, c := range map[string]struct {
		edit  func(c *ledger.Commit, files []ledger.File)
		kinds []audit.Kind
		what  string
	}{
		"twice": {func(c *ledger.Commit, files []ledger.File) {
			c.Replaces.Files = append(c.Replaces.Files, asReplaced(files[0]))
		}, []audit.Kind{audit.Duplicate, audit.BadRecord}, "both replace it: its rows are stored twice"},
		"never committed": {func(c *ledger.Commit, files []ledger.File) { c.Replaces.Files = append(c.Replaces.Files, other) },
			[]audit.Kind{audit.BadRecord, audit.BadRecord}, "replaces " + other.Name + ", which no earlier batch committed"},
		"its own file": {func(c *ledger.Commit, files []ledger.File) {
			own := c.Rows.Files[0]
			own.Path += "x"
			c.Replaces.Files[0] = asReplaced(own)
		}, []audit.Kind{audit.BadRecord}, "which no earlier batch committed"},
		"other rows": {func(c *ledger.Commit, files []ledger.File) { c.Replaces.Files[0].Rows++; c.Rows.Files[0].Rows++ },
			[]audit.Kind{audit.BadRecord, audit.CorruptFile}, "committed it with"},
		"other bytes": {func(c *ledger.Commit, files []ledger.File) { c.Replaces.Files[0].Bytes++ },
			[]audit.Kind{audit.BadRecord}, "committed it with"},
		"row lost": {func(c *ledger.Commit, files []ledger.File) { c.Rows.Files = c.Rows.Files[1:] },
			[]audit.Kind{audit.BadRecord, audit.ExtraFile}, " by 0"},
		"rows in another hour": {func(c *ledger.Commit, files []ledger.File) {
			c.Rows.Files[0].Path = strings.Replace(c.Rows.Files[0].Path, "2018/", "2017/", 1)
		}, []audit.Kind{audit.BadRecord, audit.BadRecord, audit.ExtraFile, audit.MissingFile}, "replaces 0 rows in alerts/ztf/2017/"},
		"offsets": {func(c *ledger.Commit, files []ledger.File) {
			c.Accounts = []ledger.Account{{Range: ledger.Range{Partition: "p", To: 1}, Control: 1}}
		}, []audit.Kind{audit.BadRecord, audit.BadRecord}, "it cannot do both"},
		"base": {func(c *ledger.Commit, files []ledger.File) { c.Replaces.Base = c.Batch },
			[]audit.Kind{audit.BadRecord, audit.ExtraFile, audit.ExtraFile}, "is damaged: "},
		"two lists": {func(c *ledger.Commit, files []ledger.File) {
			c.Rejects.Data = json.RawMessage(`{"replaces":[]}`)
		}, []audit.Kind{audit.BadRecord, audit.BadRecord}, "and not the same ones"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := sky(t)
			files, _ := committedFiles(t, openLedger(t, dir), "alerts/ztf")
			rewrite(t, dir, files[:1], nil)
			n := rewrite(t, dir, files[1:3], func(commit *ledger.Commit) { c.edit(commit, files) })
			r := look(t, audit.Options{Dir: dir})
			var kinds []audit.Kind
			named := false
			for _, f := range r.Findings {
				kinds = append(kinds, f.Kind)
				named = named || strings.Contains(f.What, c.what) && (f.Batch == n || f.Batch == 0)
			}
			assert.ElementsMatch(t, c.kinds, kinds, "%v", r.Findings)
			assert.True(t, named, "%q: %v", c.what, r.Findings)
			assert.Nil(t, r.Summary)
		})
	}
}

// A rewrite that decides a batch more than 65,536 after its base is void: it
// replaces nothing, and its files are extra.
func TestLateRewrite(t *testing.T) {
	const through = 1<<16 + 2
	st := store.NewMemory()
	_, err := ledger.Open(t.Context(), st, "ledger", nil)
	require.NoError(t, err)
	var history, snapshot bytes.Buffer
	z := gzip.NewWriter(&history)
	for n := range through {
		fmt.Fprintf(z, `{"plan":{"batch":%d},"commit":{"batch":%[1]d}}`+"\n", n+1)
	}
	require.NoError(t, z.Close())
	z = gzip.NewWriter(&snapshot)
	fmt.Fprintf(z, `{"version":"1","through":%d,"parts":{}}`, through)
	require.NoError(t, z.Close())
	for name, data := range map[string]string{
		fmt.Sprintf("ledger/history/%012d-%012d", 1, through): history.String(),
		fmt.Sprintf("ledger/snapshots/%012d", through):        snapshot.String(),
		fmt.Sprintf("ledger/%012d.plan", through+1):           fmt.Sprintf(`{"batch":%d}`, through+1),
		fmt.Sprintf("ledger/%012d.commit", through+1):         fmt.Sprintf(`{"batch":%d,"replaces":{"base":2,"files":[]},"needs":["replaces"]}`, through+1),
	} {
		_, err := st.PutIfAbsent(t.Context(), name, []byte(data))
		require.NoError(t, err)
	}
	r := look(t, audit.Options{Store: st})
	require.Len(t, r.Findings, 1, "%v", r.Findings)
	assert.Equal(t, audit.BadRecord, r.Findings[0].Kind)
	assert.Contains(t, r.Findings[0].What, fmt.Sprintf("batch %d cannot replace files of the batches through 2", through+1))
}

// A record of a newer version ends the audit: what it means is unknown.
func TestUnknownFeature(t *testing.T) {
	for _, records := range [][2]string{
		{`{"batch":N,"token":"t","needs":["stripes"]}`, ""},
		{planned(10, 20), `{"batch":N,"token":"c","needs":["replaces","stripes"],"files":7}`},
	} {
		_, err := audit.Run(t.Context(), audit.Options{Store: tampered(t, done(0, 10), records), Grace: -1})
		var unknown *ledger.FeatureError
		require.ErrorAs(t, err, &unknown)
		assert.Equal(t, "stripes", unknown.Feature)
		assert.ErrorContains(t, err, "install a newer version")
	}
}

// A rewrite that is committed during the audit explains a missing file.
func TestRewriteBesideAudit(t *testing.T) {
	dir := sky(t)
	files, _ := committedFiles(t, openLedger(t, dir), "alerts/ztf")
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	at := first(t, dir, anAlert)
	i := slices.IndexFunc(files, func(f ledger.File) bool { return filepath.Join(dir, f.Path) == at })
	s := &opening{Store: d, name: files[i].Path, do: func() {
		rewrite(t, dir, files[i:i+1], nil)
		remove(t, at)
	}}
	r := look(t, audit.Options{Store: s})
	assert.Nil(t, s.do, "the file was opened")
	assert.Empty(t, r.Findings)
	assert.Empty(t, look(t, audit.Options{Dir: dir}).Findings)
}

// opening is a store that does something before a file is first opened.
type opening struct {
	store.Store
	name string
	do   func()
}

func (s *opening) Open(ctx context.Context, name string) (store.Reader, error) {
	if do := s.do; name == s.name && do != nil {
		s.do = nil
		do()
	}
	return s.Store.Open(ctx, name)
}

// A damaged part of the saved index changes no result, but is found. One of a later
// version is ignored.
func TestDamagedIndex(t *testing.T) {
	dir := sky(t)
	name := filepath.Join(dir, "ledger/index/000000000001-000000001024")
	write(t, name, "skyfinch index 2\n")
	require.Empty(t, look(t, audit.Options{Dir: dir, Deep: true}).Findings)
	write(t, name, "skyfinch index 1\n1234")
	found := look(t, audit.Options{Dir: dir, Deep: true}).Findings
	require.Len(t, found, 1)
	assert.Equal(t, audit.BadRecord, found[0].Kind)
	assert.Contains(t, found[0].What, "ledger/index/000000000001-000000001024: its checksum is wrong")
}
