package cli

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/kafka"
)

func parseKafka(t *testing.T, args ...string) (*Kafka, error) {
	t.Helper()
	k := &Kafka{Stream: kafka.Flags{Start: kafka.Latest()}}
	f := flag.NewFlagSet("x", flag.ContinueOnError)
	k.Flags(f)
	return k, Parse(f, args)
}

func TestKafkaFlags(t *testing.T) {
	k, err := parseKafka(t, "-brokers", "a:9092, b:9093", "-topics", `ztf_\d{6,8}_programid1,lsst-alerts-v9`, "-group", "sky", "-start", "earliest")
	require.NoError(t, err)
	assert.True(t, k.Given())
	s, err := k.Source()
	require.NoError(t, err)
	assert.Equal(t, []string{"a:9092", "b:9093"}, s.Brokers)
	assert.Equal(t, []string{`ztf_\d{6,8}_programid1`, "lsst-alerts-v9"}, s.Topics)
	assert.Equal(t, "earliest", s.Start.String())
	assert.Equal(t, "sky", s.Group)
	assert.True(t, s.Join)

	k, err = parseKafka(t)
	require.NoError(t, err)
	assert.False(t, k.Given())
	assert.Equal(t, "latest", k.Stream.Start.String(), "the command's own default")
}

func TestKafkaFlagsMistaken(t *testing.T) {
	for args, says := range map[string]string{
		"-brokers localhost":                     `"localhost" is not HOST:PORT, like localhost:9092`,
		"-brokers me:secret@b:1":                 "belong into -kafka-config FILE",
		"-brokers a:1 -topics x,":                "an empty name",
		"-brokers a:1 -topics x -start yesteday": "write earliest, latest, or a time like",
		"-topics x":                              "say where Kafka is: -brokers HOST:PORT",
		"-brokers a:1":                           "say what to read: -topics NAME",
		"-simulator -brokers a:1":                "leave out -brokers",
		"-simulator -kafka-config f":             "leave out -brokers and -kafka-config",
	} {
		k, err := parseKafka(t, strings.Fields(args)...)
		if err == nil {
			_, err = k.Source()
		}
		var usage UsageError
		if assert.ErrorAs(t, err, &usage, args) {
			assert.Contains(t, err.Error(), says, args)
			assert.NotContains(t, err.Error(), "secret")
		}
	}
}

func TestKafkaFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "client.properties")
	source := func(text string, args ...string) (*kafka.Source, error) {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		k, err := parseKafka(t, append(args, "-kafka-config", file, "-topics", "x")...)
		require.NoError(t, err)
		return k.Source()
	}
	s, err := source("bootstrap.servers=a:1,b:2\ngroup.id=theirs\nclient.id=me\n")
	require.NoError(t, err)
	assert.Equal(t, []string{"a:1", "b:2"}, s.Brokers)
	assert.Equal(t, "theirs", s.Group)
	assert.True(t, s.Join, "group.id joins the group")
	assert.Equal(t, "me", s.Config.ClientID)

	s, err = source("bootstrap.servers=a:1\ngroup.id=theirs\n", "-brokers", "c:3", "-group", "mine")
	require.NoError(t, err)
	assert.Equal(t, []string{"c:3"}, s.Brokers, "flags take precedence")
	assert.Equal(t, "mine", s.Group)

	k := &Kafka{Observer: true, Stream: kafka.Flags{Config: file, Topics: []string{"x"}}}
	s, err = k.Source()
	require.NoError(t, err)
	assert.Empty(t, s.Group, "an observer commits nothing")
	assert.False(t, s.Join)

	s, err = source("bootstrap.servers=a:1\n")
	require.NoError(t, err)
	assert.False(t, s.Join, "without a group nothing is joined")
	s, err = source("bootstrap.servers=a:1\ngroup.instance.id=first\nsession.timeout.ms=9000\n", "-group", "mine")
	require.NoError(t, err)
	assert.True(t, s.Join)
	assert.Equal(t, "first", s.Config.Consumer.Group.InstanceId)

	_, err = source("client.id=me\n")
	var usage UsageError
	require.ErrorAs(t, err, &usage)
	assert.Contains(t, err.Error(), "has no bootstrap.servers")
}

func TestKafkaUse(t *testing.T) {
	k, err := parseKafka(t, "-simulator", "-topics", "lsst.*")
	require.NoError(t, err)
	require.NoError(t, k.Check())
	k.Use([]string{"127.0.0.1:1"}, []string{"ztf", "lsst"})
	s, err := k.Source()
	require.NoError(t, err)
	assert.Equal(t, []string{"127.0.0.1:1"}, s.Brokers)
	assert.Equal(t, []string{"lsst.*"}, s.Topics)
}

func TestTerminal(t *testing.T) {
	_, _, ok := Terminal(new(strings.Builder))
	assert.False(t, ok)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	_, _, ok = Terminal(null)
	assert.False(t, ok, "a device, but not a terminal")
}
