package archive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/alerttest"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// night makes a directory of alerts and the name of an archive beside it.
func night(t *testing.T, n int) (alerts, out string) {
	dir := t.TempDir()
	alerts, out = filepath.Join(dir, "night"), filepath.Join(dir, "out")
	require.NoError(t, alerttest.WriteZTF(alerts, n, 3))
	return alerts, out
}

func TestBacklogShare(t *testing.T) {
	for args, want := range map[string]float64{"": 0.5, " -late-share 0.2": 0.2, " -late-share 1": 1, " -late-share 0": -1} {
		o, err := parse(strings.Fields("-files x" + args))
		require.NoError(t, err)
		assert.Equal(t, want, o.service.Job.Limits.BacklogShare, args)
	}
}

// output runs the command and returns what it printed.
func output(t *testing.T, args ...string) string {
	text, err := printed(t, args...)
	require.NoError(t, err)
	return text
}

func TestSummaryOfOnce(t *testing.T) {
	alerts, out := night(t, 30)
	require.NoError(t, os.WriteFile(filepath.Join(alerts, "bad.avro"), []byte("bad"), 0o666))
	text := output(t, "-files", alerts, "-out", out, "-once")
	assert.Contains(t, text, "archived  30 alerts of 31 messages")
	assert.Contains(t, text, "rejected  1, whole and with their causes in "+out+"/rejected")
	assert.Contains(t, text, "files     4, ")
	assert.Contains(t, output(t, "-files", alerts, "-out", out, "-once"), "archived  0 alerts of 0 messages")
}

func TestLastLineOfJSON(t *testing.T) {
	alerts, out := night(t, 30)
	var last string
	for lines := bufio.NewScanner(strings.NewReader(output(t, "-files", alerts, "-out", out, "-once", "-progress", "json", "-max-rows", "20"))); lines.Scan(); {
		last = lines.Text()
	}
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(last), &got))
	for key, want := range map[string]any{"read": 30.0, "written": 30.0, "rejected": 0.0, "batches": 2.0, "files": 6.0} {
		assert.Equal(t, want, got[key], key)
	}
	assert.Positive(t, got["bytes"])
	assert.Positive(t, got["seconds"])
}

func TestManualNamesEveryFlag(t *testing.T) {
	for _, f := range []string{"files", "brokers", "topics", "start", "kafka-config", "group", "simulator", "out", "registry", "registry-config", "interval", "once", "clock", "compression", "lost", "late-share", "max-rows", "max-bytes", "workers", "progress", "version"} {
		assert.Contains(t, manual, "    -"+f+" ", f)
	}
	assert.NotContains(t, manual, "checkstream")
}

func TestUsage(t *testing.T) {
	for _, args := range []string{
		"-once", "-out sky", "-bogus", "-brokers b:9092", "-topics t", "-brokers b -topics t", "-brokers b:9092 -topics t -files x",
		"-brokers b:9092 -topics a(", "-brokers b:9092 -topics t -start soon", "-simulator -brokers b:9092", "-brokers b:9092 -topics t,", "-files x y", "-files x -clock noon", "-files x -compression gzip", "-files x -progress loud",
		"-files x -max-bytes much", "-files x -max-rows many", "-files x -max-rows -1", "-files x -interval 0s", "-files x -workers -2", "-files x -out=", "-files x,", "-files x -lost keep",
		"-files x -late-share 1.1", "-files x -late-share -0.1", "-files x -late-share NaN", "-files x -late-share half",
	} {
		var usage cli.UsageError
		assert.ErrorAs(t, Run(context.Background(), strings.Fields(args)), &usage, args)
	}
}

func TestUnknownCommand(t *testing.T) {
	for name, want := range map[string]string{
		"audti": `unknown command "audti", did you mean "audit"?`, "replay": `unknown command "replay"`,
		"adit": `unknown command "adit", did you mean "audit"?`, "replay-reject": `unknown command "replay-reject", did you mean "replay-rejected"?`,
		"night.avro": `unknown command "night.avro"`, "": `unknown command ""`,
	} {
		assert.Equal(t, cli.UsageError{Text: want}, Run(t.Context(), []string{name, "-out", "sky"}), name)
	}
}

func TestErrorsNameTheThing(t *testing.T) {
	alerts, out := night(t, 3)
	empty := t.TempDir()
	file := filepath.Join(empty, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	require.NoError(t, Run(context.Background(), []string{"-files", alerts, "-out", out, "-once", "-progress", "off"}))
	require.NoError(t, os.Mkdir(filepath.Join(empty, "none"), 0o777))
	for _, c := range []struct{ args, want string }{
		{"-files /no/such/file -out " + out, "/no/such/file"},
		{"-files /no/such/*.avro -out " + out, "/no/such/*.avro"},
		{"-files " + filepath.Join(empty, "none") + " -out " + out, "no alerts in " + empty},
		{"-files " + alerts + " -out " + file, file},
		{"-files " + alerts + " -out " + out + " -clock night", `clock "event"`},
		{"-files " + alerts + " -out " + out + " -registry /no/registry", "/no/registry"},
	} {
		err := Run(context.Background(), append(strings.Fields(c.args), "-once"))
		require.Error(t, err, c.args)
		text := cli.Explain("archive", err)
		assert.Contains(t, text, c.want)
		assert.NotContains(t, text, "\n")
	}
}

func TestSecondProcessIsTurnedAway(t *testing.T) {
	alerts, out := night(t, 3)
	dir, err := store.OpenDir(out)
	require.NoError(t, err)
	unlock, err := dir.Lock("ledger/lock", false)
	require.NoError(t, err)
	args := []string{"-files", alerts, "-out", out, "-once", "-progress", "off"}
	err = Run(context.Background(), args)
	assert.ErrorContains(t, err, "another process is writing to "+out)
	require.NoError(t, unlock())
	assert.NoError(t, Run(context.Background(), args))
}

func TestForeignLedger(t *testing.T) {
	alerts, out := night(t, 3)
	args := []string{"-files", alerts, "-out", out, "-once", "-progress", "off"}
	require.NoError(t, Run(context.Background(), args))
	name := filepath.Join(out, "ledger/ledger.json")
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, bytes.Replace(text, []byte(`"version":"1"`), []byte(`"version":"9"`), 1), 0o666))
	err = Run(context.Background(), args)
	assert.ErrorContains(t, err, filepath.Join(out, "ledger"))
	assert.ErrorContains(t, err, `version "9"`)
}

// TestFullDisk fills the disk in the middle of a batch: one error says so, the
// table has no incomplete file, and the next run archives everything.
func TestFullDisk(t *testing.T) {
	alerts, out := night(t, 30)
	args := []string{"-files", alerts, "-out", out, "-once", "-progress", "off"}
	full := Command{OpenStore: func(dir string) (store.Store, error) {
		s, err := store.OpenDir(dir)
		return &faultstore.Store{Store: s, Before: func(op faultstore.Op) error {
			if op.Kind == faultstore.Write && strings.HasSuffix(op.Name, "-0") { // a file of a sink
				return &os.PathError{Op: "write", Path: op.Name, Err: syscall.ENOSPC}
			}
			return nil
		}}, err
	}, Prepare: func(s *archive.Service) { s.Job.Retry = stream.Retry{Min: time.Millisecond, Max: time.Millisecond} }}
	err := full.Run(context.Background(), args)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Contains(t, cli.Explain("archive", err), "free space on that disk, then start again: nothing is lost")
	assert.NoDirExists(t, filepath.Join(out, "alerts"))
	assert.Contains(t, output(t, "-files", alerts, "-out", out, "-once"), "archived  30 alerts")
}

// TestRunTakesFilesAsTheyCome adds files while the archive runs.
func TestRunTakesFilesAsTheyCome(t *testing.T) {
	t.Parallel() // files have to settle
	alerts, out := night(t, 3)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		done <- Run(ctx, []string{"-files", alerts, "-out", out, "-interval", "100ms", "-progress", "off"})
	}()
	require.NoError(t, alerttest.WriteZTF(filepath.Join(alerts, "more"), 5, 1))
	assert.Eventually(t, func() bool {
		n := 0
		filepath.WalkDir(filepath.Join(out, "alerts"), func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				n += len(columnOf(t, path, "topic"))
			}
			return nil
		})
		return n == 8
	}, 30*time.Second, 100*time.Millisecond)
	cancel()
	assert.NoError(t, <-done)
}

// TestDemo runs the command without flags.
func TestDemo(t *testing.T) {
	t.Chdir(t.TempDir())
	text := output(t)
	assert.Regexp(t, `^writing a simulated night of 500 alerts, 23 MB, to ./skyfinch-demo \(elsewhere: .* -out DIR; to remove it: rm -r skyfinch-demo\)\n`, text)
	assert.Contains(t, text, "archived  500 alerts of 500 messages")
	assert.Contains(t, text, "latency   half within ")
	assert.Contains(t, text, "read_parquet('skyfinch-demo/alerts/ztf/")
	for _, survey := range []string{"ztf", "lsst"} {
		hours, err := filepath.Glob("skyfinch-demo/alerts/" + survey + "/*/*/*/*/*.parquet")
		require.NoError(t, err)
		assert.NotEmpty(t, hours, survey)
	}
	assert.NoDirExists(t, "skyfinch-demo/rejected")
	var size int64
	filepath.WalkDir("skyfinch-demo", func(path string, d os.DirEntry, err error) error {
		if info, err := d.Info(); err == nil && !d.IsDir() {
			size += info.Size()
		}
		return nil
	})
	assert.InDelta(t, 23e6, size, 2e6, "the size that it announces")
}

func TestNoSuchStream(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-simulator -topics nightly", `no topic "nightly"`},
		{"-simulator -topics night.*y", `matches "night.*y"`},
		{"-brokers 127.0.0.1:1 -topics nightly", "127.0.0.1:1"},
		{"-brokers 127.0.0.1:1 -topics nightly -kafka-config /no/such/file", "/no/such/file"},
		{"-simulator -registry http://127.0.0.1:1", "http://127.0.0.1:1"},
	} {
		begun := time.Now()
		err := Run(t.Context(), append(strings.Fields(c.args), "-once", "-out", filepath.Join(t.TempDir(), "out")))
		require.Error(t, err, c.args)
		text := cli.Explain("archive", err)
		assert.Contains(t, text, c.want)
		assert.NotContains(t, text, "\n")
		assert.Less(t, time.Since(begun), 15*time.Second, c.args)
	}
}
