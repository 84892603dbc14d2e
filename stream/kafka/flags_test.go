package kafka

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ExampleFlags() {
	in := Flags{Start: Latest()}
	f := flag.NewFlagSet("mine", flag.ContinueOnError)
	in.Register(f)
	f.Parse([]string{"-brokers", "localhost:9092", "-topics", `ztf_\d{6,8}_programid1,lsst-alerts-v9`})
	source, err := in.Source()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	fmt.Println(source.Brokers, len(source.Topics), source.Start)
	// Output: [localhost:9092] 2 latest
}

func parsed(args ...string) (*Source, error) {
	in := new(Flags)
	f := flag.NewFlagSet("x", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	in.Register(f)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	return in.Source()
}

func TestFlagsMistaken(t *testing.T) {
	for args, says := range map[string]string{
		"-brokers localhost -topics x":           `"localhost" is not HOST:PORT, like localhost:9092`,
		"-brokers me:secret@b:1 -topics x":       "belong into -kafka-config FILE",
		"-brokers a:1,,b:1 -topics x":            `"" is not HOST:PORT`,
		"-brokers :9092 -topics x":               `":9092" is not HOST:PORT`,
		"-brokers a:1 -topics x,":                "an empty name",
		"-brokers a:1 -topics ztf_(":             "missing closing )",
		"-brokers a:1 -topics x -start yesteday": "write earliest, latest, or a time like",
		"-topics x":                              "say where Kafka is: -brokers HOST:PORT",
		"-brokers a:1":                           "say what to read: -topics NAME",
	} {
		_, err := parsed(strings.Fields(args)...)
		if assert.ErrorContains(t, err, says, args) {
			assert.NotContains(t, err.Error(), "secret")
		}
	}
}

func TestFlagsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "client.properties")
	require.NoError(t, os.WriteFile(file, []byte("bootstrap.servers=a:1,b:2\nclient.id=me\n"), 0o600))
	s, err := parsed("-kafka-config", file, "-topics", "x")
	require.NoError(t, err)
	assert.Equal(t, []string{"a:1", "b:2"}, s.Brokers)
	assert.Equal(t, "me", s.Config.ClientID)
	s, err = parsed("-kafka-config", file, "-topics", "x", "-brokers", "c:3, d:4")
	require.NoError(t, err)
	assert.Equal(t, []string{"c:3", "d:4"}, s.Brokers, "-brokers takes precedence")

	require.NoError(t, os.WriteFile(file, []byte("client.id=me\n"), 0o600))
	_, err = parsed("-kafka-config", file, "-topics", "x")
	assert.ErrorAs(t, err, new(FlagError))
	assert.ErrorContains(t, err, "has no bootstrap.servers")
}

func TestSplitOutsideBrackets(t *testing.T) {
	for text, want := range map[string][]string{
		"a":              {"a"},
		"a,b":            {"a", "b"},
		`a{1,2},b`:       {"a{1,2}", "b"},
		`(a,b|c),d`:      {"(a,b|c)", "d"},
		`[,(],b`:         {"[,(]", "b"},
		`a\{1,b`:         {`a\{1`, "b"},
		`a\,b`:           {`a\,b`},
		`a),b`:           {"a)", "b"},
		`ztf_\d{8}_.*,x`: {`ztf_\d{8}_.*`, "x"},
	} {
		assert.Equal(t, want, splitOutsideBrackets(text), text)
	}
}
