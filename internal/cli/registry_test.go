package cli

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The password of a registry need not be on the command line.
func TestRegistryFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "client.properties")
	for _, c := range []struct{ args, text, want, err string }{
		{args: "", want: ""},
		{args: "-registry schemas", want: "schemas"},
		{args: "-registry https://u:p@host/x", want: "https://u:p@host/x"},
		{args: "-registry https://host/x -registry-config FILE", text: "basic.auth.user.info=al ice:p@:ss", want: "https://al%20ice:p%40%3Ass@host/x"},
		{args: "-registry-config FILE", text: "bootstrap.servers=b:9092\nschema.registry.url=https://host\nschema.registry.basic.auth.user.info=u:p", want: "https://u:p@host"},
		{args: "-registry-config FILE", text: "schema.registry.url=https://host,https://other", want: "https://host"},
		{args: "-registry-config FILE", text: "basic.auth.user.info=u:secret", err: "has no schema.registry.url: add it, or say -registry URL"},
		{args: "-registry https://host -registry-config FILE", text: "basic.auth.user.info=secret", err: "basic.auth.user.info is not USER:PASSWORD"},
		{args: "-registry schemas -registry-config FILE", text: "basic.auth.user.info=u:secret", err: "a directory of schemas needs no password"},
		{args: "-registry https://host -registry-config FILE.no", err: "-registry-config: kafka: properties: open "},
	} {
		require.NoError(t, os.WriteFile(file, []byte(c.text), 0o600))
		var r Registry
		f := flag.NewFlagSet("x", flag.ContinueOnError)
		r.Flags(f)
		require.NoError(t, Parse(f, strings.Fields(strings.ReplaceAll(c.args, "FILE", file))))
		at, err := r.Address()
		if c.err != "" {
			require.ErrorContains(t, err, c.err, c.args)
			assert.NotContains(t, err.Error(), "secret")
			continue
		}
		require.NoError(t, err, c.args)
		assert.Equal(t, c.want, at, c.args)
	}
}
