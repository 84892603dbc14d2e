package audit_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/internal/alerttest"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/internal/thrift"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// containers is a source of n alerts, with some files of junk between them.
func containers(t *testing.T, junk, n int) *files.Source {
	dir := filepath.Join(t.TempDir(), "night")
	require.NoError(t, alerttest.WriteZTF(dir, n, 3))
	for i := range junk {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06dx.avro", i*7)), []byte(fmt.Sprintf("junk %d", i)), 0o666))
	}
	return &files.Source{Patterns: []string{dir}}
}

// sky makes an archive of 30 alerts and 3 rejected messages in batches of ten.
func sky(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "sky")
	s := &archive.Service{Job: stream.MicroBatch{Source: containers(t, 3, 30), Limits: stream.Limits{Rows: 10}}, Dir: dir}
	require.NoError(t, s.Drain(t.Context()))
	return dir
}

// look audits without a grace period.
func look(t *testing.T, o audit.Options) *audit.Report {
	o.Grace = -1
	r, err := audit.Run(t.Context(), o)
	require.NoError(t, err)
	return r
}

func TestAuditOfSoundArchive(t *testing.T) {
	dir := sky(t)
	r := look(t, audit.Options{Dir: dir, Deep: true})
	assert.Empty(t, r.Findings)
	assert.True(t, r.OK())
	assert.Len(t, r.Partitions, 33)
	var read, written, rejected int64
	for _, p := range r.Partitions {
		read, written, rejected = read+p.Read, written+p.Written, rejected+p.Rejected
		assert.True(t, p.Ended)
		assert.EqualValues(t, -1, p.Waiting, "no source was asked")
	}
	assert.EqualValues(t, []int64{33, 30, 3}, []int64{read, written, rejected})
	assert.EqualValues(t, 4, r.Batches)
	require.Len(t, r.Tables, 2)
	assert.Equal(t, "alerts/ztf", r.Tables[0].Name)
	assert.EqualValues(t, 30, r.Tables[0].Rows)
	assert.EqualValues(t, 3, r.Tables[1].Rows)
	var text bytes.Buffer
	require.NoError(t, r.WriteText(&text))
	assert.Regexp(t, `\nall holds: 4 batches, \d+ files, 33 rows\n$`, text.String())
	_, err := json.Marshal(r)
	assert.NoError(t, err)
}

// A column without a number above zero is left out.
func TestWriteText(t *testing.T) {
	r := audit.Report{Batches: 3, Files: 2, Partitions: []audit.Partition{
		{Name: "k/topic@id/0", Read: 10, Written: 9, Rejected: 1, Control: 2, Waiting: -1},
		{Name: "é", Read: 5, Written: 5, Undecided: 1000, Waiting: 7},
	}, Tables: []audit.Table{{Name: "alerts/ztf", Files: 2, Rows: 14, Bytes: 1234}}, Repairs: []string{"wrote x"}}
	r.Findings = []audit.Finding{{Kind: audit.Hole, Name: "é", What: "two\nlines", Do: "this"}}
	var text strings.Builder
	require.NoError(t, r.WriteText(&text))
	assert.Equal(t, `partition     offsets  read  written  rejected  control  undecided  waiting
k/topic@id/0       12    10        9         1        2          0        ?
é                   5     5        5         0        0       1000        7
all 2              17    15       14         1        2       1000        ?

table       files  rows  bytes
alerts/ztf      2    14   1234

repaired  wrote x
WRONG     hole é: two lines: this
does not hold: 1 findings in 3 batches, 2 files, 14 rows
`, text.String())
	for i := range r.Partitions {
		r.Partitions[i].Waiting = -1
	}
	text.Reset()
	require.NoError(t, r.WriteText(&text))
	assert.NotContains(t, text.String(), "waiting")
}

func TestAuditOfNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	_, err := audit.Run(t.Context(), audit.Options{Dir: dir})
	assert.ErrorContains(t, err, "no archive in "+dir)
	assert.NoDirExists(t, dir, "an audit makes nothing")
	_, err = audit.Run(t.Context(), audit.Options{Store: store.NewMemory()})
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = audit.Run(t.Context(), audit.Options{})
	assert.EqualError(t, err, "archive: a Dir or a Store is needed")
}

// first returns the first file that matches a pattern below a directory.
func first(t *testing.T, dir, pattern string) string {
	all, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, all, pattern)
	return all[0]
}

const (
	anAlert  = "alerts/ztf/*/*/*/*/*.parquet"
	aReject  = "rejected/*/*/*/*/*.parquet"
	anotherN = "000000000002"
)

// edit replaces text in a file.
func edit(t *testing.T, name, pattern, by string) {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	re := regexp.MustCompile(pattern)
	require.True(t, re.Match(text), "%s has no %s: %s", name, pattern, text)
	done := false
	text = re.ReplaceAllFunc(text, func(m []byte) []byte {
		if done {
			return m
		}
		done = true
		return re.ReplaceAll(m, []byte(by))
	})
	require.NoError(t, os.WriteFile(name, text, 0o666))
}

func remove(t *testing.T, name string) { require.NoError(t, os.Remove(name)) }

func truncate(t *testing.T, name string, by int64) {
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(name, info.Size()-by))
}

// flip changes a byte, counted from the beginning or, if negative, the end.
func flip(t *testing.T, name string, at int) {
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 0xff
	require.NoError(t, os.WriteFile(name, data, 0o666))
}

func write(t *testing.T, name, text string) {
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o666))
}

// ledgerID is the name of the archive's ledger.
func ledgerID(t *testing.T, dir string) string {
	var h struct{ ID string }
	data, err := os.ReadFile(filepath.Join(dir, "ledger/ledger.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &h))
	return h.ID
}

// TestDamageIsNamed plants one kind of damage at a time.
func TestDamageIsNamed(t *testing.T) {
	record := func(dir, kind string) string { return filepath.Join(dir, "ledger", anotherN+"."+kind) }
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string) (name string) // of the finding
		kinds  []audit.Kind
		what   string // of the finding that names it
	}{
		{"file missing", func(t *testing.T, dir string) string {
			f := first(t, dir, anAlert)
			remove(t, f)
			return f
		}, []audit.Kind{audit.MissingFile}, "does not exist"},
		{"rejected file missing", func(t *testing.T, dir string) string {
			f := first(t, dir, aReject)
			remove(t, f)
			return f
		}, []audit.Kind{audit.MissingFile}, "does not exist"},
		{"file truncated", func(t *testing.T, dir string) string {
			f := first(t, dir, anAlert)
			truncate(t, f, 1)
			return f
		}, []audit.Kind{audit.CorruptFile}, "bytes, not"},
		{"file empty", func(t *testing.T, dir string) string {
			f := first(t, dir, anAlert)
			require.NoError(t, os.Truncate(f, 0))
			return f
		}, []audit.Kind{audit.CorruptFile}, "0 bytes, not"},
		{"magic at the beginning", func(t *testing.T, dir string) string {
			f := first(t, dir, anAlert)
			flip(t, f, 0)
			return f
		}, []audit.Kind{audit.CorruptFile}, "PAR1"},
		{"magic at the end", func(t *testing.T, dir string) string {
			f := first(t, dir, anAlert)
			flip(t, f, -1)
			return f
		}, []audit.Kind{audit.CorruptFile}, "PAR1"},
		{"footer", func(t *testing.T, dir string) string {
			f := first(t, dir, anAlert)
			flip(t, f, -5)
			return f
		}, []audit.Kind{audit.CorruptFile}, "is not what batch"},
		{"page header", func(t *testing.T, dir string) string {
			f := first(t, dir, anAlert)
			flip(t, f, 5)
			return f
		}, []audit.Kind{audit.CorruptFile}, "row group 0, column survey"},
		{"file of another batch in its place", func(t *testing.T, dir string) string {
			all, err := filepath.Glob(filepath.Join(dir, anAlert))
			require.NoError(t, err)
			data, err := os.ReadFile(all[0])
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(all[len(all)-1], append(data[:len(data):len(data)], 0), 0o666))
			return all[len(all)-1]
		}, []audit.Kind{audit.CorruptFile}, "is not what batch"},
		{"extra file", func(t *testing.T, dir string) string {
			f := first(t, dir, anAlert)
			data, err := os.ReadFile(f)
			require.NoError(t, err)
			extra := filepath.Join(filepath.Dir(f), "copy.parquet")
			require.NoError(t, os.WriteFile(extra, data, 0o666))
			return extra
		}, []audit.Kind{audit.ExtraFile}, "no commit names"},
		{"foreign file", func(t *testing.T, dir string) string {
			f := filepath.Join(dir, "rejected/_SUCCESS")
			write(t, f, "")
			return f
		}, []audit.Kind{audit.ExtraFile}, "no commit names"},
		{"file renamed", func(t *testing.T, dir string) string {
			f := first(t, dir, anAlert)
			require.NoError(t, os.Rename(f, f+".bak"))
			return f
		}, []audit.Kind{audit.ExtraFile, audit.MissingFile}, "does not exist"},
		{"commit edited: written", func(t *testing.T, dir string) string {
			edit(t, record(dir, "commit"), `"written":1`, `"written":2`)
			return record(dir, "commit")
		}, []audit.Kind{audit.BadSum, audit.BadRecord}, "has 9 rows in its files, and wrote 10"},
		{"commit edited: rows of a file", func(t *testing.T, dir string) string {
			edit(t, record(dir, "commit"), `"rows":(\d+),"bytes"`, `"rows":1$1,"bytes"`)
			return record(dir, "commit")
		}, []audit.Kind{audit.BadRecord, audit.CorruptFile}, "rows in its files"},
		{"commit edited: another range", func(t *testing.T, dir string) string {
			edit(t, record(dir, "commit"), `"from":0,"to":1`, `"from":5,"to":6`)
			return record(dir, "commit")
		}, []audit.Kind{audit.BadRecord, audit.Hole}, "which is not the beginning of a planned range"},
		{"commit cut", func(t *testing.T, dir string) string {
			truncate(t, record(dir, "commit"), 20)
			return record(dir, "commit")
		}, []audit.Kind{audit.BadRecord, audit.ExtraFile, audit.ExtraFile, audit.ExtraFile, audit.ExtraFile}, "is damaged"},
		{"commit missing", func(t *testing.T, dir string) string {
			remove(t, record(dir, "commit"))
			return record(dir, "commit")
		}, []audit.Kind{audit.BadRecord, audit.ExtraFile, audit.ExtraFile, audit.ExtraFile, audit.ExtraFile}, "is missing, and the batch is done"},
		{"commit of another batch", func(t *testing.T, dir string) string {
			edit(t, record(dir, "commit"), `"batch":2`, `"batch":3`)
			return record(dir, "commit")
		}, []audit.Kind{audit.BadRecord}, "it is the commit of batch 3"},
		{"plan missing", func(t *testing.T, dir string) string {
			remove(t, record(dir, "plan"))
			return record(dir, "plan")
		}, []audit.Kind{audit.BadRecord}, "is missing, and records of batch 4 exist"},
		{"plan cut", func(t *testing.T, dir string) string {
			truncate(t, record(dir, "plan"), 9)
			return record(dir, "plan")
		}, []audit.Kind{audit.BadRecord}, "is damaged"},
		{"staged orphan", func(t *testing.T, dir string) string {
			f := filepath.Join(dir, "staging", ledgerID(t, dir), anotherN, "attempt", "tag-0")
			write(t, f, "half a file")
			return f
		}, []audit.Kind{audit.Leftover}, "batch 2 is decided without it"},
		{"staged for no batch", func(t *testing.T, dir string) string {
			f := filepath.Join(dir, "staging", ledgerID(t, dir), "000000000099")
			write(t, filepath.Join(f, "attempt", "tag-0"), "half a file")
			return f
		}, []audit.Kind{audit.Leftover}, "which has no plan"},
		{"schema file missing", func(t *testing.T, dir string) string {
			f := filepath.Join(dir, "schema/ztf.parquet")
			remove(t, f)
			return f
		}, []audit.Kind{audit.StaleSchema}, "alerts/ztf"},
		{"schema file cut", func(t *testing.T, dir string) string {
			f := filepath.Join(dir, "schema/ztf.parquet")
			truncate(t, f, 100)
			return f
		}, []audit.Kind{audit.StaleSchema}, "alerts/ztf"},
		{"schema file of something else", func(t *testing.T, dir string) string {
			data, err := os.ReadFile(first(t, dir, aReject))
			require.NoError(t, err)
			f := filepath.Join(dir, "schema/ztf.parquet")
			require.NoError(t, os.WriteFile(f, data, 0o666))
			return f
		}, []audit.Kind{audit.StaleSchema}, "alerts/ztf"},
		{"schema chain", func(t *testing.T, dir string) string {
			edit(t, first(t, dir, "ledger/schema/files.alerts.ztf.000001"), `"crc32":`, `"crc32":1`)
			return filepath.Join(dir, "ledger/schema")
		}, []audit.Kind{audit.BadRecord}, "its checksum is wrong"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := sky(t)
			damaged := c.damage(t, dir)
			r := look(t, audit.Options{Dir: dir})
			name, err := filepath.Rel(dir, damaged)
			require.NoError(t, err)
			var kinds []audit.Kind
			named := false
			for _, f := range r.Findings {
				kinds = append(kinds, f.Kind)
				named = named || f.Name == filepath.ToSlash(name) && strings.Contains(f.What, c.what)
				assert.NotContains(t, f.String(), "\n")
				assert.NotEmpty(t, f.Do)
			}
			assert.ElementsMatch(t, c.kinds, kinds, "%v", r.Findings)
			assert.True(t, named, "%s with %q: %v", name, c.what, r.Findings)
			assert.False(t, r.OK())
		})
	}
}

// TestRepair checks that a repair does what it may do, and nothing else.
func TestRepair(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		did    []string
		stays  []audit.Kind
	}{
		{"schema file", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "schema/ztf.parquet")) }, []string{"wrote schema/ztf.parquet"}, nil},
		{"staged orphan", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "staging", ledgerID(t, dir), anotherN, "attempt", "tag-0"), "x")
		}, []string{"removed staging/"}, nil},
		{"corrupt file", func(t *testing.T, dir string) { truncate(t, first(t, dir, anAlert), 7) }, nil, []audit.Kind{audit.CorruptFile}},
		{"missing file", func(t *testing.T, dir string) { remove(t, first(t, dir, anAlert)) }, nil, []audit.Kind{audit.MissingFile}},
		{"extra file", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "alerts/x.parquet"), "x") }, nil, []audit.Kind{audit.ExtraFile}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := sky(t)
			c.damage(t, dir)
			r := look(t, audit.Options{Dir: dir, Repair: true})
			require.Len(t, r.Repairs, len(c.did), "%v", r.Repairs)
			for i, want := range c.did {
				assert.Contains(t, r.Repairs[i], want)
			}
			var kinds []audit.Kind
			for _, f := range look(t, audit.Options{Dir: dir}).Findings {
				kinds = append(kinds, f.Kind)
			}
			assert.Equal(t, c.stays, kinds)
		})
	}
}

// TestDeepFindsWhatIsInPages flips a byte of a page that only a deep audit reads.
func TestDeepFindsWhatIsInPages(t *testing.T) {
	dir := sky(t)
	f := first(t, dir, anAlert)
	sound, err := os.ReadFile(f)
	require.NoError(t, err)
	for at := 4; at < len(sound)/2; at++ {
		data := bytes.Clone(sound)
		data[at] ^= 0x55
		require.NoError(t, os.WriteFile(f, data, 0o666))
		if !look(t, audit.Options{Dir: dir}).OK() {
			continue
		}
		if r := look(t, audit.Options{Dir: dir, Deep: true}); !r.OK() {
			require.Len(t, r.Findings, 1)
			assert.Equal(t, audit.CorruptFile, r.Findings[0].Kind)
			name, _ := filepath.Rel(dir, f)
			assert.Equal(t, filepath.ToSlash(name), r.Findings[0].Name)
			return
		}
	}
	t.Error("no flipped byte was found by a deep audit alone")
}

// TestDeepFindsStatistics alters the bounds of each column in a footer: a query by
// a range would skip rows.
func TestDeepFindsStatistics(t *testing.T) {
	dir := sky(t)
	f := first(t, dir, anAlert)
	data, err := os.ReadFile(f)
	require.NoError(t, err)
	end := len(data) - 8
	altered := 0
	_, err = thrift.Walk(data[end-int(binary.LittleEndian.Uint32(data[end:])):end], func(path []int, _ int64, text []byte) {
		const statistics = 12 // its field id
		if len(path) != 7 || path[5] != statistics || len(text) == 0 {
			return
		}
		text[0] ^= 1 // text shares memory with data
		require.NoError(t, os.WriteFile(f, data, 0o666))
		text[0] ^= 1
		assert.Empty(t, look(t, audit.Options{Dir: dir}).Findings, "only a deep audit reads the values")
		r := look(t, audit.Options{Dir: dir, Deep: true})
		if assert.Len(t, r.Findings, 1, "%v", path) {
			assert.Equal(t, audit.CorruptFile, r.Findings[0].Kind)
			assert.Contains(t, r.Findings[0].What, "its statistics say that the ")
		}
		altered++
	})
	require.NoError(t, err)
	assert.Greater(t, altered, 20)
}

// unpublished makes an archive whose last batch was committed when the process
// died: before the publication of file n.
func unpublished(t *testing.T, n int) string {
	dir := filepath.Join(t.TempDir(), "sky")
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	dead := false
	var mu sync.Mutex
	f := &faultstore.Store{Store: d, Before: func(op faultstore.Op) error {
		mu.Lock()
		defer mu.Unlock()
		dead = dead || op.Kind == faultstore.Publish && strings.HasSuffix(op.Name, fmt.Sprintf("%s-%d.parquet", anotherN, n))
		if dead {
			return errDied
		}
		return nil
	}}
	s := &archive.Service{Job: stream.MicroBatch{Source: containers(t, 3, 30), Limits: stream.Limits{Rows: 10}}, Store: f}
	require.ErrorIs(t, s.Drain(t.Context()), errDied)
	return dir
}

func TestUnpublished(t *testing.T) {
	for n := range 3 {
		dir := unpublished(t, n)
		r := look(t, audit.Options{Dir: dir})
		require.Len(t, r.Findings, 1, "%v", r.Findings)
		assert.Equal(t, audit.Unpublished, r.Findings[0].Kind)
		assert.EqualValues(t, 2, r.Findings[0].Batch)
		r = look(t, audit.Options{Dir: dir, Repair: true})
		assert.Empty(t, r.Findings)
		require.Len(t, r.Repairs, 1)
		assert.Contains(t, r.Repairs[0], fmt.Sprintf("published batch 2: %d files", 4-n))
		assert.NoDirExists(t, filepath.Join(dir, "staging"))
		assert.Empty(t, look(t, audit.Options{Dir: dir, Deep: true}).Findings)
	}
}

// TestRepairDiesAnywhere fails the store at every operation of a repair, before
// and after it; another repair completes it.
func TestRepairDiesAnywhere(t *testing.T) {
	for _, after := range []bool{false, true} {
		for step := 1; ; step++ {
			dir := unpublished(t, 1)
			remove(t, filepath.Join(dir, "schema/ztf.parquet"))
			write(t, filepath.Join(dir, "staging", ledgerID(t, dir), "000000000001", "attempt", "tag-0"), "x")
			d, err := store.OpenDir(dir)
			require.NoError(t, err)
			n := 0
			hook := func(op faultstore.Op) error {
				switch op.Kind {
				case faultstore.Publish, faultstore.Delete, faultstore.Stage, faultstore.Write, faultstore.Close:
					n++
				}
				if n >= step {
					return errDied
				}
				return nil
			}
			f := &faultstore.Store{Store: d}
			if after {
				f.After = hook
			} else {
				f.Before = hook
			}
			_, err = audit.Run(t.Context(), audit.Options{Store: f, Repair: true, Grace: -1})
			if n < step {
				require.NoError(t, err)
				require.Greater(t, step, 6)
				break
			}
			look(t, audit.Options{Dir: dir, Repair: true})
			assert.Empty(t, look(t, audit.Options{Dir: dir, Deep: true}).Findings, "step %d", step)
			assert.NoDirExists(t, filepath.Join(dir, "staging", ledgerID(t, dir)))
		}
	}
}

var errDied = stream.Permanent(errors.New("the process has died"))

// TestAuditBesideService audits again and again while a service archives.
func TestAuditBesideService(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sky")
	source := containers(t, 20, 150)
	s := &archive.Service{Job: stream.MicroBatch{Source: source, Limits: stream.Limits{Rows: 3}}, Dir: dir}
	done := make(chan error, 1)
	go func() { done <- s.Drain(t.Context()) }()
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "ledger/000000000001.plan"))
		return err == nil
	}, 10*time.Second, time.Millisecond)
	audits := 0
	for running := true; running; audits++ {
		select {
		case err := <-done:
			require.NoError(t, err)
			running = false
		default:
		}
		r, err := audit.Run(t.Context(), audit.Options{Dir: dir, Repair: audits%2 == 1, Grace: 20 * time.Second})
		require.NoError(t, err)
		require.Empty(t, r.Findings)
		require.Empty(t, r.Repairs, "the service does that")
	}
	t.Logf("%d audits", audits)
	r := look(t, audit.Options{Dir: dir, Source: source})
	assert.Empty(t, r.Findings)
	for _, p := range r.Partitions {
		assert.Zero(t, p.Waiting)
	}
	assert.Len(t, r.Partitions, 170)
}

// Real and hostile packets of several surveys.
func TestAuditOfRealPackets(t *testing.T) {
	real := "../../../shared/alerts"
	if _, err := os.Stat(real); err != nil {
		t.Skip("no real packets here")
	}
	dir := filepath.Join(t.TempDir(), "sky")
	s := &archive.Service{Job: stream.MicroBatch{Source: &files.Source{Patterns: []string{real}}, Limits: stream.Limits{Rows: 100}}, Dir: dir}
	require.NoError(t, s.Drain(t.Context()))
	require.Positive(t, s.Progress().Rejected, "LSST packets without a registry")
	assert.Empty(t, look(t, audit.Options{Dir: dir, Deep: true, Source: s.Job.Source}).Findings)
	before := s.Progress()

	schemas, err := alert.OpenRegistry(t.Context(), "../../../shared/schemas")
	require.NoError(t, err)
	s.Registry = schemas
	got, err := s.Replay(t.Context(), nil)
	require.NoError(t, err)
	assert.Positive(t, got.Written)
	assert.Equal(t, before.Rejected, got.Read)
	r := look(t, audit.Options{Dir: dir, Deep: true, Source: s.Job.Source})
	assert.Empty(t, r.Findings)
	assert.Equal(t, got.Written, r.Replayed)
	t.Logf("%+v", got)
}

// tampered makes an archive in memory with given records of one partition.
func tampered(t *testing.T, batches ...[2]string) (st *store.Memory) {
	st = store.NewMemory()
	_, err := ledger.Open(t.Context(), st, "ledger", nil)
	require.NoError(t, err)
	for i, b := range batches {
		for k, kind := range []string{"plan", "commit"} {
			if b[k] == "" {
				continue
			}
			_, err := st.PutIfAbsent(t.Context(), fmt.Sprintf("ledger/%012d.%s", i+1, kind), []byte(strings.ReplaceAll(b[k], "N", fmt.Sprint(i+1))))
			require.NoError(t, err)
		}
	}
	return st
}

// planned and committed are the records of one batch of one partition.
func planned(from, to int) string {
	return fmt.Sprintf(`{"batch":N,"token":"t","ranges":[{"partition":"p/0","from":%d,"to":%d}]}`, from, to)
}

func committed(from, to int) string {
	return fmt.Sprintf(`{"batch":N,"token":"c","accounts":[{"partition":"p/0","from":%d,"to":%d,"control":%d}]}`, from, to, to-from)
}

func done(from, to int) [2]string { return [2]string{planned(from, to), committed(from, to)} }

// has is a source with given extents.
type has []stream.Extent

func (h has) Available(context.Context) ([]stream.Extent, error) { return h, nil }

func (h has) Read(context.Context, []ledger.Range) iter.Seq2[stream.Chunk, error] { return nil }

func extent(from, to int64) stream.Extent {
	return stream.Extent{Range: ledger.Range{Partition: "p/0", From: from, To: to}}
}

func TestOffsets(t *testing.T) {
	gone := extent(0, ledger.UnknownEnd)
	gone.Gone = true
	for _, c := range []struct {
		name    string
		batches [][2]string
		source  has
		kind    audit.Kind
		what    string
		waiting int64
	}{
		{"sound", [][2]string{done(5, 10), done(10, 20)}, nil, "", "", -1},
		{"all archived", [][2]string{done(5, 10), done(10, 20)}, has{extent(7, 20)}, "", "", 0},
		{"some wait", [][2]string{done(5, 10), done(10, 20)}, has{extent(7, 120)}, "", "", 100},
		{"newest first", [][2]string{done(50, 60), done(0, 10)}, has{extent(0, 60)}, "", "", 40},
		{"undecided", [][2]string{done(0, 10), {planned(10, 20)}, done(20, 30)}, nil, "", "", -1},
		{"a hole", [][2]string{done(0, 10), done(15, 20)}, nil, audit.Hole, "offsets 10 to 14 are in no commit", -1},
		{"a hole that waits", [][2]string{done(0, 10), done(15, 20)}, has{extent(3, 20)}, "", "", 5},
		{"a hole half gone", [][2]string{done(0, 10), done(15, 20)}, has{extent(12, 20)}, audit.Gone, "offsets 10 to 11 are in no commit", 3},
		{"gone beyond the end", [][2]string{done(0, 10)}, has{extent(12, 20)}, audit.Gone, "offsets 10 to 11 are in no commit", 8},
		{"a prefix, then a jump", [][2]string{{planned(0, 20), committed(0, 10)}, done(20, 30)}, nil, audit.Hole, "offsets 10 to 19", -1},
		{"twice", [][2]string{done(0, 10), done(5, 20)}, nil, audit.Duplicate, "offsets 5 to 9 are in the commits of batches 1 and 2", -1},
		{"twice from further back", [][2]string{done(0, 10), done(10, 20), done(3, 4)}, nil, audit.Duplicate, "offsets 3 to 3 are in the commits of batches 1 and 3", -1},
		{"claimed again", [][2]string{done(0, 10), {planned(9, 20)}}, nil, audit.Duplicate, "offsets 9 to 9 are in a commit, and planned again", -1},
		{"truncated", [][2]string{done(0, 10)}, has{extent(0, 5)}, audit.Truncated, "ends at offset 5, and is archived up to 10", 0},
		{"deleted", [][2]string{done(0, 10)}, has{gone}, audit.Gone, "is deleted", -1},
		{"not named", [][2]string{done(0, 10)}, has{}, "", "", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := audit.Options{Store: tampered(t, c.batches...)}
			if c.source != nil {
				o.Source = c.source
			}
			r := look(t, o)
			if c.kind == "" {
				assert.Empty(t, r.Findings)
			} else if assert.Len(t, r.Findings, 1, "%v", r.Findings) {
				assert.Equal(t, c.kind, r.Findings[0].Kind)
				assert.Equal(t, "p/0", r.Findings[0].Name)
				assert.Contains(t, r.Findings[0].What, c.what)
			}
			require.Len(t, r.Partitions, 1)
			assert.Equal(t, c.waiting, r.Partitions[0].Waiting)
		})
	}
}
