package benchmark

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

var update = flag.Bool("update", false, "rewrite testdata")

// TestMain lets the test binary be the process of a phase.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == phaseArg {
		if err := Run(context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestTable(t *testing.T) {
	r := &result{Title: "20,000 simulated ztf packets of 62.4 kB, Kafka, 4 partitions", Alerts: 20000, Compressions: []string{"snappy", "zstd"}}
	for i := range 3 {
		slower := time.Duration(10+i) * time.Second / 10
		r.Runs = append(r.Runs, map[string]measurement{
			"plain fetch":         {Bytes: 1248e6, Wall: slower, CPU: 900 * time.Millisecond, Peak: 90e6},
			"stream/kafka":        {Bytes: 1248e6, Wall: slower, CPU: time.Second, Peak: 100e6},
			"plain write, snappy": {Bytes: 1000e6, Files: []int64{600e6, 400e6}, Wall: time.Second, CPU: 500 * time.Millisecond, Peak: 12e6},
			"archive, snappy":     {Bytes: 1248e6, Files: []int64{600e6, 400e6}, Wall: 3 * slower, CPU: 2 * slower, Peak: 300e6},
			"plain write, zstd":   {Bytes: 990e6, Files: []int64{990e6}, Wall: time.Second, CPU: 500 * time.Millisecond},
			"archive, zstd":       {Bytes: 1248e6, Files: []int64{990e6}, Wall: 4 * time.Second, CPU: 3 * slower, Peak: 1234e6},
		})
	}
	var out bytes.Buffer
	require.NoError(t, r.write(&out))
	golden := filepath.Join("testdata", "table.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o666))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), out.String())
}

func TestMedian(t *testing.T) {
	assert.Equal(t, 2, median([]int{3, 1, 2}))
	assert.Equal(t, 2, median([]int{4, 3, 1, 2}))
	assert.Equal(t, 7, median([]int{7}))
}

// TestBenchmark measures a few packets on the embedded broker, in processes as
// the command does.
func TestBenchmark(t *testing.T) {
	for _, survey := range []sim.Survey{sim.ZTF, sim.LSST} {
		t.Run(survey.String(), func(t *testing.T) {
			dir := t.TempDir()
			o := &options{survey: survey, n: 40, compressions: []string{"snappy", "zstd"}, runs: 2, partitions: 2, dir: dir}
			var out, progress bytes.Buffer
			b := &bench{options: o, progress: &progress}
			require.NoError(t, b.run(context.Background(), &out), progress.String())
			assert.Contains(t, progress.String(), "filling a topic in an embedded broker (about 3.0 MB of memory) with 40 "+survey.String()+" alerts, then measuring 2 times")
			assert.Contains(t, out.String(), "40 simulated "+survey.String())
			for _, line := range strings.Split(out.String(), "\n") {
				if strings.HasPrefix(line, "archive, ") {
					assert.Equal(t, "6", strings.Fields(line)[7], "files of six hours")
				}
			}
			assert.Contains(t, out.String(), "archive / (plain fetch + plain write), zstd: ")
			assert.Contains(t, progress.String(), "run 2 of 2:  plain fetch ")
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

// TestMissingAlerts checks that a measurement of too few alerts is an error.
func TestMissingAlerts(t *testing.T) {
	ctx := context.Background()
	b := &bench{options: &options{n: 10, compressions: []string{"none"}, runs: 1, partitions: 1, dir: t.TempDir()}, progress: io.Discard}
	defer b.close()
	require.NoError(t, b.open(ctx))
	b.options.n++
	_, err := b.measure(ctx)
	assert.ErrorContains(t, err, "fetch: 10 alerts of 11")
	require.NoError(t, b.deleteTopic())
	_, err = runPhase(ctx, nil, task{Phase: fetch, Kafka: b.options.kafka, Topic: b.topic})
	assert.ErrorContains(t, err, "benchmark: fetch: ", "the topic is deleted")
}

func TestErrorOfPhase(t *testing.T) {
	_, err := runPhase(context.Background(), nil, task{Phase: fetch, Kafka: kafka.Flags{Brokers: []string{"127.0.0.1:1"}}, Topic: "t"})
	assert.ErrorContains(t, err, "benchmark: fetch: ")
	_, err = runPhase(context.Background(), nil, task{Phase: "rest"})
	assert.ErrorContains(t, err, `unknown phase "rest"`)
}

func TestManualNamesEveryFlag(t *testing.T) {
	for _, f := range []string{"brokers", "kafka-config", "survey", "n", "packets", "compression", "runs", "partitions", "dir", "keep"} {
		assert.Contains(t, manual, "    -"+f+" ", f)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range []string{"-bogus", "-survey des", "-n 0", "-runs 0", "-partitions 0", "-compression gzip", "-brokers localhost", "x"} {
		var usage cli.UsageError
		assert.ErrorAs(t, Run(context.Background(), strings.Fields(args)), &usage, args)
	}
}
