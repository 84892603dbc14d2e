//go:build unix

package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hamba/avro/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/alerttest"
)

// framed makes alerts with Confluent framing, a message that is not an alert, and
// a directory with the schema.
func framed(t *testing.T, n int) (alerts, registry string) {
	dir := t.TempDir()
	alerts, registry = filepath.Join(dir, "night"), filepath.Join(dir, "schemas")
	require.NoError(t, os.Mkdir(alerts, 0o777))
	require.NoError(t, os.Mkdir(registry, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(registry, "ztf-7.avsc"), []byte(alerttest.Schema), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(alerts, "000003x.bin"), []byte("junk"), 0o666))
	schema, err := avro.Parse(alerttest.Schema)
	require.NoError(t, err)
	for i := range n {
		data, err := avro.Marshal(schema, map[string]any{
			"objectId": "ZTF18", "candid": int64(1000 + i), "prv_candidates": nil, "cutoutScience": []byte(strings.Repeat("x", i)),
			"candidate": map[string]any{"jd": 2458451.75 + float64(i%3)/24 + 0.01, "ra": 1.5, "dec": 2.5, "magpsf": nil},
		})
		require.NoError(t, err)
		data = append(binary.BigEndian.AppendUint32([]byte{0}, 7), data...)
		require.NoError(t, os.WriteFile(filepath.Join(alerts, fmt.Sprintf("%06d.bin", i)), data, 0o666))
	}
	return alerts, registry
}

// replayKills are the steps at which a replay is killed.
var replayKills = []string{
	"before schema 1", "after schema 2", "before schemafile 1", "after schemafile 3",
	"before stage 1", "after stage 2", "after write 3", "before close 2", "after close 4",
	"before plan 1", "after plan 1", "before commit 1", "after commit 1",
	"before publish 1", "after publish 1", "after publish 2", "before publish 4", "after publish 4",
	"before sweep 1", "after sweep 1", "before sweep 2", "after sweep 2", "before done 1", "after done 1",
}

// TestKillReplay kills a replay at each step, and has it finished by another
// replay, by the archive, or by an audit.
func TestKillReplay(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the binary many times")
	}
	t.Parallel()
	binary := rig(t)
	alerts, registry := framed(t, 24)
	for i, step := range some(replayKills) {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			run := func(kill string, args ...string) error {
				c := exec.Command(binary, append(args, "-out", out)...)
				c.Env = append(os.Environ(), "SKYFINCH_KILL="+kill)
				text, err := c.CombinedOutput()
				if err != nil && kill == "" {
					t.Logf("%s", text)
				}
				return err
			}
			archive := []string{"-files", alerts, "-once", "-max-rows", "10"}
			replay := []string{"replay-rejected", "-registry", registry}
			require.NoError(t, run("", archive...))
			var exit *exec.ExitError
			if err := run(step, replay...); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("never reached %s: %v", step, err)
			}
			require.Len(t, everywhere(t, out), 25, "a message is lost")
			switch i % 3 {
			case 0:
				require.NoError(t, run("", archive...))
			case 1:
				require.NoError(t, run("", "audit", "-repair"))
			}
			require.NoError(t, run("", replay...))
			require.NoError(t, run("", "audit", "-files", alerts, "-deep"))
			seen := checkVisible(t, out)
			assert.Len(t, seen, 25)
			assert.Equal(t, 1, seen["rejected 000003x.bin"])
			assert.NoDirExists(t, filepath.Join(out, "staging"))
		})
	}
}

// everywhere returns the messages of both tables. While a replay publishes, a
// message may be in both, but no alert may be there twice.
func everywhere(t *testing.T, out string) map[string]bool {
	all, alerts := map[string]bool{}, map[string]bool{}
	for _, table := range []string{"alerts", "rejected"} {
		err := filepath.WalkDir(filepath.Join(out, table), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil
			}
			for _, topic := range columnOf(t, path, "topic") {
				require.False(t, table == "alerts" && alerts[topic], "%s is there twice", topic)
				alerts[topic] = alerts[topic] || table == "alerts"
				all[topic] = true
			}
			return nil
		})
		require.NoError(t, err)
	}
	return all
}
