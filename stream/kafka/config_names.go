package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// settings are the names of security settings that are understood.
var settings = []string{
	"security.protocol",
	"sasl.mechanism", "sasl.mechanisms", "sasl.jaas.config", "sasl.username", "sasl.password",
	"sasl.oauthbearer.token.endpoint.url", "sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret",
	"sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.credentials.client.secret",
	"sasl.oauthbearer.scope", "sasl.oauthbearer.extensions", "sasl.oauthbearer.method",
	"ssl.truststore.location", "ssl.truststore.certificates", "ssl.ca.location", "ssl.ca.pem",
	"ssl.keystore.location", "ssl.keystore.key", "ssl.keystore.certificate.chain",
	"ssl.certificate.location", "ssl.certificate.pem", "ssl.key.location", "ssl.key.pem",
	"ssl.endpoint.identification.algorithm", "enable.ssl.certificate.verification",
}

// idle are the names of security settings that may stand in a file and change
// nothing here: what they say is found out, or is left to Go.
var idle = []string{
	"security.providers",
	"sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "sasl.login.class",
	"ssl.truststore.type", "ssl.truststore.password", "ssl.keystore.type", "ssl.keystore.password", "ssl.key.password",
	"ssl.protocol", "ssl.enabled.protocols", "ssl.cipher.suites", "ssl.curves.list", "ssl.sigalgs.list", "ssl.provider", "ssl.providers",
	"ssl.trustmanager.algorithm", "ssl.keymanager.algorithm", "ssl.secure.random.implementation",
}

// idlePrefixes are those of families of such settings.
var idlePrefixes = []string{"sasl.login.", "sasl.kerberos.", "sasl.oauthbearer."}

// unsupported are settings that change how a login is done, and cannot be
// followed.
var unsupported = map[string]string{
	"ssl.engine.factory.class": "a Java class: give certificates as PEM",
	"ssl.crl.location":         "lists of revoked certificates are not read: remove it",
	"ssl.engine.location":      "engines of OpenSSL are not loaded: give the key as PEM",
	"sasl.oauthbearer.config":  "unsecured tokens are for a test: give sasl.oauthbearer.token.endpoint.url",
}

// checkNames returns an error for a name that begins like a security setting
// and is none.
func checkNames(p map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if why := unsupported[name]; why != "" {
			return fmt.Errorf("%s: %s", name, why)
		}
		if !strings.HasPrefix(name, "sasl.") && !strings.HasPrefix(name, "ssl.") && !strings.HasPrefix(name, "security.") {
			continue
		}
		if slices.Contains(settings, name) || slices.Contains(idle, name) || hasPrefix(name, idlePrefixes) {
			continue
		}
		if like := nearest(name, settings); like != "" {
			return fmt.Errorf("no setting is named %.80q: is %s meant?", name, like)
		}
		return fmt.Errorf("no setting is named %.80q: remove it", name)
	}
	return nil
}

func hasPrefix(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// nearest returns the name that is at most three letters away: added, missing
// or other ones.
func nearest(name string, names []string) string {
	best, like := 4, ""
	for _, n := range names {
		if d := distance(name, n); d < best {
			best, like = d, n
		}
	}
	return like
}

// distance is Levenshtein's.
func distance(a, b string) int {
	if len(a) > 100 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := diagonal
			if a[i] != b[j] {
				next = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
