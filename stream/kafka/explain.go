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

// explained is an error in words for those who run the program: one line that
// names the brokers and says what to do. The cause is kept for errors.Is.
type explained struct {
	text  string
	cause error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.cause }

// explain returns err in words for those who run the program. conf is what the
// brokers were spoken to with; it tells what a connection that just closes
// means. A caller's own cancellation stays as it is.
func explain(err error, brokers []string, conf *sarama.Config) error {
	var done *explained
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
		words = oneLine(own(err))
	}
	return &explained{"kafka: " + where(err, brokers) + ": " + words, err}
}

func firstWords(tries ...func() string) string {
	for _, try := range tries {
		if words := try(); words != "" {
			return words
		}
	}
	return ""
}

// explainLogin is about SASL.
func explainLogin(err error, conf *sarama.Config) string {
	var login *loginError
	s := conf.Net.SASL
	who := fmt.Sprintf("%s, user %q", s.Mechanism, s.User)
	if s.Mechanism == sarama.SASLTypeOAuth {
		who = string(s.Mechanism)
	}
	switch {
	case errors.As(err, &login) && s.Mechanism == sarama.SASLTypeOAuth:
		return "no token to log in with: " + oneLine(login.Error())
	case errors.As(err, &login):
		return fmt.Sprintf("the login failed (%s): %s: are user and password right?", who, oneLine(login.Error()))
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed) && s.Mechanism == sarama.SASLTypeOAuth:
		return fmt.Sprintf("the login was refused (%s%s): does the broker trust the token's issuer, audience and scope?", who, verdict(err))
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed):
		return fmt.Sprintf("the login was refused (%s%s): are user and password right?", who, verdict(err))
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism):
		return fmt.Sprintf("the SASL mechanism %s is not offered there: set sasl.mechanism to one that is (of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER)", s.Mechanism)
	case errors.Is(err, sarama.ErrIllegalSASLState) && !s.Enable:
		return "a login is wanted there: set security.protocol to SASL_PLAINTEXT or SASL_SSL"
	case errors.Is(err, sarama.ErrIllegalSASLState):
		return "no login is wanted at this port: set security.protocol to PLAINTEXT or SSL, or take the broker's SASL port"
	}
	return ""
}

// verdict returns what the broker says about a refused login.
func verdict(err error) string {
	_, words, ok := strings.Cut(err.Error(), sarama.ErrSASLAuthenticationFailed.Error()+": ")
	if !ok {
		return ""
	}
	return "; " + oneLine(words)
}

// explainCode is about other answers of a broker. What the caller wrote before
// the code, a topic or a group, is kept.
func explainCode(err error) string {
	for _, c := range []struct {
		code  sarama.KError
		words string
	}{
		{sarama.ErrTopicAuthorizationFailed, "not authorised: the user needs the ACLs Describe and Read of the topic"},
		{sarama.ErrGroupAuthorizationFailed, "not authorised: the user needs the ACL Read of the consumer group"},
		{sarama.ErrClusterAuthorizationFailed, "not authorised: the user needs an ACL of the cluster"},
		{sarama.ErrTransactionalIDAuthorizationFailed, "not authorised: the user needs the ACL Write of the transactional id"},
		{sarama.ErrUnknownTopicOrPartition, "no such topic, or none that this user may see"},
		{sarama.ErrInvalidTopic, "no topic can have this name"},
		{sarama.ErrInconsistentGroupProtocol, "its members spread partitions in other ways: is the group another program's? Choose another group"},
		{sarama.ErrInvalidSessionTimeout, "the broker does not allow this session.timeout.ms (group.min.session.timeout.ms, group.max.session.timeout.ms)"},
		{sarama.ErrGroupMaxSizeReached, "the group has as many members as the broker allows (group.max.size)"},
		{sarama.ErrInvalidGroupId, "no group can have this name"},
		{sarama.ErrUnsupportedVersion, "the broker is too old: it takes Kafka 2.8 or later"},
	} {
		if errors.Is(err, c.code) {
			return strings.Replace(oneLine(own(err)), c.code.Error(), c.words, 1)
		}
	}
	return ""
}

// explainTLS is about certificates, and ports that speak no TLS.
func explainTLS(err error, conf *sarama.Config) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "its TLS certificate is signed by nobody known here: name the CA's certificate (PEM) in ssl.truststore.location"
	case errors.As(err, &name):
		return oneLine(name.Error()) + ": use the name that its certificate has (or, less safe, ssl.endpoint.identification.algorithm= in the configuration)"
	case errors.As(err, &invalid):
		return oneLine(invalid.Error()) + ": its TLS certificate is no good, or a clock is wrong"
	case errors.As(err, &plain):
		return noTLS(conf)
	}
	if _, alert, ok := strings.Cut(err.Error(), "remote error: tls: "); ok {
		return fmt.Sprintf("TLS was refused (%s): does the broker want a certificate of the client's? (ssl.keystore.location, PEM)", oneLine(alert))
	}
	if strings.Contains(err.Error(), "tls: ") {
		return oneLine(err.Error())
	}
	return ""
}

func noTLS(conf *sarama.Config) string {
	return "this port speaks no TLS: set security.protocol to " + protocol(conf.Net.SASL.Enable, false) + ", or take the broker's TLS port"
}

// protocol is the value of security.protocol.
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

// explainClosed is about connections that are closed without a word: brokers
// do that when they do not understand.
func explainClosed(err error, conf *sarama.Config) string {
	var garbage sarama.PacketDecodingError
	withTLS, withSASL := conf.Net.TLS.Enable, conf.Net.SASL.Enable
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && !withTLS: // a TLS alert is shorter than any answer
		return "this port seems to speak TLS: set security.protocol to " + protocol(withSASL, true) + ", or take the broker's plain port"
	case errors.As(err, &garbage):
		return "the answer is not Kafka's: is this the port of a broker? (" + oneLine(garbage.Error()) + ")"
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE):
		return ""
	case withTLS && withSASL:
		return "the connection was closed: does this port speak TLS (if not: security.protocol=SASL_PLAINTEXT), and are user and password right?"
	case withTLS:
		return "the connection was closed: does this port speak TLS (if not: security.protocol=PLAINTEXT), or want a login (SASL_SSL)?"
	case withSASL:
		return "the connection was closed: does this port want TLS (security.protocol=SASL_SSL) or no login (PLAINTEXT), and are user and password right?"
	}
	return "the connection was closed: does this port want TLS or a login (security.protocol=SSL, SASL_SSL or SASL_PLAINTEXT)?"
}

// explainNetwork is about brokers that cannot be reached.
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
		return fmt.Sprintf("no host is named %q (%s): check the address", dns.Name, oneLine(dns.Err))
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the host: check the address and the network"
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		return "no answer: check the address, and whether a firewall is between"
	case timeout && conf.Net.TLS.Enable:
		return "no answer in time: does this port speak TLS (if not: security.protocol=" + protocol(conf.Net.SASL.Enable, false) + "), and is it a broker's?"
	case timeout:
		return "no answer in time: check the address, whether it is a Kafka broker's, and whether a firewall is between"
	case errors.Is(err, sarama.ErrOutOfBrokers):
		return "no broker can be reached: check the addresses and security.protocol"
	}
	return ""
}

// where names the broker that failed, if err knows it, or else all.
func where(err error, brokers []string) string {
	var one *brokerError
	switch {
	case !errors.As(err, &one):
		return brokerNames(brokers)
	case len(brokers) > 1 && slices.Contains(brokers, one.addr):
		return fmt.Sprintf("broker %s (one of %d)", oneLine(one.addr), len(brokers))
	}
	return "broker " + oneLine(one.addr)
}

// own returns an error's text without what explain says itself.
func own(err error) string {
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

// maxLine bounds what is quoted of others' words, in bytes.
const maxLine = 300

// oneLine returns text without line breaks, and not too much of it.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + "…"
	}
	return s
}
