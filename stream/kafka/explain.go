package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/IBM/sarama"
)

// explainedError is an error for the user of a program: one line that names the
// brokers and says what to do. It wraps its cause.
type explainedError struct {
	text  string
	cause error
}

func (e *explainedError) Error() string { return e.text }
func (e *explainedError) Unwrap() error { return e.cause }

// explain returns err as an explainedError, unless it is nil, explained already, or
// the caller's cancellation. conf must be the configuration of the connection: it
// shows why a connection may have been closed without an error.
func explain(err error, brokers []string, conf *sarama.Config) error {
	var done *explainedError
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &done) {
		return err
	}
	words := firstWords(
		func() string { return explainLogin(err, conf) },
		func() string { return explainCode(err) },
		func() string { return explainTLS(err, conf) },
		func() string { return explainClosed(err, conf) },
		func() string { return explainNetwork(err, conf) },
	)
	if words == "" {
		words = oneLine(ownText(err))
	}
	return &explainedError{"kafka: " + brokerOf(err, brokers) + ": " + words, err}
}

func firstWords(tries ...func() string) string {
	for _, try := range tries {
		if words := try(); words != "" {
			return words
		}
	}
	return ""
}

// explainLogin explains errors of SASL.
func explainLogin(err error, conf *sarama.Config) string {
	var login *loginError
	s := conf.Net.SASL
	who := fmt.Sprintf("%s, user %q", s.Mechanism, s.User)
	if s.Mechanism == sarama.SASLTypeOAuth {
		who = string(s.Mechanism)
	}
	switch {
	case errors.As(err, &login) && s.Mechanism == sarama.SASLTypeOAuth:
		return "cannot get a token to log in: " + oneLine(login.Error())
	case errors.As(err, &login):
		return fmt.Sprintf("the login failed (%s): %s: are the user and password correct?", who, oneLine(login.Error()))
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed) && s.Mechanism == sarama.SASLTypeOAuth:
		return fmt.Sprintf("the login was refused (%s%s): does the broker trust the token's issuer, audience and scope?", who, verdict(err))
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed):
		return fmt.Sprintf("the login was refused (%s%s): are the user and password correct?", who, verdict(err))
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism):
		return fmt.Sprintf("the broker does not offer the SASL mechanism %s: set sasl.mechanism to one that it offers (of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER)", s.Mechanism)
	case errors.Is(err, sarama.ErrIllegalSASLState) && !s.Enable:
		return "the broker requires a login: set security.protocol to SASL_PLAINTEXT or SASL_SSL"
	case errors.Is(err, sarama.ErrIllegalSASLState):
		return "this port accepts no login: set security.protocol to PLAINTEXT or SSL, or use the broker's SASL port"
	}
	return ""
}

// verdict returns the broker's message about a refused login.
func verdict(err error) string {
	_, words, ok := strings.Cut(err.Error(), sarama.ErrSASLAuthenticationFailed.Error()+": ")
	if !ok {
		return ""
	}
	return "; " + oneLine(words)
}

// explainCode explains other error codes of brokers. It keeps the text before the
// code, such as a topic or a group.
func explainCode(err error) string {
	for _, c := range []struct {
		code  sarama.KError
		words string
	}{
		{sarama.ErrTopicAuthorizationFailed, "not authorised: the user needs the ACLs Describe and Read on the topic"},
		{sarama.ErrGroupAuthorizationFailed, "not authorised: the user needs the ACL Read on the consumer group"},
		{sarama.ErrClusterAuthorizationFailed, "not authorised: the user needs an ACL on the cluster"},
		{sarama.ErrTransactionalIDAuthorizationFailed, "not authorised: the user needs the ACL Write on the transactional id"},
		{sarama.ErrUnknownTopicOrPartition, "the topic does not exist, or this user may not see it"},
		{sarama.ErrInvalidTopic, "not a valid name for a topic"},
		{sarama.ErrInconsistentGroupProtocol, "its members use other assignors: does the group belong to another program? Choose another group"},
		{sarama.ErrInvalidSessionTimeout, "the broker does not allow this session.timeout.ms (group.min.session.timeout.ms, group.max.session.timeout.ms)"},
		{sarama.ErrGroupMaxSizeReached, "the group has as many members as the broker allows (group.max.size)"},
		{sarama.ErrInvalidGroupId, "not a valid name for a group"},
		{sarama.ErrUnsupportedVersion, "the broker is too old: Kafka 2.8 or later is needed"},
	} {
		if errors.Is(err, c.code) {
			return strings.Replace(oneLine(ownText(err)), c.code.Error(), c.words, 1)
		}
	}
	return ""
}

// explainTLS explains errors of certificates, and of ports without TLS.
func explainTLS(err error, conf *sarama.Config) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "its TLS certificate is signed by an unknown authority: name the CA's certificate (PEM) in ssl.truststore.location"
	case errors.As(err, &name):
		return oneLine(name.Error()) + ": use the name in its certificate (or, less safe, set ssl.endpoint.identification.algorithm= in the configuration)"
	case errors.As(err, &invalid):
		return oneLine(invalid.Error()) + ": its TLS certificate is not valid, or a clock is wrong"
	case errors.As(err, &plain):
		return noTLS(conf)
	}
	if _, alert, ok := strings.Cut(err.Error(), "remote error: tls: "); ok {
		return fmt.Sprintf("TLS was refused (%s): does the broker require a client certificate? (ssl.keystore.location, PEM)", oneLine(alert))
	}
	if strings.Contains(err.Error(), "tls: ") {
		return oneLine(err.Error())
	}
	return ""
}

func noTLS(conf *sarama.Config) string {
	return "this port does not speak TLS: set security.protocol to " + protocol(conf.Net.SASL.Enable, false) + ", or use the broker's TLS port"
}

// protocol returns a value of security.protocol.
func protocol(withSASL, withTLS bool) string {
	switch {
	case withSASL && withTLS:
		return "SASL_SSL"
	case withSASL:
		return "SASL_PLAINTEXT"
	case withTLS:
		return "SSL"
	}
	return "PLAINTEXT"
}

// explainClosed explains connections closed without an error, as brokers do when
// they do not understand a request.
func explainClosed(err error, conf *sarama.Config) string {
	var garbage sarama.PacketDecodingError
	withTLS, withSASL := conf.Net.TLS.Enable, conf.Net.SASL.Enable
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && !withTLS: // a TLS alert is shorter than any response
		return "this port seems to speak TLS: set security.protocol to " + protocol(withSASL, true) + ", or use the broker's port without TLS"
	case errors.As(err, &garbage):
		return "the response is not Kafka's: is this the port of a broker? (" + oneLine(garbage.Error()) + ")"
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE):
		return ""
	case withTLS && withSASL:
		return "the connection was closed: does this port speak TLS (if not: security.protocol=SASL_PLAINTEXT), and are the user and password correct?"
	case withTLS:
		return "the connection was closed: does this port speak TLS (if not: security.protocol=PLAINTEXT), or require a login (SASL_SSL)?"
	case withSASL:
		return "the connection was closed: does this port require TLS (security.protocol=SASL_SSL) or no login (PLAINTEXT), and are the user and password correct?"
	}
	return "the connection was closed: does this port require TLS or a login (security.protocol=SSL, SASL_SSL or SASL_PLAINTEXT)?"
}

// explainNetwork explains why a broker cannot be reached.
func explainNetwork(err error, conf *sarama.Config) string {
	var dns *net.DNSError
	var op *net.OpError
	var network net.Error
	timeout := errors.As(err, &network) && network.Timeout() || errors.Is(err, context.DeadlineExceeded)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: is a broker running there, and is this its port?"
	case errors.As(err, &dns) && !dns.IsNotFound:
		return fmt.Sprintf("the host %q cannot be looked up (%s): is the name service working?", dns.Name, oneLine(dns.Err))
	case errors.As(err, &dns):
		return fmt.Sprintf("the host %q does not exist (%s): check the address", dns.Name, oneLine(dns.Err))
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the host: check the address and the network"
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		return "no answer: check the address, and whether a firewall blocks the connection"
	case timeout && conf.Net.TLS.Enable:
		return "no answer in time: does this port speak TLS (if not: security.protocol=" + protocol(conf.Net.SASL.Enable, false) + "), and is it a broker's?"
	case timeout:
		return "no answer in time: check the address, whether it is a Kafka broker's, and whether a firewall blocks the connection"
	case errors.Is(err, sarama.ErrOutOfBrokers):
		return "no broker can be reached: check the addresses and security.protocol"
	}
	return ""
}

// brokerOf names the broker that err is about, or all if it is unknown.
func brokerOf(err error, brokers []string) string {
	var one *brokerError
	switch {
	case !errors.As(err, &one):
		return brokerNames(brokers)
	case len(brokers) > 1 && slices.Contains(brokers, one.addr):
		return fmt.Sprintf("broker %s (one of %d)", oneLine(one.addr), len(brokers))
	}
	return "broker " + oneLine(one.addr)
}

// ownText returns the text of an error without the parts that explain adds.
func ownText(err error) string {
	text := err.Error()
	var one *brokerError
	if errors.As(err, &one) {
		text = strings.Replace(text, one.Error(), one.err.Error(), 1)
	}
	return strings.TrimPrefix(text, "kafka: ")
}

// brokerNames names up to three brokers.
func brokerNames(brokers []string) string {
	switch n := len(brokers); {
	case n == 1:
		return "broker " + oneLine(brokers[0])
	case n <= 3:
		return "brokers " + oneLine(strings.Join(brokers, ", "))
	default:
		return fmt.Sprintf("brokers %s and %d more", oneLine(strings.Join(brokers[:3], ", ")), n-3)
	}
}

// maxLine is the most bytes quoted of a text from elsewhere.
const maxLine = 300

// oneLine returns text without line breaks, truncated to maxLine.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + "…"
	}
	return s
}
