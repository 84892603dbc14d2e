//go:build integration

package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script runs ../shared/servers/registry.sh for a registry of the test's own.
func script(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(shared(t, "servers"), "registry.sh")
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "REGISTRY_NAME=alerttest")
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	require.NoError(t, err, "%s: %s", strings.Join(args, " "), problem.String())
	return strings.TrimSpace(string(out))
}

// register registers a schema and returns its id, the next one.
func register(t *testing.T, at, schema string) uint32 {
	t.Helper()
	body, err := json.Marshal(map[string]string{"schema": schema})
	require.NoError(t, err)
	resp, err := http.Post(fmt.Sprintf("%s/subjects/s%d/versions", at, len(schema)), "application/vnd.schemaregistry.v1+json", bytes.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	var reply struct {
		ID uint32 `json:"id"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&reply))
	return reply.ID
}

// REGISTRY is the URL of a registry that holds the LSST schemas of ../shared/schemas.
func TestRealRegistry(t *testing.T) {
	at := os.Getenv("REGISTRY")
	if at == "" {
		t.Skip("REGISTRY is not set")
	}
	r, err := OpenRegistry(t.Context(), at)
	require.NoError(t, err)
	require.NoError(t, r.Check(t.Context()))
	for _, id := range []uint32{701, 703, 704, 900, 1000, 1100} {
		want, err := os.ReadFile(filepath.Join(shared(t, "schemas"), fmt.Sprintf("lsst-%d.avsc", id)))
		require.NoError(t, err)
		got, err := r.Schema(t.Context(), id)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got), id)
	}
	for _, id := range []uint32{0, 4_000_000_000, 1<<32 - 1} {
		_, err = r.Schema(t.Context(), id)
		assert.ErrorIs(t, err, ErrUnknownSchema, id)
	}

	root := at[:strings.Index(at, "/apis")]
	err = HTTPRegistry{URL: root}.Check(t.Context())
	assert.ErrorContains(t, err, "is this the registry's base URL?", "the server, but not its API")
	assert.ErrorContains(t, err, root)
}

// A schema that is registered while its messages wait, an outage, and the
// registry's return.
func TestRealRegistryLagsAndFails(t *testing.T) {
	if os.Getenv("REGISTRY") == "" {
		t.Skip("REGISTRY is not set")
	}
	dir := t.TempDir()
	first := filepath.Join(dir, "ztf-31.avsc")
	writeFile(t, first, ztfSchema("a31", "", ""))
	at := script(t, "start", "--port", "15981")
	t.Cleanup(func() { script(t, "wipe") })
	r, err := OpenRegistry(t.Context(), at)
	require.NoError(t, err)
	require.NoError(t, r.Check(t.Context()))
	d := &Decoder{Registry: r}

	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		time.Sleep(2 * time.Second)
		script(t, "load", "31", first)
	}()
	start := time.Now()
	assert.Len(t, one(t, decode(t, d, values(withID(31))...)).From, 1, "it came while the message waited")
	assert.Greater(t, time.Since(start), 2*time.Second)
	<-loaded

	require.EqualValues(t, 32, register(t, at, ztfSchema("a32", "", "")))
	script(t, "kill9")
	assert.Len(t, one(t, decode(t, d, values(withID(31))...)).From, 1, "what is known needs no registry")
	_, err = tryDecode(t, d, values(withID(32))...)
	require.ErrorContains(t, err, "schema id 32: ") // refused, or reset if the connection was kept
	assert.NotErrorIs(t, err, ErrUnknownSchema)
	assert.ErrorContains(t, HTTPRegistry{URL: at}.Check(t.Context()), "is it running, and is this its port?")

	script(t, "start")
	require.EqualValues(t, 32, register(t, at, ztfSchema("a32", "", "")), "a killed registry may have lost it")
	assert.Len(t, one(t, decode(t, d, values(withID(32))...)).From, 1, "the same decoder goes on")

	script(t, "pause") // no answer at all
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, _, err = d.cache.byID(ctx, 33)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	script(t, "resume")
	next := register(t, at, ztfSchema("a33", "", "")) // 33, or more: one that was killed may leave some out
	require.GreaterOrEqual(t, next, uint32(33))
	assert.Len(t, one(t, decode(t, d, values(withID(next))...)).From, 1)
}
