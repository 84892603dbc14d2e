package checkstream

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/cli"
)

func TestParse(t *testing.T) {
	o, err := parse([]string{"-brokers", "a:1", "-topics", "x", "-n", "5", "-for", "3s"})
	require.NoError(t, err)
	assert.EqualValues(t, 5, o.count)
	assert.Equal(t, 3*time.Second, o.duration)
	assert.Equal(t, "latest", o.kafka.Stream.Start.String())

	for args, says := range map[string]string{
		"":                              "say where Kafka is",
		"-brokers a:1":                  "say what to read",
		"-simulator -n -1":              "must not be negative",
		"-simulator -interval 0s":       "must be positive",
		"-simulator -group x":           "not defined: -group",
		"-simulator rest":               "unexpected argument",
		"-brokers a:1 -topics x -for x": "invalid value",
	} {
		_, err := parse(strings.Fields(args))
		var usage cli.UsageError
		if assert.ErrorAs(t, err, &usage, args) {
			assert.Contains(t, err.Error(), says, args)
		}
	}
}

func TestManualNamesEachFlag(t *testing.T) {
	for _, name := range []string{"brokers", "topics", "start", "kafka-config", "simulator", "registry", "registry-config", "n", "for", "interval", "lines"} {
		assert.Regexp(t, "\n    -"+name+"[ \n]", manual, name)
	}
	for line := range strings.Lines(manual) {
		assert.LessOrEqual(t, len(line), 92, line)
	}
}

// TestSimulator runs the whole command with a file as standard output.
func TestSimulator(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(name)
	require.NoError(t, err)
	stdout := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = stdout }()
	require.NoError(t, Run(t.Context(), []string{"-simulator", "-n", "6", "-interval", "100ms", "-start", "earliest"}))
	require.NoError(t, file.Close())
	out, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, 6, strings.Count(string(out), "\n"), string(out))
}
