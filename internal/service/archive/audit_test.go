package archive

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/demo"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// printed runs the command and returns what it printed and its error.
func printed(t *testing.T, args ...string) (string, error) {
	var out strings.Builder
	err := Command{Stdout: &out}.Run(t.Context(), args)
	return out.String(), err
}

// sky archives a night, and returns both.
func sky(t *testing.T) (alerts, out string) {
	alerts, out = night(t, 30)
	require.NoError(t, os.WriteFile(filepath.Join(alerts, "bad.avro"), []byte("bad"), 0o666))
	require.NoError(t, Run(t.Context(), []string{"-files", alerts, "-out", out, "-once", "-progress", "off", "-max-rows", "20"}))
	return alerts, out
}

func anyFile(t *testing.T, pattern string) string {
	all, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, all, pattern)
	return all[0]
}

func TestAudit(t *testing.T) {
	alerts, out := sky(t)
	text, err := printed(t, "audit", "-out", out, "-files", alerts, "-deep")
	require.NoError(t, err, text)
	assert.Regexp(t, `(?m)^all 31 +31 +31 +30 +1$`, text)
	assert.Regexp(t, `(?m)^all holds: \d batches, \d+ files, 31 rows\n\z`, text)

	require.NoError(t, os.WriteFile(filepath.Join(alerts, "new.avro"), []byte("new"), 0o666))
	text, err = printed(t, "audit", "-out", out, "-files", alerts)
	require.NoError(t, err, "what waits is no fault")
	assert.Contains(t, text, "new.avro[0,…): waits")

	file := anyFile(t, out+"/alerts/ztf/*/*/*/*/*.parquet")
	require.NoError(t, os.Truncate(file, 100))
	text, err = printed(t, "audit", "-out", out, "-repair")
	assert.EqualError(t, err, "audit of "+out+": one thing does not hold: standard output names it")
	rel, _ := filepath.Rel(out, file)
	assert.Regexp(t, `(?m)^WRONG +corrupt `+regexp.QuoteMeta(rel)+`: is not what batch 1 committed: 100 bytes, not \d+: restore it from a copy$`, text)
	assert.Regexp(t, `(?m)^does not hold: 1 findings in \d batches`, text)
}

// An audit saves what it has verified, and another one begins there.
func TestAuditSince(t *testing.T) {
	alerts, out := sky(t)
	state := filepath.Join(t.TempDir(), "audit")
	_, err := printed(t, "audit", "-out", out, "-since", state)
	assert.EqualError(t, err, "-since "+state+": no such file: the first audit needs only -save")
	_, err = printed(t, "audit", "-out", out, "-save", state)
	require.NoError(t, err)
	for range 2 {
		text, err := printed(t, "audit", "-out", out, "-files", alerts, "-since", state, "-save", state)
		require.NoError(t, err, text)
		assert.Contains(t, text, "note      the batches through 2 and their files were audited at ")
		assert.Regexp(t, `(?m)^all holds: 2 batches, \d+ files, 31 rows\n\z`, text)
	}
	saved, err := os.ReadFile(state)
	require.NoError(t, err)
	require.NoError(t, os.Remove(anyFile(t, out+"/alerts/ztf/*/*/*/*/*.parquet")))
	text, err := printed(t, "audit", "-out", out, "-since", state, "-save", state)
	require.Error(t, err)
	assert.Regexp(t, `(?m)^WRONG     sum the files of the batches through 2: there are \d+ of them, and should be \d+`, text)
	after, err := os.ReadFile(state)
	require.NoError(t, err)
	assert.Equal(t, saved, after, "what is wrong is not saved")
}

func TestAuditInJSON(t *testing.T) {
	t.Parallel() // it waits for the grace period
	_, out := sky(t)
	require.NoError(t, os.Remove(filepath.Join(out, "schema/ztf.parquet")))
	var r audit.Report
	text, err := printed(t, "audit", "-out", out, "-repair", "-json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(text), &r))
	assert.Equal(t, []string{"wrote schema/ztf.parquet"}, r.Repairs)
	assert.Empty(t, r.Findings)
	assert.Len(t, r.Partitions, 31)
	assert.FileExists(t, filepath.Join(out, "schema/ztf.parquet"))
}

func TestAuditUsage(t *testing.T) {
	for _, args := range []string{
		"audit -bogus", "audit x", "audit -out=", "audit -simulator", "audit -files a, -out x", "audit -brokers b:9092",
		"audit -topics t", "audit -group g", "audit -files x -brokers b:9092 -topics t",
		"replay-rejected -cause (", "replay-rejected -out=", "replay-rejected -workers -1", "replay-rejected -compression gzip", "replay-rejected x",
	} {
		var usage cli.UsageError
		assert.ErrorAs(t, Run(context.Background(), strings.Fields(args)), &usage, args)
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, command := range []string{"audit", "replay-rejected"} {
		err := Run(context.Background(), []string{command, "-out", none})
		assert.ErrorContains(t, err, "no archive in "+none)
		assert.NoDirExists(t, none)
		err = Run(context.Background(), []string{command, "-h"})
		assert.Error(t, err)
	}
	for _, f := range []string{"out", "brokers", "files", "repair", "deep", "since", "save", "json"} {
		assert.Contains(t, auditManual, "    -"+f+" ", f)
	}
	for _, f := range []string{"out", "cause", "registry", "registry-config", "compression", "workers"} {
		assert.Contains(t, replayManual, "    -"+f+" ", f)
	}
}

func TestReplayRejected(t *testing.T) {
	alerts, registry := framed(t, 12)
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, Run(t.Context(), []string{"-files", alerts, "-out", out, "-once", "-progress", "off", "-clock", "night"}))
	assert.NoDirExists(t, filepath.Join(out, "alerts"))

	text, err := printed(t, "replay-rejected", "-out", out)
	require.NoError(t, err)
	assert.Contains(t, text, "replayed  13 rejected messages: 0 are alerts now\n")
	text, err = printed(t, "replay-rejected", "-out", out, "-registry", registry, "-cause", "no such cause")
	require.NoError(t, err)
	assert.Contains(t, text, "replayed  0 rejected messages")
	text, err = printed(t, "replay-rejected", "-out", out, "-registry", registry)
	require.NoError(t, err)
	assert.Contains(t, text, "replayed  13 rejected messages: 12 are alerts now\n          1 stay rejected")
	anyFile(t, out+"/alerts/ztf/*/*/*/*.parquet") // by night
	seen := checkVisible(t, out)
	assert.Len(t, seen, 13)
	text, err = printed(t, "audit", "-out", out, "-files", alerts, "-deep")
	assert.NoError(t, err, text)
}

// A full disk in the middle of a replay changes nothing.
func TestReplayOnFullDisk(t *testing.T) {
	alerts, registry := framed(t, 12)
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, Run(t.Context(), []string{"-files", alerts, "-out", out, "-once", "-progress", "off"}))
	before := checkVisible(t, out)
	full := Command{OpenStore: func(dir string) (store.Store, error) {
		s, err := store.OpenDir(dir)
		return &faultstore.Store{Store: s, Before: func(op faultstore.Op) error {
			if op.Kind == faultstore.Write && strings.Contains(op.Name, "-rewrite-") {
				return stream.Permanent(&os.PathError{Op: "write", Path: op.Name, Err: syscall.ENOSPC})
			}
			return nil
		}}, err
	}}
	err := full.Run(t.Context(), []string{"replay-rejected", "-out", out, "-registry", registry})
	assert.Contains(t, cli.Explain("archive", err), "no space left")
	assert.Equal(t, before, checkVisible(t, out))
	_, err = printed(t, "audit", "-out", out)
	assert.NoError(t, err)
	assert.NoDirExists(t, filepath.Join(out, "alerts"))
}

// The audit of a stream names the topic that is not begun.
func TestAuditOfStream(t *testing.T) {
	d, err := demo.Start(t.Context(), demo.Night{ZTF: 60, LSST: 20, Seed: 1})
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, d.Wait())
	require.Len(t, d.Topics, 2)
	out, brokers := filepath.Join(t.TempDir(), "out"), strings.Join(d.Brokers, ",")
	_, err = printed(t, "-brokers", brokers, "-topics", d.Topics[0], "-out", out, "-once", "-progress", "off")
	require.NoError(t, err)
	text, err := printed(t, "audit", "-out", out, "-brokers", brokers, "-topics", d.Topics[0]+","+d.Topics[1], "-json")
	require.NoError(t, err, text)
	var r audit.Report
	require.NoError(t, json.Unmarshal([]byte(text), &r))
	require.NotEmpty(t, r.Partitions)
	var read int64
	for _, p := range r.Partitions {
		read += p.Read
		assert.Zero(t, p.Waiting)
	}
	assert.Contains(t, []int64{60, 20}, read)
	assert.NotEmpty(t, r.Notes)
	for _, n := range r.Notes {
		assert.Contains(t, n, d.Topics[1])
		assert.Contains(t, n, "waits, the archive has not begun this partition")
	}
}
