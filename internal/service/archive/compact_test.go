package archive

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
)

func TestCompactAndList(t *testing.T) {
	_, out := sky(t)
	list := func() (l struct {
		Archive string
		Hours   []archive.Hour
	}) {
		text, err := printed(t, "ls", "-out", out, "-json")
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal([]byte(text), &l))
		return l
	}
	before := list()
	assert.Equal(t, out, before.Archive)
	text, err := printed(t, "compact", "-out", out, "-quiet", "0s", "-order", "object")
	require.NoError(t, err)
	assert.Regexp(t, `\Acompacted  \d hours?, \d+ alerts: \d files are \d now, `, text)
	var alerts, rejected int64
	for _, h := range list().Hours {
		if h.Table == "rejected" {
			rejected += h.Rows
			continue
		}
		alerts += h.Rows
		assert.EqualValues(t, 1, h.Files)
	}
	assert.EqualValues(t, 30, alerts)
	assert.EqualValues(t, 1, rejected)
	text, err = printed(t, "compact", "-out", out, "-quiet", "0s", "-order", "object")
	require.NoError(t, err)
	assert.Equal(t, "compacted  nothing: no hour that is quiet has small files to merge\n", text)
	text, err = printed(t, "ls", "-out", out)
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^ +total +ztf +\d +30 +\d +all +[\d.]+ [kM]B`, text)
	text, err = printed(t, "ls", "-out", out, "-hours")
	require.NoError(t, err)
	assert.Contains(t, text, "2018/11/29/0")

	text, err = printed(t, "prune", "-out", out, "-before", "2018-11-30", "-n")
	require.NoError(t, err)
	assert.Regexp(t, `\Awould prune  \d hours?, 2018/11/29/\d\d to 2018/11/29/\d\d: 30 alerts in \d files, `, text)
	_, err = printed(t, "prune", "-out", out, "-before", "2018-11-30")
	require.NoError(t, err)
	text, err = printed(t, "audit", "-out", out, "-deep")
	require.NoError(t, err)
	assert.Contains(t, text, "1 rows, and 30 pruned\n")
	text, err = printed(t, "ls", "-out", out)
	require.NoError(t, err)
	assert.Contains(t, text, "pruned alerts")
}

func TestCompactUsage(t *testing.T) {
	for _, args := range [][]string{
		{"compact", "-order", "objct"}, {"compact", "-quiet", "-1s"}, {"compact", "-size", "big"}, {"compact", "-out", ""},
		{"prune"}, {"prune", "-keep", "1GB", "-before", "2020-01-01"}, {"prune", "-before", "tonight"},
		{"ls", "-out", ""}, {"ls", "x"},
	} {
		_, err := printed(t, args...)
		assert.ErrorAs(t, err, new(cli.UsageError), args)
	}
	for _, name := range []string{"compact", "ls", "prune"} {
		more := map[string][]string{"prune": {"-keep", "1GB"}}[name]
		_, err := printed(t, append([]string{name, "-out", t.TempDir()}, more...)...)
		assert.ErrorContains(t, err, "no archive in", name)
		if name == "ls" {
			assert.ErrorContains(t, err, "with -out", name)
		}
	}
}

func TestListReadOnly(t *testing.T) {
	_, out := sky(t)
	want, err := printed(t, "ls", "-out", out, "-hours")
	require.NoError(t, err)
	chmod := func(mode os.FileMode) {
		for _, dir := range []string{out, filepath.Join(out, "ledger")} {
			require.NoError(t, os.Chmod(dir, mode))
		}
	}
	chmod(0o555)
	t.Cleanup(func() { chmod(0o755) })
	if f, err := os.Create(filepath.Join(out, "probe")); err == nil {
		f.Close()
		t.Skip("this user can write to read-only directories")
	}
	got, err := printed(t, "ls", "-out", out, "-hours")
	require.NoError(t, err)
	assert.Equal(t, want, got)
}
