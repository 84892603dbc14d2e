package kafka

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/internal/nearest"
)

// usedSettings are the security settings that ReadConfig uses.
var usedSettings = []string{
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

// ignoredSettings are security settings that are allowed but have no effect: their
// values are detected, or left to Go's defaults.
var ignoredSettings = []string{
	"security.providers",
	"sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "sasl.login.class",
	"ssl.truststore.type", "ssl.truststore.password", "ssl.keystore.type", "ssl.keystore.password", "ssl.key.password",
	"ssl.protocol", "ssl.enabled.protocols", "ssl.cipher.suites", "ssl.curves.list", "ssl.sigalgs.list", "ssl.provider", "ssl.providers",
	"ssl.trustmanager.algorithm", "ssl.keymanager.algorithm", "ssl.secure.random.implementation",
}

// ignoredPrefixes are prefixes of further ignored settings.
var ignoredPrefixes = []string{"sasl.login.", "sasl.kerberos.", "sasl.oauthbearer."}

// unsupportedSettings change the login in ways that are not supported. The values say
// what to do instead.
var unsupportedSettings = map[string]string{
	"ssl.engine.factory.class": "it names a Java class, which cannot be used: give certificates as PEM",
	"ssl.crl.location":         "certificate revocation lists are not supported: remove it",
	"ssl.engine.location":      "OpenSSL engines are not supported: give the key as PEM",
	"sasl.oauthbearer.config":  "unsecured tokens are not supported: set sasl.oauthbearer.token.endpoint.url",
}

// checkNames returns an error for an unknown name that begins like a security
// setting.
func checkNames(p map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if why := unsupportedSettings[name]; why != "" {
			return fmt.Errorf("%s: %s", name, why)
		}
		if !strings.HasPrefix(name, "sasl.") && !strings.HasPrefix(name, "ssl.") && !strings.HasPrefix(name, "security.") {
			continue
		}
		if slices.Contains(usedSettings, name) || slices.Contains(ignoredSettings, name) || hasPrefix(name, ignoredPrefixes) {
			continue
		}
		return fmt.Errorf("unknown setting %.80q%s", name, cmp.Or(nearest.Hint(name[:min(len(name), 100)], usedSettings), ": remove it"))
	}
	return nil
}

func hasPrefix(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
