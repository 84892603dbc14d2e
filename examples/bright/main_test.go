package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/alerttest"
)

func Example() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	alerttest.WriteZTF(filepath.Join(dir, "night"), 4, 1)

	if err := run(context.Background(), []string{"-files", dir, "-limit", "15.15"}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// objectId=ZTF18a000000 candid=697251920000000000 candidate.magpsf=15 ra=0 dec=-90
	// objectId=ZTF18a000001 candid=697251920000000001 candidate.magpsf=15.1 ra=0.1 dec=-89
}

func TestRun(t *testing.T) {
	assert.NoError(t, run(t.Context(), []string{"-simulator", "-limit", "10"}))
	assert.ErrorContains(t, run(t.Context(), nil), "say where Kafka is")
	assert.ErrorContains(t, run(t.Context(), []string{"-simulator", "more"}), `unexpected argument "more"`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, run(ctx, []string{"-simulator"}), context.Canceled)
}

// TestCopy builds a copy of this program in a module of its own, as a reader
// would, and runs it. The copy can import public packages only. It needs no
// network: it has the dependencies of this module.
func TestCopy(t *testing.T) {
	repo, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	for from, to := range map[string]string{"main.go": "main.go", filepath.Join(repo, "go.sum"): "go.sum"} {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), text, 0o666))
	}
	mod, err := os.ReadFile(filepath.Join(repo, "go.mod"))
	require.NoError(t, err)
	const module = "github.com/skyfinch/skyfinch"
	text := strings.Replace(string(mod), "module "+module+"\n", "module example.com/bright\n", 1) +
		fmt.Sprintf("\nrequire %[1]s v0.0.0\n\nreplace %[1]s => %[2]q\n", module, repo)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o666))

	command := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off", "GOTOOLCHAIN=local")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s %v: %s", name, args, out)
		return string(out)
	}
	binary := filepath.Join(dir, "bright.exe")
	command("go", "build", "-o", binary, ".")
	out := command(binary, "-simulator", "-limit", "16")
	assert.Contains(t, out, "candidate.magpsf=15.")
	assert.Contains(t, out, "300 alerts read, ")
	assert.Regexp(t, `^bright \(skyfinch\) \S+ go1\.`, command(binary, "-version"))
}
