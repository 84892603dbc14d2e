package simulate

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/cli"
)

func TestUsage(t *testing.T) {
	to := []string{"-brokers", "b:1", "-topic", "t"}
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "say where to send the alerts: -topic NAME"},
		{[]string{"-topic", "t"}, "say where Kafka is: -brokers HOST:PORT, or -kafka-config FILE"},
		{append(to, "-survey", "sdss"), "use ztf or lsst"},
		{append(to, "-rate", "fast"), `invalid -rate "fast": write alerts per second, or max`},
		{append(to, "-rate", "0"), `invalid -rate "0": write alerts per second, or max`},
		{append(to, "-rate", "NaN"), `invalid -rate "NaN"`},
		{append(to, "-rate", "5", "-speed", "2"), "exclude each other"},
		{append(to, "-speed", "-1"), "-speed must be positive"},
		{append(to, "-vary"), "-vary is for -replay"},
		{append(to, "-replay", "x", "-survey", "ztf"), "for simulated nights"},
		{append(to, "-start", "yesterday"), `invalid -start "yesterday": write now, or a time`},
		{append(to, "-partitions", "-1"), "-partitions -1: it must be 0 to 100000"},
		{append(to, "-compression", "rar"), "rar"},
		{append(to, "more"), `unexpected argument "more"`},
	} {
		_, err := parse(c.args)
		var usage cli.UsageError
		require.ErrorAs(t, err, &usage, "%v", c.args)
		assert.Contains(t, usage.Text, c.says)
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-brokers", "a:1,b:2", "-topic", "t", "-rate", "max", "-n", "-1", "-compression", "zstd",
		"-start", "2026-01-02T03:04:05Z", "-replay", "x,y", "-vary", "-night", "2h", "-seed", "9"})
	require.NoError(t, err)
	assert.Equal(t, []string{"a:1", "b:2"}, o.feed.Brokers)
	assert.Zero(t, o.feed.Rate)
	assert.EqualValues(t, -1, o.n)
	assert.Equal(t, sarama.CompressionZSTD, o.feed.Compression)
	assert.Equal(t, []string{"x", "y"}, o.replay.Patterns)
	assert.Equal(t, &sim.Vary{Seed: 9, Start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Span: 2 * time.Hour}, o.replay.Vary)

	o, err = parse([]string{"-brokers", "a:1", "-topic", "t"})
	require.NoError(t, err)
	assert.Equal(t, 100.0, o.feed.Rate)
	o, err = parse([]string{"-brokers", "a:1", "-topic", "t", "-speed", "60"})
	require.NoError(t, err)
	assert.Zero(t, o.feed.Rate)
}

func TestRun(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	broker, dir := c.ListenAddrs()[0], t.TempDir()
	require.NoError(t, Run(t.Context(), []string{"-brokers", broker, "-topic", "lsst", "-survey", "lsst", "-n", "12",
		"-rate", "max", "-partitions", "3", "-schemas", dir}))
	assert.FileExists(t, filepath.Join(dir, "lsst-900.avsc"))

	config := filepath.Join(dir, "client.properties")
	require.NoError(t, os.WriteFile(config, []byte("bootstrap.servers="+broker+"\n"), 0o666))
	s := sim.Simulator{Survey: sim.ZTF}
	for p, err := range s.Packets(1) {
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "a.avro"), p.Value, 0o666))
	}
	require.NoError(t, Run(t.Context(), []string{"-kafka-config", config, "-topic", "again", "-replay", filepath.Join(dir, "*.avro"),
		"-n", "5", "-rate", "1000", "-vary"}))

	client, err := sarama.NewClient([]string{broker}, nil)
	require.NoError(t, err)
	defer client.Close()
	for topic, want := range map[string][]int64{"lsst": {4, 4, 4}, "again": {2, 1, 1, 1}} {
		for p, n := range want {
			end, err := client.GetOffset(topic, int32(p), sarama.OffsetNewest)
			require.NoError(t, err)
			assert.Equal(t, n, end, "%s %d", topic, p)
		}
	}
}

func TestMeter(t *testing.T) {
	var b bytes.Buffer
	quiet := meter{out: &b}
	quiet.observe(5, 5)
	quiet.end("t")
	assert.Empty(t, b.String())

	m := meter{out: &b, shown: true, started: time.Now().Add(-10 * time.Second)}
	m.observe(12345, 1e9)
	m.observe(12346, 1e9) // too soon to be drawn
	m.end("t")
	assert.Regexp(t, "^\r\x1b\\[K12,345 sent, 1.00 GB, 1,23./s\r\x1b\\[K12,346 sent, 1.00 GB, 1,23./s to t\n$", b.String())
}
