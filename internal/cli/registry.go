package cli

import (
	"flag"
	"fmt"
	"net/url"
	"strings"

	"github.com/skyfinch/skyfinch/stream/kafka"
)

// Registry holds the flags that name a registry of schemas.
type Registry struct {
	At     string // -registry: a URL or a directory
	Config string // -registry-config: a properties file
}

// RegistryManual is the part of a command's manual that explains the flags.
const RegistryManual = `    -registry URL|DIR   writers' schemas of Confluent framing (LSST): a schema
                        registry, or a directory of NAME-ID.avsc files
    -registry-config FILE
                        a properties file, as for Confluent's tools:
                        basic.auth.user.info=USER:PASSWORD, and
                        schema.registry.url=URL if there is no -registry. In a URL
                        on the command line, other users can see a password
`

// Flags adds the flags to f.
func (r *Registry) Flags(f *flag.FlagSet) {
	f.StringVar(&r.At, "registry", r.At, "")
	f.StringVar(&r.Config, "registry-config", r.Config, "")
}

// Address returns the URL, with the user and password, or the directory, or ""
// if the flags name neither.
func (r *Registry) Address() (string, error) {
	u, err := url.Parse(r.At)
	if err == nil && u.User != nil {
		if _, secret := u.User.Password(); secret && u.Host != "" {
			Log().Warn("other users can see the registry's password in the list of processes: use -registry-config FILE")
		}
	}
	if r.Config == "" {
		return r.At, nil
	}
	p, err := kafka.ReadProperties(r.Config)
	if err != nil {
		return "", fmt.Errorf("-registry-config: %w", err)
	}
	const address, login = "schema.registry.url", "basic.auth.user.info"
	at := r.At
	if at == "" {
		at, _, _ = strings.Cut(p[address], ",") // several are copies of one registry
	}
	secret := p[login]
	if secret == "" {
		secret = p["schema.registry."+login]
	}
	user, password, ok := strings.Cut(secret, ":")
	switch u, err = url.Parse(strings.TrimSpace(at)); {
	case at == "":
		return "", UsageError{Text: fmt.Sprintf("%s has no %s: add it, or say -registry URL", r.Config, address)}
	case secret == "":
		return at, nil
	case !ok:
		return "", fmt.Errorf("%s: %s is not USER:PASSWORD", r.Config, login)
	case err != nil || u.Host == "":
		return "", UsageError{Text: "a directory of schemas needs no password: leave out -registry-config, or name a registry"}
	}
	u.User = url.UserPassword(user, password)
	return u.String(), nil
}
