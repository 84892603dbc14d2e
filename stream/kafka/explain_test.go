package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ask connects to a broker and asks for a topic, as a source does.
func ask(t *testing.T, addr string, conf *sarama.Config) error {
	t.Helper()
	conf.Net.ReadTimeout, conf.Net.WriteTimeout = time.Second/2, time.Second/2
	require.NoError(t, conf.Validate())
	start := time.Now()
	b := sarama.NewBroker(addr)
	defer b.Close()
	require.NoError(t, b.Open(conf))
	_, err := b.Connected()
	if err == nil {
		var m *sarama.MetadataResponse
		m, err = b.GetMetadata(sarama.NewMetadataRequest(conf.Version, []string{"alerts"}))
		if err == nil && m.Topics[0].Err != sarama.ErrNoError {
			err = fmt.Errorf("topic alerts: %w", m.Topics[0].Err)
		}
	}
	said := explain(err, []string{addr}, conf)
	assert.Less(t, time.Since(start), 15*time.Second)
	if err != nil {
		assert.ErrorIs(t, said, err, "the cause is kept")
		assert.NotContains(t, said.Error(), "\n")
		assert.NotContains(t, said.Error(), "swordfish")
		assert.True(t, strings.HasPrefix(said.Error(), "kafka: broker "+addr+": "), said.Error())
	}
	return said
}

// serve starts a broker and returns its address.
func serve(t *testing.T, opts ...kfake.Opt) string {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1), kfake.SeedTopics(1, "alerts"))...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

// certificate returns a certificate for 127.0.0.1 and example.com, and a pool that
// trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.TLS.Certificates[0], roots
}

func withTLS(roots *x509.CertPool) *sarama.Config {
	c := NewConfig()
	c.Net.TLS.Enable, c.Net.TLS.Config = true, &tls.Config{RootCAs: roots}
	return c
}

func withSASL(c *sarama.Config, mechanism sarama.SASLMechanism, password string) *sarama.Config {
	s := &c.Net.SASL
	s.Enable, s.Mechanism, s.User, s.Password = true, mechanism, "alice", password
	s.SCRAMClientGeneratorFunc = newSCRAM(mechanism)
	return c
}

func TestExplain(t *testing.T) {
	t.Parallel()
	cert, roots := certificate(t)
	encrypted := &tls.Config{Certificates: []tls.Certificate{cert}}
	demanding := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { silent.Close() })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	web := httptest.NewServer(nil)
	t.Cleanup(web.Close)
	alice := kfake.Superuser("SCRAM-SHA-512", "alice", "swordfish")
	plain, secure, wants := serve(t), serve(t, kfake.TLS(encrypted)), serve(t, kfake.TLS(demanding))
	login, both := serve(t, kfake.EnableSASL(), alice), serve(t, kfake.EnableSASL(), alice, kfake.TLS(encrypted))
	acl := kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: "*", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationRead, Allow: false}
	closed := serve(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("PLAIN", "alice", "swordfish", acl))
	_, port, _ := net.SplitHostPort(secure)

	for name, c := range map[string]struct {
		addr string
		conf *sarama.Config
		want string // "": it works
	}{
		"plain":           {plain, NewConfig(), ""},
		"TLS":             {secure, withTLS(roots), ""},
		"SCRAM":           {login, withSASL(NewConfig(), "SCRAM-SHA-512", "swordfish"), ""},
		"SCRAM over TLS":  {both, withSASL(withTLS(roots), "SCRAM-SHA-512", "swordfish"), ""},
		"refused":         {gone.Addr().String(), NewConfig(), "connection refused: is a broker running there"},
		"no answer":       {silent.Addr().String(), NewConfig(), "no answer in time: check the address"},
		"no TLS answer":   {silent.Addr().String(), withTLS(roots), "does this port speak TLS (if not: security.protocol=PLAINTEXT)"},
		"TLS to plain":    {plain, withTLS(roots), "does this port speak TLS (if not: security.protocol=PLAINTEXT)"},
		"TLS to SASL":     {login, withSASL(withTLS(roots), "SCRAM-SHA-512", "swordfish"), "(if not: security.protocol=SASL_PLAINTEXT)"},
		"plain to TLS":    {secure, NewConfig(), "does this port require TLS or a login (security.protocol=SSL,"},
		"plain to SASL":   {login, NewConfig(), "does this port require TLS or a login (security.protocol=SSL, SASL_SSL or SASL_PLAINTEXT)?"},
		"SASL to TLS":     {both, withSASL(NewConfig(), "SCRAM-SHA-512", "swordfish"), "does this port require TLS (security.protocol=SASL_SSL)"},
		"unknown CA":      {secure, withTLS(nil), "name the CA's certificate (PEM) in ssl.truststore.location"},
		"other name":      {"localhost:" + port, withTLS(roots), "not localhost: use the name in its certificate"},
		"no certificate":  {wants, withTLS(roots), "does the broker require a client certificate? (ssl.keystore.location, PEM)"},
		"wrong password":  {login, withSASL(NewConfig(), "SCRAM-SHA-512", "swordfisx"), "are the user and password correct?"},
		"other mechanism": {login, withSASL(NewConfig(), "SCRAM-SHA-256", "swordfish"), "are the user and password correct?"},
		"web, plain":      {web.Listener.Addr().String(), NewConfig(), "check the address, whether it is a Kafka broker's"},
		"web, TLS":        {web.Listener.Addr().String(), withTLS(roots), "this port does not speak TLS: set security.protocol to PLAINTEXT"},
		"not authorised":  {closed, withSASL(NewConfig(), "PLAIN", "swordfish"), "topic alerts: not authorised: the user needs the ACLs Describe and Read on the topic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ask(t, c.addr, c.conf)
			t.Log(err)
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

// Errors that brokers in this process cannot cause.
func TestExplainWords(t *testing.T) {
	plain, tlsOnly := NewConfig(), withTLS(nil)
	sasl := withSASL(NewConfig(), "PLAIN", "swordfish")
	token := withSASL(NewConfig(), sarama.SASLTypeOAuth, "")
	slow := &net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}
	said := sarama.Wrap(sarama.ErrSASLAuthenticationFailed, errors.New("Authentication failed: Invalid username or password"))
	for _, c := range []struct {
		err  error
		conf *sarama.Config
		want string
	}{
		{&net.DNSError{Name: "x", Err: "no such host", IsNotFound: true}, plain, `the host "x" does not exist (no such host): check the address`},
		{&net.DNSError{Name: "x", Err: "i/o timeout", IsTimeout: true}, plain, `the host "x" cannot be looked up (i/o timeout): is the name service working?`},
		{slow, plain, "no answer: check the address, and whether a firewall blocks the connection"},
		{context.DeadlineExceeded, plain, "no answer in time: check the address, whether it is a Kafka broker's, and whether a firewall blocks the connection"},
		{sarama.Wrap(sarama.ErrOutOfBrokers, slow, io.EOF), plain, "the connection was closed: does this port require TLS or a login (security.protocol=SSL, SASL_SSL or SASL_PLAINTEXT)?"},
		{sarama.Wrap(sarama.ErrOutOfBrokers), plain, "no broker can be reached: check the addresses and security.protocol"},
		{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, plain, "no route to the host: check the address and the network"},
		{io.ErrUnexpectedEOF, plain, "this port seems to speak TLS: set security.protocol to SSL, or use the broker's port without TLS"},
		{io.ErrUnexpectedEOF, sasl, "this port seems to speak TLS: set security.protocol to SASL_SSL, or use the broker's port without TLS"},
		{syscall.ECONNRESET, tlsOnly, "the connection was closed: does this port speak TLS (if not: security.protocol=PLAINTEXT), or require a login (SASL_SSL)?"},
		{said, sasl, `the login was refused (PLAIN, user "alice"; Authentication failed: Invalid username or password): are the user and password correct?`},
		{said, token, "the login was refused (OAUTHBEARER; Authentication failed: Invalid username or password): does the broker trust the token's issuer, audience and scope?"},
		{&loginError{"SCRAM", errors.New("server validation failed")}, sasl, `the login failed (PLAIN, user "alice"): SCRAM: server validation failed: are the user and password correct?`},
		{&loginError{"token endpoint https://x/y", io.EOF}, token, "cannot get a token to log in: token endpoint https://x/y: EOF"},
		{sarama.ErrUnsupportedSASLMechanism, sasl, "the broker does not offer the SASL mechanism PLAIN: set sasl.mechanism to one that it offers (of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER)"},
		{sarama.ErrIllegalSASLState, sasl, "this port accepts no login: set security.protocol to PLAINTEXT or SSL, or use the broker's SASL port"},
		{sarama.ErrIllegalSASLState, plain, "the broker requires a login: set security.protocol to SASL_PLAINTEXT or SASL_SSL"},
		{fmt.Errorf("group g: %w", sarama.ErrGroupAuthorizationFailed), plain, "group g: not authorised: the user needs the ACL Read on the consumer group"},
		{fmt.Errorf("kafka: %w", sarama.ErrClusterAuthorizationFailed), plain, "not authorised: the user needs an ACL on the cluster"},
		{fmt.Errorf("topic x: %w", sarama.ErrUnknownTopicOrPartition), plain, "topic x: the topic does not exist, or this user may not see it"},
		{sarama.PacketDecodingError{Info: "message of length 1213486160 too large"}, plain, "the response is not Kafka's: is this the port of a broker? (kafka: error decoding packet: message of length 1213486160 too large)"},
		{x509.CertificateInvalidError{Reason: x509.Expired, Detail: "now"}, tlsOnly, "x509: certificate has expired or is not yet valid: now: its TLS certificate is not valid, or a clock is wrong"},
		{errors.New("kafka: two\n\tlines"), plain, "two lines"},
	} {
		err := explain(c.err, []string{"a:1", "b:2"}, c.conf)
		assert.EqualError(t, err, "kafka: brokers a:1, b:2: "+c.want)
		assert.ErrorIs(t, err, c.err)
		assert.Same(t, err, explain(err, nil, nil), "explained once")
	}
	assert.NoError(t, explain(nil, nil, nil))
	assert.Equal(t, context.Canceled, explain(context.Canceled, nil, nil))
}

func TestExplainNamesBrokers(t *testing.T) {
	refused := func(addr string) error { return fmt.Errorf("topic x: %w", &brokerError{addr, syscall.ECONNREFUSED}) }
	long := []string{"a:1", "b:2", "c:3", "d:4", "e:5"}
	for _, c := range []struct {
		err     error
		brokers []string
		want    string
	}{
		{refused("a:1"), long[:1], "kafka: broker a:1: connection refused"},
		{refused("b:2"), long[:2], "kafka: broker b:2 (one of 2): connection refused"},
		{refused("z:9"), long, "kafka: broker z:9: connection refused"},
		{io.EOF, long, "kafka: brokers a:1, b:2, c:3 and 2 more: the connection"},
		{&brokerError{"a:1", errors.New("odd")}, long[:1], "kafka: broker a:1: odd"},
		{&brokerError{"a:1", sarama.ErrGroupAuthorizationFailed}, long[:1], "kafka: broker a:1: not authorised"},
	} {
		assert.ErrorContains(t, explain(c.err, c.brokers, NewConfig()), c.want)
	}
	text := explain(errors.New(strings.Repeat("é", 1000)), []string{strings.Repeat("x", 1000)}, NewConfig()).Error()
	assert.Less(t, len(text), 700)
}
