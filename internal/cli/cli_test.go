package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
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
		"1": 1, "4096": 4096, "1k": 1 << 10, "1KiB": 1 << 10, "3mb": 3e6, "2G": 2 << 30, "1TiB": 1 << 40,
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
		return Parse(f, args)
	}
	var usage UsageError
	assert.NoError(t, parse("-n", "3"))
	assert.ErrorAs(t, parse("-n", "three"), &usage)
	assert.ErrorAs(t, parse("-m"), &usage)
	assert.ErrorAs(t, parse("rest"), &usage)
	assert.ErrorIs(t, parse("-h"), flag.ErrHelp)
}

func TestExplain(t *testing.T) {
	full := &stream.BatchError{Batch: 3, Stage: stream.StageWrite, Err: &fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}}
	assert.Equal(t, "archive: stream: batch 3: stage: write /x: no space left on device: "+
		"free space on that disk, then start again: nothing is lost", Explain("archive", full))
	assert.Equal(t, "archive: two lines", Explain("archive", errors.New("archive: two\nlines")))
}

func TestMeterSummary(t *testing.T) {
	p := stream.Progress{Batches: 2, Read: 1234567, Written: 1234560, Rejected: 7, Files: 12, Bytes: 5e9, Elapsed: 100 * time.Second,
		Causes: map[string]int64{"no alert id": 2, "event time NaN": 4, "empty value": 1, "null value": 0}, Lost: 3}
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
