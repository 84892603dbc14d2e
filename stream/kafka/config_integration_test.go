//go:build integration

package kafka

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A real broker's SASL listener: KAFKA_SASL=host:port, KAFKA_USER=user:password,
// KAFKA=host:port of its plain one.
func TestLogin(t *testing.T) {
	at, plain := os.Getenv("KAFKA_SASL"), os.Getenv("KAFKA")
	user, password, ok := strings.Cut(os.Getenv("KAFKA_USER"), ":")
	if at == "" || plain == "" || !ok {
		t.Skip("KAFKA, KAFKA_SASL or KAFKA_USER is not set")
	}
	for _, c := range []struct{ addr, protocol, mechanism, password, want string }{
		{at, "SASL_PLAINTEXT", "PLAIN", password, ""},
		{at, "SASL_PLAINTEXT", "SCRAM-SHA-256", password, ""},
		{at, "SASL_PLAINTEXT", "SCRAM-SHA-512", password, ""},
		{at, "SASL_PLAINTEXT", "PLAIN", "swordfish", "the login was refused (PLAIN, user "},
		{at, "SASL_PLAINTEXT", "SCRAM-SHA-512", "swordfish", "the login was refused (SCRAM-SHA-512, user "},
		{at, "SASL_PLAINTEXT", "OAUTHBEARER", "swordfish", "the broker does not offer the SASL mechanism OAUTHBEARER"},
		{at, "SASL_SSL", "PLAIN", password, "security.protocol=SASL_PLAINTEXT"},
		{at, "SSL", "", "", "security.protocol=PLAINTEXT"},
		{at, "PLAINTEXT", "", "", "does this port require TLS or a login"},
		{plain, "PLAINTEXT", "", "", ""},
		{plain, "SASL_PLAINTEXT", "PLAIN", password, "this port accepts no login: set security.protocol to PLAINTEXT or SSL"},
		{plain, "SSL", "", "", "security.protocol=PLAINTEXT"},
	} {
		p := map[string]string{"security.protocol": c.protocol, "sasl.mechanism": c.mechanism, "sasl.username": user, "sasl.password": c.password,
			"sasl.oauthbearer.token.endpoint.url": "http://127.0.0.1:1", "sasl.oauthbearer.client.id": user, "sasl.oauthbearer.client.secret": c.password}
		conf, _, err := configure(p)
		require.NoError(t, err)
		err = ask(t, c.addr, conf)
		t.Log(c.protocol, c.mechanism, err)
		if c.want == "" {
			assert.ErrorContains(t, err, "topic alerts: ", "the login was good")
		} else {
			assert.ErrorContains(t, err, c.want)
		}
	}
}
