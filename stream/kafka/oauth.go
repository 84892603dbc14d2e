package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// tokenTimeout bounds one request for a token, which delays a connection to a
// broker.
const tokenTimeout = 10 * time.Second

// loginError is an error of a login other than its refusal by the broker.
type loginError struct {
	at  string // the step of the login, or the server asked
	err error
}

func (e *loginError) Error() string { return e.at + ": " + e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

// tokenProvider provides OAUTHBEARER tokens for a client's id and secret.
type tokenProvider struct {
	endpoint   string // for errors
	source     oauth2.TokenSource
	extensions map[string]string
}

// token sets up a login with tokens. The names are Kafka's (KIP-768, KIP-1139) and
// librdkafka's.
func (l jaasLogin) token(p map[string]string, conf *sarama.Config) error {
	if err := l.checkModule("OAuthBearerLoginModule", sarama.SASLTypeOAuth); err != nil {
		return err
	}
	endpoint, name, err := tokenEndpoint(p["sasl.oauthbearer.token.endpoint.url"])
	if err != nil {
		return fmt.Errorf("sasl.oauthbearer.token.endpoint.url: %w", err)
	}
	_, id := first(p, "sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id")
	_, secret := first(p, "sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret")
	scope := p["sasl.oauthbearer.scope"]
	extensions := map[string]string{}
	if l.module != "" {
		id, secret = cmp.Or(l.options["clientId"], id), cmp.Or(l.options["clientSecret"], secret)
		scope = cmp.Or(l.options["scope"], scope)
		for name, value := range l.options {
			if name, ok := strings.CutPrefix(name, "extension_"); ok {
				extensions[name] = value
			}
		}
	}
	for pair := range strings.SplitSeq(p["sasl.oauthbearer.extensions"], ",") {
		if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok {
			extensions[name] = value
		}
	}
	if id == "" || secret == "" {
		return errors.New("OAUTHBEARER takes clientId and clientSecret in sasl.jaas.config, " +
			"or sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret: one is missing")
	}
	credentials := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: endpoint, Scopes: strings.Fields(scope)}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Timeout: tokenTimeout})
	conf.Net.SASL.TokenProvider = &tokenProvider{endpoint: name, source: credentials.TokenSource(ctx), extensions: extensions}
	return nil
}

// tokenEndpoint returns the URL, and the part of it that may appear in errors.
func tokenEndpoint(s string) (endpoint, name string, err error) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return "", "", errors.New("it is missing, but OAUTHBEARER needs it")
	case err != nil:
		return "", "", errors.New("it cannot be parsed")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return "", "", errors.New("it is not an https:// URL")
	}
	return s, (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), nil
}

// Token returns a token that has not expired, requesting one if necessary.
func (t *tokenProvider) Token() (*sarama.AccessToken, error) {
	token, err := t.source.Token()
	if err != nil {
		return nil, &loginError{"token endpoint " + t.endpoint, tokenCause(err)}
	}
	return &sarama.AccessToken{Token: token.AccessToken, Extensions: t.extensions}, nil
}

// tokenCause removes the URL and the response body from an error.
func tokenCause(err error) error {
	var refused *oauth2.RetrieveError
	var u *url.Error
	switch {
	case errors.As(err, &refused) && refused.ErrorCode != "":
		return fmt.Errorf("%.60s: %.60q %.120q: are the client's id and secret right?", refused.Response.Status, refused.ErrorCode, refused.ErrorDescription)
	case errors.As(err, &refused):
		return fmt.Errorf("%.60s: is this the token endpoint?", refused.Response.Status)
	case errors.As(err, &u):
		return u.Err
	}
	return err
}
