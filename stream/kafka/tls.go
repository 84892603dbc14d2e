package kafka

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
)

// readTLS reads the trusted certificates and the client's certificate.
func readTLS(p map[string]string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	name, trusted, err := readPEM(p, "ssl.truststore.location", "ssl.ca.location", "ssl.truststore.certificates", "ssl.ca.pem")
	if err != nil {
		return nil, err
	}
	if name != "" {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(trusted) {
			return nil, fmt.Errorf("%s: it contains no certificate", name)
		}
	}
	cert, err := readCertificate(p)
	if err != nil {
		return nil, err
	}
	if cert != nil {
		conf.Certificates = []tls.Certificate{*cert}
	}
	return conf, readChecks(p, conf)
}

// readChecks sets which checks of the server's certificate are made.
func readChecks(p map[string]string, conf *tls.Config) error {
	switch v := strings.ToLower(p["enable.ssl.certificate.verification"]); v {
	case "", "true":
	case "false":
		conf.InsecureSkipVerify = true
		return nil
	default:
		return fmt.Errorf("enable.ssl.certificate.verification is %.40q, not true or false", v)
	}
	algorithm, given := p["ssl.endpoint.identification.algorithm"]
	switch strings.ToLower(algorithm) {
	case "https":
	case "", "none":
		if given { // the chain is checked, the name is not
			conf.InsecureSkipVerify = true
			conf.VerifyConnection = verifyChain(conf.RootCAs)
		}
	default:
		return fmt.Errorf("ssl.endpoint.identification.algorithm is %.40q, not https or empty", algorithm)
	}
	return nil
}

// verifyChain returns a function that verifies a server's certificates, but not its
// name.
func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(c tls.ConnectionState) error {
		opts := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, cert := range c.PeerCertificates[1:] {
			opts.Intermediates.AddCert(cert)
		}
		_, err := c.PeerCertificates[0].Verify(opts)
		return err
	}
}

// readCertificate returns the client's certificate, nil if there is none. Kafka's
// settings name one file with chain and key, or two texts; librdkafka's two files
// or texts.
func readCertificate(p map[string]string) (*tls.Certificate, error) {
	certName, certs, err := readPEM(p, "ssl.keystore.location", "ssl.certificate.location", "ssl.keystore.certificate.chain", "ssl.certificate.pem")
	if err != nil {
		return nil, err
	}
	keyName, key, err := readPEM(p, "ssl.key.location", "ssl.keystore.key", "ssl.key.pem")
	switch {
	case err != nil:
		return nil, err
	case certName == "" && keyName == "":
		return nil, nil
	case certName == "":
		return nil, fmt.Errorf("%s is set, but no certificate (ssl.certificate.location)", keyName)
	case keyName == "":
		keyName, key = certName, certs
	}
	if err := checkKey(key); err != nil {
		return nil, fmt.Errorf("%s: %w", keyName, err)
	}
	cert, err := tls.X509KeyPair(certs, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certName, err)
	}
	return &cert, nil
}

// checkKey explains keys of which X509KeyPair only reports that they cannot be
// parsed.
func checkKey(text []byte) error {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return errors.New("it contains no private key (if the key is in another file, name that in ssl.key.location)")
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return errors.New(`its private key is encrypted: decrypt it with "openssl pkey -in ENCRYPTED.pem -out KEY.pem", and name it in ssl.key.location`)
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return nil
		}
	}
}

// readPEM returns the text of the first setting with a value: the contents of the
// file if its name ends in .location, else the value. name is "" if none is set.
func readPEM(p map[string]string, names ...string) (name string, text []byte, err error) {
	name, value := first(p, names...)
	if name == "" {
		return "", nil, nil
	}
	text, where := []byte(value), name
	if strings.HasSuffix(name, ".location") {
		where = name + ": " + value
		if text, err = os.ReadFile(value); err != nil {
			return "", nil, fmt.Errorf("%s: %w (names are relative to the working directory)", name, err)
		}
		if err := checkStore(text, value, strings.Contains(name, "truststore") || strings.Contains(name, ".ca.")); err != nil {
			return "", nil, fmt.Errorf("%s: %w", where, err)
		}
	}
	if !bytes.Contains(text, []byte("-----BEGIN ")) {
		return "", nil, fmt.Errorf("%s: it is not in PEM format (-----BEGIN ...)", where)
	}
	return where, text, nil
}

// checkStore returns an error that says how to convert a Java key store to PEM.
func checkStore(text []byte, path string, trust bool) error {
	jks := bytes.HasPrefix(text, []byte{0xFE, 0xED, 0xFE, 0xED}) || bytes.HasPrefix(text, []byte{0xCE, 0xCE, 0xCE, 0xCE})
	pkcs12 := bytes.HasPrefix(text, []byte{0x30, 0x82}) || bytes.HasPrefix(text, []byte{0x30, 0x80}) || bytes.HasPrefix(text, []byte{0x30, 0x83})
	q := shellQuote(path)
	const then = `, and name PEM.pem instead, with the type PEM`
	switch {
	case jks && trust:
		return fmt.Errorf(`it is a JKS store, not PEM: run "keytool -list -rfc -keystore %s >PEM.pem"`+then, q)
	case jks:
		return fmt.Errorf(`it is a JKS store, not PEM: run "keytool -importkeystore -srckeystore %s -destkeystore P12.p12 -deststoretype PKCS12", `+
			`"openssl pkcs12 -in P12.p12 -nodes -out PEM.pem"`+then, q)
	case pkcs12 && trust:
		return fmt.Errorf(`it is a PKCS12 store, not PEM: run "openssl pkcs12 -in %s -nokeys -out PEM.pem"`+then, q)
	case pkcs12:
		return fmt.Errorf(`it is a PKCS12 store, not PEM: run "openssl pkcs12 -in %s -nodes -out PEM.pem"`+then, q)
	}
	return nil
}

// shellQuote quotes a path for a shell.
func shellQuote(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
