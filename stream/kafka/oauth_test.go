package kafka

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// endpoint is a token endpoint that knows one client.
func endpoint(t *testing.T, asked *[]url.Values) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		assert.NoError(t, r.ParseForm())
		*asked = append(*asked, r.Form)
		w.Header().Set("Content-Type", "application/json")
		if id != "archive" || secret != "swordfish" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"no\nsuch client"}`)
			return
		}
		fmt.Fprintf(w, `{"access_token":"token %d","token_type":"Bearer","expires_in":3600}`, len(*asked))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/token"
}

func TestTokens(t *testing.T) {
	var asked []url.Values
	at := endpoint(t, &asked)
	jaas := `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required `
	for name, p := range map[string]map[string]string{
		"JAAS": {"sasl.jaas.config": jaas + `clientId="archive" clientSecret="swordfish" scope="alerts read" extension_cluster="c";`,
			"sasl.login.callback.handler.class": "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler"},
		"librdkafka": {"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.client.id": "archive", "sasl.oauthbearer.client.secret": "swordfish",
			"sasl.oauthbearer.scope": "alerts read", "sasl.oauthbearer.extensions": "cluster=c"},
		"Kafka 4.1": {"sasl.jaas.config": jaas + ";", "sasl.oauthbearer.client.credentials.client.id": "archive", "sasl.oauthbearer.client.credentials.client.secret": "swordfish",
			"sasl.oauthbearer.scope": "alerts read", "sasl.oauthbearer.extensions": "cluster=c"},
	} {
		t.Run(name, func(t *testing.T) {
			asked = nil
			p["security.protocol"], p["sasl.mechanism"], p["sasl.oauthbearer.token.endpoint.url"] = "SASL_SSL", "OAUTHBEARER", at
			conf, _, err := configure(p)
			require.NoError(t, err)
			for range 2 {
				token, err := conf.Net.SASL.TokenProvider.Token()
				require.NoError(t, err)
				assert.Equal(t, "token 1", token.Token, "it is used until it expires")
				assert.Equal(t, map[string]string{"cluster": "c"}, token.Extensions)
			}
			require.Len(t, asked, 1)
			assert.Equal(t, "client_credentials", asked[0].Get("grant_type"))
			assert.Equal(t, "alerts read", asked[0].Get("scope"))
		})
	}
}

func TestTokensRefused(t *testing.T) {
	var asked []url.Values
	at := endpoint(t, &asked)
	gone := httptest.NewServer(nil)
	gone.Close()
	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	for at, want := range map[string]string{
		at:       `401 Unauthorized: "invalid_client" "no\nsuch client": are the client's id and secret right?`,
		gone.URL: "connection refused",
		page.URL: "404 Not Found: is this the token endpoint?",
		strings.Replace(gone.URL, "http://", "http://u:guessed@", 1): "connection refused",
	} {
		conf, _, err := configure(map[string]string{"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER",
			"sasl.oauthbearer.token.endpoint.url": at, "sasl.oauthbearer.client.id": "archive", "sasl.oauthbearer.client.secret": "guessed"})
		require.NoError(t, err)
		_, err = conf.Net.SASL.TokenProvider.Token()
		err = explain(err, []string{"a:1"}, conf)
		require.ErrorContains(t, err, "kafka: broker a:1: cannot get a token to log in: token endpoint http://127.0.0.1:")
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "guessed")
		assert.NotContains(t, err.Error(), "\n")
	}
}
