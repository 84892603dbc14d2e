//go:build unix

package archive

import (
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/alerttest"
)

// offsetsOfFile is the number of messages that the engine assumes in a file.
const offsetsOfFile = 2

// TestPoison restarts an archive that one message kills each time until it
// succeeds: the message is rejected with the cause, all others are archived. It
// takes two deaths of the whole batch, one for each halving, and three of the
// message alone, the last halving among them.
func TestPoison(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the binary many times")
	}
	t.Parallel()
	binary := rig(t)
	for _, test := range some([]struct{ n, at int }{{24, 8}, {1, 0}, {2, 1}, {60, 0}, {60, 59}}) {
		t.Run(fmt.Sprintf("%d of %d", test.at, test.n), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			night, archive := filepath.Join(dir, "night"), filepath.Join(dir, "archive")
			require.NoError(t, alerttest.WriteZTF(night, test.n, 4))
			deaths := dieUntilDone(t, binary, night, archive, 697251920_000000000+int64(test.at))

			halvings := bits.Len(uint(test.n)*offsetsOfFile) - 1
			t.Logf("%d messages, number %d kills: %d deaths, %d halvings", test.n, test.at, deaths, halvings)
			assert.GreaterOrEqual(t, deaths, 3)
			assert.LessOrEqual(t, deaths, 2+halvings+3)

			seen := checkVisible(t, archive)
			assert.Len(t, seen, test.n)
			assert.Equal(t, 1, seen[fmt.Sprintf("rejected %06d.avro", test.at)])
			assert.Equal(t, []string{"killed the process that read it, 3 times"}, column(t, filepath.Join(archive, "rejected"), "cause"))
			out, err := exec.Command(binary, "audit", "-out", archive, "-files", night, "-deep").CombinedOutput()
			assert.NoError(t, err, "%s", out)
		})
	}
}

// dieUntilDone counts how often the archive is killed.
func dieUntilDone(t *testing.T, binary, night, archive string, poison int64) (deaths int) {
	for ; deaths < 40; deaths++ {
		c := exec.Command(binary, "-files", night, "-out", archive, "-once")
		c.Env = append(os.Environ(), fmt.Sprintf("SKYFINCH_POISON=%d", poison))
		out, err := c.CombinedOutput()
		if err == nil {
			return deaths
		}
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "%s", out)
	}
	require.Fail(t, "it never succeeds")
	return 0
}
