package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

func ExampleSize() {
	f := flag.NewFlagSet("", flag.ContinueOnError)
	size := Size(1 << 30)
	f.Var(&size, "max-bytes", "")
	f.Parse([]string{"-max-bytes", "512M"})
	fmt.Println(int64(size), size.String())
	// Output: 536870912 512MiB
}

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "4096": 4096, "1k": 1 << 10, "1KiB": 1 << 10, "1kB": 1000, "3mb": 3e6, "3m": 3 << 20,
		"512MB": 512e6, "2G": 2 << 30, "5GB": 5e9, "1TiB": 1 << 40, "1TB": 1e12,
	} {
		var s Size
		require.NoError(t, s.Set(text), text)
		assert.EqualValues(t, want, s, text)
		var back Size
		require.NoError(t, back.Set(s.String()), s.String())
		assert.Equal(t, s, back)
	}
	for _, text := range []string{"", "x", "12q", "-1", "0", "1.5G", "9999999T", "M", "1MM"} {
		assert.Error(t, new(Size).Set(text), text)
	}
}

func TestParse(t *testing.T) {
	parse := func(args ...string) error {
		f := flag.NewFlagSet("x", flag.ContinueOnError)
		f.Int("n", 0, "")
		f.String("brokers", "", "")
		return Parse(f, args)
	}
	assert.NoError(t, parse("-n", "3"))
	assert.ErrorIs(t, parse("-h"), flag.ErrHelp)
	assert.ErrorIs(t, parse("-version"), flag.ErrHelp)
	assert.ErrorIs(t, parse("--version", "rest"), flag.ErrHelp)
	for arg, says := range map[string]string{
		"-n=three": "invalid value",
		"-broker":  "flag provided but not defined: -broker, did you mean -brokers?",
		"-survey":  "flag provided but not defined: -survey",
		"rest":     `unexpected argument "rest"`,
		"broker":   `unexpected argument "broker", did you mean -brokers?`,
	} {
		err := parse(arg)
		assert.ErrorAs(t, err, new(UsageError), arg)
		assert.ErrorContains(t, err, says)
		assert.True(t, strings.HasSuffix(err.Error(), says) || arg == "-n=three", err)
	}
}

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.0"}
	assert.Equal(t, "archive (skyfinch) devel go1.26.0", versionOf("archive", info))
	info.Main.Version = "(devel)"
	info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}
	assert.Equal(t, "archive (skyfinch) devel-0123456789ab+dirty go1.26.0", versionOf("archive", info))
	info.Main.Version = "v0.0.0-20260101000000-0123456789ab+dirty"
	assert.Equal(t, "archive (skyfinch) v0.0.0-20260101000000-0123456789ab+dirty go1.26.0", versionOf("archive", info))
	info.Main.Version, info.Settings = "v1.2.3", nil
	assert.Equal(t, "archive (skyfinch) v1.2.3 go1.26.0", versionOf("archive", info))
}

// TestMain lets the test binary be a command that waits for a signal.
func TestMain(m *testing.M) {
	how := os.Getenv("SKYFINCH_TEST_COMMAND")
	if how == "" {
		os.Exit(m.Run())
	}
	os.Exit(Main("command", func(ctx context.Context, _ []string) error {
		fmt.Println("started")
		<-ctx.Done()
		switch how {
		case "canceled":
			return fmt.Errorf("batch: %w", ctx.Err())
		case "failed":
			return errors.New("half done")
		}
		return nil
	}))
}

func TestExitStatusAfterSignal(t *testing.T) {
	for _, c := range []struct {
		how    string
		signal syscall.Signal
		status int
		says   string
	}{
		{"service", syscall.SIGINT, 0, ""},
		{"service", syscall.SIGTERM, 0, ""},
		{"canceled", syscall.SIGINT, 130, "command: interrupted\n"},
		{"canceled", syscall.SIGTERM, 1, "command: interrupted\n"},
		{"failed", syscall.SIGINT, 130, "command: half done\n"},
		{"failed", syscall.SIGTERM, 1, "command: half done\n"},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SKYFINCH_TEST_COMMAND="+c.how)
		var says strings.Builder
		cmd.Stderr = &says
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = out.Read(make([]byte, 16))
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(c.signal))
		cmd.Wait()
		assert.Equal(t, c.status, cmd.ProcessState.ExitCode(), "%s, %v", c.how, c.signal)
		assert.Equal(t, c.says, says.String())
	}
}

func TestExplain(t *testing.T) {
	full := &stream.BatchError{Batch: 3, Stage: stream.StageWrite, Err: &fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}}
	assert.Equal(t, "archive: stream: batch 3: stage: write /x: no space left on device: "+
		"free space on that disk, then start again: nothing is lost", Explain("archive", full))
	assert.Equal(t, "archive: two lines", Explain("archive", errors.New("archive: two\nlines")))
}

func TestMeterSummary(t *testing.T) {
	p := stream.Progress{Batches: 2, Elapsed: 100 * time.Second,
		Counts: stream.Counts{Read: 1234567, Written: 1234560, Rejected: 7, Lost: 3, Files: 12, Bytes: 5e9},
		Causes: map[string]int64{"no alert id": 2, "event time NaN": 4, "empty value": 1, "null value": 0}}
	var out bytes.Buffer
	Meter{Mode: "auto", Out: &out}.Summary(p, "sky")
	assert.Equal(t, `archived  1,234,560 alerts of 1,234,567 messages in 1m40s, 2 batches (12,345/s)
rejected  7, whole and with their causes in sky/rejected
          4  event time NaN
          2  no alert id
          1  empty value
lost      3, gone before they were read: the ledger says which
files     12, 5.00 GB in sky
`, out.String())
	out.Reset()
	Meter{Mode: "json", Out: &out}.Summary(p, "sky")
	assert.JSONEq(t, `{"read":1234567,"written":1234560,"rejected":7,"dropped":0,"lost":3,"batches":2,"files":12,
		"bytes":5000000000,"reading":0,"waiting":0,"seconds":100,"latency":{"count":0,"p50":0,"p99":0,"max":0}}`, out.String())
}

func TestMeterIsQuietInAPipe(t *testing.T) {
	var out, errs bytes.Buffer
	m := Meter{Mode: "auto", Out: &out, Err: &errs}
	require.NoError(t, m.Watch(func() stream.Progress { return stream.Progress{} }, func() error {
		time.Sleep(300 * time.Millisecond)
		return nil
	}))
	assert.Empty(t, out.String()+errs.String())
}

// blockedWriter is a pipe that is not read until it is opened.
type blockedWriter chan struct{}

func (b blockedWriter) Write(p []byte) (int, error) { <-b; return len(p), nil }

// Progress that cannot be printed neither ends a job nor keeps it from ending.
func TestUnreadOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := make(blockedWriter)
		m := Meter{Mode: "json", Out: Unblocked(pipe)}
		begun, worked := time.Now(), false
		require.NoError(t, m.Watch(func() stream.Progress { return stream.Progress{} }, func() error {
			time.Sleep(10 * time.Second)
			worked = true
			return nil
		}))
		assert.True(t, worked)
		assert.ErrorContains(t, m.Summary(stream.Progress{}, "sky"), "not read")
		assert.Less(t, time.Since(begun), 20*time.Second)
		close(pipe)
		synctest.Wait()
		assert.NoError(t, m.Summary(stream.Progress{}, "sky"), "it is read again")
	})
}

// What comes from packets and servers cannot control the terminal.
func TestEscapes(t *testing.T) {
	assert.Equal(t, `archive: precision "\x1b[2J": x`, Explain("archive", errors.New("precision \"\x1b[2J\":\nx")))
	var out bytes.Buffer
	p := stream.Progress{Causes: map[string]int64{"precision \x1b]0;owned\a\nall holds": 1}}
	require.NoError(t, Meter{Out: &out}.Summary(p, "sky"))
	assert.Contains(t, out.String(), `precision \x1b]0;owned\a\nall holds`+"\n")
	assert.NotContains(t, out.String(), "\x1b")
}
