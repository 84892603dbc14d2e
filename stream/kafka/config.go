package kafka

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// NewConfig returns the settings that a [Source] uses when it has none: change
// what you need. It is a sarama.NewConfig() that
//
//   - speaks the protocol of Kafka 2.8, the oldest whose topics have ids, and
//     with newer brokers whatever both know;
//   - gives up sooner, for the source has retries of its own that last through
//     a broker's restart: 5 s to connect, one retry for metadata;
//   - asks for the topics it wants alone, and never makes one;
//   - is missed soon by its group: it says every second that it is alive, and
//     is given up after 6 s, the least that brokers allow by default. To be
//     given up by mistake costs nothing here;
//   - has the cooperative-sticky assignor.
func NewConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "skyfinch"
	c.Version = sarama.V2_8_0_0

	c.Net.DialTimeout = 5 * time.Second
	c.Net.ReadTimeout = 30 * time.Second
	c.Net.WriteTimeout = 30 * time.Second

	c.Metadata.Full = false
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.RefreshFrequency = 0 // the source asks when it needs to know
	c.Metadata.Retry.Max = 1
	c.Metadata.Timeout = 10 * time.Second

	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Group.ResetInvalidOffsets = false // it jumps over what was lost
	c.Consumer.Group.Session.Timeout = 6 * time.Second
	c.Consumer.Group.Heartbeat.Interval = time.Second
	c.Consumer.Group.Rebalance.Timeout = 30 * time.Second
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	return c
}

// ReadConfig returns the settings in a properties file that users of Kafka's
// own tools know (client.properties, --command-config), and the servers that
// it names, if any. librdkafka's names of the same settings do as well.
//
//	bootstrap.servers=broker1.example.org:9093,broker2.example.org:9093
//	security.protocol=SASL_SSL
//	sasl.mechanism=SCRAM-SHA-512
//	sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
//	    username="alice" password="secret";
//	ssl.truststore.type=PEM
//	ssl.truststore.location=/etc/kafka/ca.pem
//
// It takes the mechanisms PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER
// with client credentials, and certificates as PEM; for a store of Java's the
// error says how to turn it into PEM. Names of files are relative to the
// working directory, as with Kafka's tools.
//
// For a source that joins a group it takes group.instance.id, for static
// membership, session.timeout.ms and heartbeat.interval.ms. group.id is for the
// caller to read.
//
// Settings that tune other clients (fetch.max.bytes, auto.offset.reset,
// max.poll.interval.ms) do nothing. A setting nobody knows is an error where it begins with sasl., ssl.
// or security., for a misspelt one would otherwise show as a refused login.
// No error quotes a password.
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

// configure returns the settings that properties mean, and the servers.
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

// readGroup reads what a member of a group is to be like. Without an interval
// of its own a session has at least three heartbeats.
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

// readMillis reads a time, if there is one.
func readMillis(p map[string]string, name string, to *time.Duration) error {
	text := p[name]
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n <= 2 {
		return fmt.Errorf("%s: %.40q is no number of milliseconds", name, text)
	}
	*to = time.Duration(n) * time.Millisecond
	return nil
}

// readServers returns host:port of the servers. As with librdkafka, a port
// that is not given is 9092.
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

// readProtocol returns what security.protocol asks for. Where it is missing,
// Kafka's tools connect in the clear, whatever else the file says, and hang;
// here a file that has a login or certificates must say what they are for.
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
			return false, false, fmt.Errorf("%s is given, but no security.protocol: SASL_SSL, or SASL_PLAINTEXT?", name)
		}
		if name, _ := first(p, "ssl.truststore.location", "ssl.ca.location", "ssl.truststore.certificates", "ssl.ca.pem",
			"ssl.keystore.location", "ssl.certificate.location"); name != "" {
			return false, false, fmt.Errorf("%s is given, but no security.protocol: SSL, or SASL_SSL?", name)
		}
		return false, false, nil
	default:
		return false, false, fmt.Errorf("security.protocol is %.40q, not PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", protocol)
	}
}

// first returns the first of the names that has a value, and the value.
func first(p map[string]string, names ...string) (name, value string) {
	for _, name := range names {
		if value := p[name]; value != "" {
			return name, value
		}
	}
	return "", ""
}
