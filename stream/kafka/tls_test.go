package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	a.cert, a.key, a.pem, _ = a.sign(t, template)
	return a
}

// sign makes a certificate and its key, as PEM too.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (cert *x509.Certificate, key *ecdsa.PrivateKey, certPEM, keyPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return cert, key, block("CERTIFICATE", der), block("PRIVATE KEY", keyDER)
}

// issue makes a certificate for a host, or a client.
func (a *authority) issue(t *testing.T, ips ...net.IP) (certPEM, keyPEM string) {
	t.Helper()
	_, _, certPEM, keyPEM = a.sign(t, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "x"}, IPAddresses: ips,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)})
	return certPEM, keyPEM
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// Both spellings of all that TLS takes, against brokers that check it.
func TestConfigureTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	serverCert, serverKey := ca.issue(t, net.IPv4(127, 0, 0, 1))
	namelessCert, namelessKey := ca.issue(t)
	clientCert, clientKey := ca.issue(t)
	pair := func(cert, key string) tls.Certificate {
		c, err := tls.X509KeyPair([]byte(cert), []byte(key))
		require.NoError(t, err)
		return c
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	server := serve(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair(serverCert, serverKey)}}))
	nameless := serve(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair(namelessCert, namelessKey)}}))
	mutual := serve(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair(serverCert, serverKey)},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}))
	trust := write(t, "ca.pem", "some text\n"+ca.pem)
	store := write(t, "store.pem", "Bag Attributes\n"+clientKey+clientCert+ca.pem)

	for name, c := range map[string]struct {
		addr string
		p    map[string]string
		want string
	}{
		"Kafka's store":       {server, map[string]string{"ssl.truststore.location": trust, "ssl.truststore.type": "PEM"}, ""},
		"Kafka's text":        {server, map[string]string{"ssl.truststore.certificates": ca.pem, "ssl.truststore.type": "PEM"}, ""},
		"librdkafka's file":   {server, map[string]string{"ssl.ca.location": trust}, ""},
		"another CA":          {server, map[string]string{"ssl.ca.pem": other.pem}, "ssl.truststore.location"},
		"no CA":               {server, nil, "ssl.truststore.location"},
		"no check":            {nameless, map[string]string{"enable.ssl.certificate.verification": "false"}, ""},
		"name":                {nameless, map[string]string{"ssl.ca.pem": ca.pem}, "use the name in its certificate"},
		"no name":             {nameless, map[string]string{"ssl.ca.pem": ca.pem, "ssl.endpoint.identification.algorithm": ""}, ""},
		"no name, another CA": {nameless, map[string]string{"ssl.ca.pem": other.pem, "ssl.endpoint.identification.algorithm": "none"}, "ssl.truststore.location"},
		"nothing shown":       {mutual, map[string]string{"ssl.ca.pem": ca.pem}, "ssl.keystore.location"},
		"Kafka's keystore":    {mutual, map[string]string{"ssl.ca.pem": ca.pem, "ssl.keystore.location": store}, ""},
		"Kafka's key":         {mutual, map[string]string{"ssl.ca.pem": ca.pem, "ssl.keystore.certificate.chain": clientCert, "ssl.keystore.key": clientKey}, ""},
		"librdkafka's files": {mutual, map[string]string{"ssl.ca.pem": ca.pem, "ssl.certificate.location": write(t, "c", clientCert),
			"ssl.key.location": write(t, "k", clientKey)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := map[string]string{"security.protocol": "SSL"}
			for k, v := range c.p {
				p[k] = v
			}
			conf, _, err := configure(p)
			require.NoError(t, err)
			if err := ask(t, c.addr, conf); c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

func TestConfigureTLSErrors(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.issue(t)
	_, otherKey := ca.issue(t)
	jks := write(t, "a b.jks", "\xfe\xed\xfe\xed\x00\x00\x00\x02")
	p12 := write(t, "store.p12", "\x30\x82\x01\x02")
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	legacy := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "x"}, Bytes: []byte("x")}))
	for _, c := range []struct {
		name, value string
		want        string
	}{
		{"ssl.truststore.location", jks, `it is a JKS store, not PEM: run "keytool -list -rfc -keystore '` + jks + `' >PEM.pem", and name PEM.pem instead, with the type PEM`},
		{"ssl.truststore.location", p12, `it is a PKCS12 store, not PEM: run "openssl pkcs12 -in ` + p12 + ` -nokeys -out PEM.pem"`},
		{"ssl.keystore.location", jks, `-destkeystore P12.p12 -deststoretype PKCS12", "openssl pkcs12 -in P12.p12 -nodes -out PEM.pem"`},
		{"ssl.keystore.location", p12, `run "openssl pkcs12 -in ` + p12 + ` -nodes -out PEM.pem"`},
		{"ssl.ca.location", "none.pem", "ssl.ca.location: open none.pem: no such file or directory (names are relative to the working directory)"},
		{"ssl.ca.location", write(t, "x", "x"), "it is not in PEM format (-----BEGIN ...)"},
		{"ssl.ca.location", write(t, "x", key), "it contains no certificate"},
		{"ssl.ca.pem", "ca.pem", "ssl.ca.pem: it is not in PEM format"},
		{"ssl.keystore.location", write(t, "x", cert), "it contains no private key (if the key is in another file, name that in ssl.key.location)"},
		{"ssl.keystore.location", write(t, "x", cert+encrypted), `its private key is encrypted: decrypt it with "openssl pkey -in ENCRYPTED.pem -out KEY.pem"`},
		{"ssl.keystore.location", write(t, "x", cert+legacy), "its private key is encrypted"},
		{"ssl.keystore.location", write(t, "x", cert+otherKey), "private key does not match public key"},
		{"ssl.key.pem", key, "ssl.key.pem is set, but no certificate"},
		{"ssl.endpoint.identification.algorithm", "ldaps", `is "ldaps", not https or empty`},
		{"enable.ssl.certificate.verification", "maybe", `is "maybe", not true or false`},
	} {
		_, _, err := configure(map[string]string{"security.protocol": "SSL", c.name: c.value, "ssl.key.password": "swordfish"})
		if assert.ErrorContains(t, err, c.want) {
			assert.NotContains(t, err.Error(), "\n")
		}
	}
}
