package kafka

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// NewConfig returns the default settings of a [Source], to be changed as needed. It
// differs from sarama.NewConfig() as follows:
//
//   - The protocol version is that of Kafka 2.8, the oldest with topic ids; with
//     newer brokers a higher version is negotiated.
//   - Timeouts are shorter, because the source itself retries while brokers
//     restart: 5 s to connect, one retry for metadata.
//   - Metadata is requested only for the selected topics; no topics are
//     created.
//   - A member of a group sends a heartbeat every second. A killed member is
//     detected after 6 s, the shortest session timeout that brokers allow by
//     default. A false detection does no harm.
//   - The assignor is cooperative-sticky.
func NewConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "skyfinch"
	c.Version = sarama.V2_8_0_0

	c.Net.DialTimeout = 5 * time.Second
	c.Net.ReadTimeout = 30 * time.Second
	c.Net.WriteTimeout = 30 * time.Second

	c.Metadata.Full = false
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.RefreshFrequency = 0 // the source asks when needed
	c.Metadata.Retry.Max = 1
	c.Metadata.Timeout = 10 * time.Second

	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Group.ResetInvalidOffsets = false // resetting would skip lost offsets silently
	c.Consumer.Group.Session.Timeout = 6 * time.Second
	c.Consumer.Group.Heartbeat.Interval = time.Second
	c.Consumer.Group.Rebalance.Timeout = 30 * time.Second
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	return c
}

// ReadConfig reads a properties file as used by Kafka's own tools
// (client.properties, --command-config), or with librdkafka's names of the same
// settings. It returns the settings and the bootstrap servers in the file, if any.
//
//	bootstrap.servers=broker1.example.org:9093,broker2.example.org:9093
//	security.protocol=SASL_SSL
//	sasl.mechanism=SCRAM-SHA-512
//	sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
//	    username="alice" password="secret";
//	ssl.truststore.type=PEM
//	ssl.truststore.location=/etc/kafka/ca.pem
//
// It supports the mechanisms PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER
// with client credentials, and certificates in PEM format; for a Java key store
// the error says how to convert it. File names are relative to the working
// directory, as with Kafka's tools.
//
// For members of a group it reads group.instance.id, for static membership,
// session.timeout.ms and heartbeat.interval.ms. The caller must read group.id
// itself, with [ReadProperties].
//
// Settings that tune other clients (fetch.max.bytes, auto.offset.reset,
// max.poll.interval.ms) are ignored. An unknown setting that begins with sasl.,
// ssl. or security. is an error, because the only sign of a misspelling would
// be a refused login. No error quotes a password.
func ReadConfig(path string) (*sarama.Config, []string, error) {
	p, err := ReadProperties(path)
	if err != nil {
		return nil, nil, err
	}
	conf, servers, err := configure(p)
	if err != nil {
		return nil, nil, fmt.Errorf("kafka: %s: %w", path, err)
	}
	return conf, servers, nil
}

// configure returns the settings and the servers in properties.
func configure(p map[string]string) (*sarama.Config, []string, error) {
	conf := NewConfig()
	if id := p["client.id"]; id != "" {
		conf.ClientID = id
	}
	conf.RackID = p["client.rack"]
	servers, err := readServers(p)
	if err != nil {
		return nil, nil, err
	}
	if err := checkNames(p); err != nil {
		return nil, nil, err
	}
	withTLS, withSASL, err := readProtocol(p)
	if err == nil && withTLS {
		conf.Net.TLS.Enable = true
		conf.Net.TLS.Config, err = readTLS(p)
	}
	if err == nil && withSASL {
		err = readSASL(p, conf)
	}
	if err == nil {
		err = readGroup(p, conf)
	}
	if err == nil {
		err = conf.Validate()
	}
	if err != nil {
		return nil, nil, err
	}
	return conf, servers, nil
}

// readGroup reads the settings of a group member. The default heartbeat interval is
// at most a third of the session timeout.
func readGroup(p map[string]string, conf *sarama.Config) error {
	group := &conf.Consumer.Group
	group.InstanceId = p["group.instance.id"]
	if err := readMillis(p, "session.timeout.ms", &group.Session.Timeout); err != nil {
		return err
	}
	group.Heartbeat.Interval = min(group.Heartbeat.Interval, group.Session.Timeout/3)
	if err := readMillis(p, "heartbeat.interval.ms", &group.Heartbeat.Interval); err != nil {
		return err
	}
	if group.Heartbeat.Interval >= group.Session.Timeout {
		return fmt.Errorf("heartbeat.interval.ms is %d, not below the session.timeout.ms of %d: a third of it is usual",
			group.Heartbeat.Interval.Milliseconds(), group.Session.Timeout.Milliseconds())
	}
	return nil
}

// readMillis reads a duration in milliseconds, if it is set.
func readMillis(p map[string]string, name string, to *time.Duration) error {
	text := p[name]
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n <= 2 {
		return fmt.Errorf("%s: %.40q is not a number of milliseconds", name, text)
	}
	*to = time.Duration(n) * time.Millisecond
	return nil
}

// readServers returns the servers as host:port. As with librdkafka, the default port
// is 9092.
func readServers(p map[string]string) ([]string, error) {
	name, list := first(p, "bootstrap.servers", "metadata.broker.list")
	var servers []string
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if _, after, ok := strings.Cut(s, "://"); ok { // PLAINTEXT://host:port, as in a broker's listeners
			s = after
		}
		if strings.Contains(s, "@") {
			return nil, fmt.Errorf("%s: a server is host:port; user and password go into sasl.jaas.config", name)
		}
		host, port, err := net.SplitHostPort(s)
		if err != nil && !strings.Contains(s, ":") {
			host, port, err = s, "9092", nil
		}
		if err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("%s: %q is not host:port", name, s)
		}
		servers = append(servers, net.JoinHostPort(host, port))
	}
	return servers, nil
}

// readProtocol reads security.protocol. Without it Kafka's tools connect in plain
// text, even if the file has a login or certificates, and hang; here such a file
// is an error.
func readProtocol(p map[string]string) (withTLS, withSASL bool, err error) {
	switch protocol := strings.ToUpper(p["security.protocol"]); protocol {
	case "PLAINTEXT":
		return false, false, nil
	case "SSL":
		return true, false, nil
	case "SASL_PLAINTEXT":
		return false, true, nil
	case "SASL_SSL":
		return true, true, nil
	case "":
		if name, _ := first(p, "sasl.mechanism", "sasl.mechanisms", "sasl.jaas.config", "sasl.username"); name != "" {
			return false, false, fmt.Errorf("%s is set, but security.protocol is not: SASL_SSL, or SASL_PLAINTEXT?", name)
		}
		if name, _ := first(p, "ssl.truststore.location", "ssl.ca.location", "ssl.truststore.certificates", "ssl.ca.pem",
			"ssl.keystore.location", "ssl.certificate.location"); name != "" {
			return false, false, fmt.Errorf("%s is set, but security.protocol is not: SSL, or SASL_SSL?", name)
		}
		return false, false, nil
	default:
		return false, false, fmt.Errorf("security.protocol is %.40q, not PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", protocol)
	}
}

// first returns the first of the names with a value, and the value.
func first(p map[string]string, names ...string) (name, value string) {
	for _, name := range names {
		if value := p[name]; value != "" {
			return name, value
		}
	}
	return "", ""
}
