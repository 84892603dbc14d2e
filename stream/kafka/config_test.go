package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewConfig(t *testing.T) {
	c := NewConfig()
	require.NoError(t, c.Validate())
	assert.True(t, c.ApiVersionsRequest, "or Kafka 4 understands nothing")
	assert.GreaterOrEqual(t, sarama.NewMetadataRequest(c.Version, nil).Version, int16(10), "topic ids")
	assert.NotSame(t, c, NewConfig())
}

func ExampleReadConfig() {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("client-%d.properties", os.Getpid()))
	defer os.Remove(path)
	text := `
# The file that kafka-console-consumer takes as --command-config.
bootstrap.servers=broker1.example.org:9093, broker2.example.org:9093
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
    username="alice" \
    password="secret";
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	config, servers, err := ReadConfig(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A program's flag may override what the file names.
	fmt.Println(servers)
	fmt.Println(config.Net.SASL.Mechanism, config.Net.SASL.User, "over TLS:", config.Net.TLS.Enable)
	// Output:
	// [broker1.example.org:9093 broker2.example.org:9093]
	// SCRAM-SHA-512 alice over TLS: true
}

const scramLine = `org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="sword\"fish";`

func TestConfigureSASL(t *testing.T) {
	plain := `org.apache.kafka.common.security.plain.PlainLoginModule required username='alice' password=sword"fish" ;`
	for name, c := range map[string]struct {
		p              map[string]string
		mechanism      sarama.SASLMechanism
		user, password string
	}{
		"Kafka's": {map[string]string{"sasl.mechanism": "SCRAM-SHA-256", "sasl.jaas.config": scramLine}, "SCRAM-SHA-256", "alice", `sword"fish`},
		"librdkafka's": {map[string]string{"sasl.mechanisms": "scram-sha-512", "sasl.username": "bob", "sasl.password": "x;y=z"},
			"SCRAM-SHA-512", "bob", "x;y=z"},
		"PLAIN": {map[string]string{"sasl.mechanism": "PLAIN", "sasl.username": "bob", "sasl.password": "pw"}, "PLAIN", "bob", "pw"},
		"shaded, and both": {map[string]string{"sasl.mechanism": "SCRAM-SHA-256", "sasl.jaas.config": "kafkashaded." + scramLine, "sasl.username": "bob"},
			"SCRAM-SHA-256", "alice", `sword"fish`},
	} {
		c.p["security.protocol"] = "sasl_plaintext"
		conf, _, err := configure(c.p)
		require.NoError(t, err, name)
		s := conf.Net.SASL
		assert.Equal(t, []any{true, c.mechanism, c.user, c.password}, []any{s.Enable, s.Mechanism, s.User, s.Password}, name)
		assert.False(t, conf.Net.TLS.Enable)
	}
	_, _, err := configure(map[string]string{"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.jaas.config": plain})
	assert.ErrorContains(t, err, `option 3 is not followed by "="`, "as Java's tokenizer sees it")
}

func TestConfigureServers(t *testing.T) {
	for list, want := range map[string][]string{
		"":                          nil,
		" , ":                       nil,
		"a:1":                       {"a:1"},
		"a:1, b:2,":                 {"a:1", "b:2"},
		"a":                         {"a:9092"},
		"SASL_SSL://a:1,[::1]:9092": {"a:1", "[::1]:9092"},
	} {
		for _, name := range []string{"bootstrap.servers", "metadata.broker.list"} {
			_, servers, err := configure(map[string]string{name: list})
			require.NoError(t, err)
			assert.Equal(t, want, servers, list)
		}
	}
	for _, list := range []string{"a:", ":9092", "a:1:2", "::1"} {
		_, _, err := configure(map[string]string{"bootstrap.servers": list})
		assert.EqualError(t, err, fmt.Sprintf("bootstrap.servers: %q is not host:port", list))
	}
}

func TestConfigureOthers(t *testing.T) {
	conf, servers, err := configure(map[string]string{"client.id": "me", "client.rack": "r", "group.id": "g", "auto.offset.reset": "earliest",
		"fetch.max.bytes": "1", "key.deserializer": "x", "security.protocol": "PLAINTEXT", "sasl.mechanism": "GSSAPI", "sasl.kerberos.service.name": "kafka",
		"ssl.truststore.location": "/none", "ssl.enabled.protocols": "TLSv1.3"})
	require.NoError(t, err, "what PLAINTEXT has no use for is not looked at")
	assert.Empty(t, servers)
	assert.Equal(t, []any{"me", "r", false, false}, []any{conf.ClientID, conf.RackID, conf.Net.SASL.Enable, conf.Net.TLS.Enable})
}

func TestConfigureErrors(t *testing.T) {
	sasl := func(kv ...string) map[string]string {
		p := map[string]string{"security.protocol": "SASL_PLAINTEXT"}
		for i := 0; i < len(kv); i += 2 {
			p[kv[i]] = kv[i+1]
		}
		return p
	}
	for _, c := range []struct {
		p    map[string]string
		want string
	}{
		{sasl(), "sasl.mechanism is missing: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"},
		{sasl("sasl.mechanism", "DIGEST-MD5"), `sasl.mechanism is "DIGEST-MD5", not PLAIN, SCRAM-SHA-256`},
		{sasl("sasl.mechanism", "GSSAPI"), "sasl.mechanism: Kerberos (GSSAPI) cannot be set up by a file, only by a program, in Source.Config"},
		{sasl("sasl.mechanism", "PLAIN"), "sasl.username and sasl.password: the user name or the password is missing"},
		{sasl("sasl.mechanism", "PLAIN", "sasl.username", "swordfish"), "is missing"},
		{sasl("sasl.mechanism", "PLAIN", "sasl.jaas.config", scramLine), `ScramLoginModule", but sasl.mechanism PLAIN needs a PlainLoginModule`},
		{sasl("sasl.mechanism", "PLAIN", "sasl.jaas.config", "swordfish"), `sasl.jaas.config: it does not begin like "org.apache`},
		{sasl("sasl.mechanism", "PLAIN", "sasl.jaas.config", `PlainLoginModule required username="a" password="swordfish"`), `its last option is not followed by ";"`},
		{sasl("sasl.mechanism", "PLAIN", "sasl.jaas.config", `PlainLoginModule required username="a" password="sword"fish";`), `option 3 is not followed by "="`},
		{sasl("sasl.mechanism", "PLAIN", "sasl.jaas.config", `PlainLoginModule required username="a" password="swordfish; x=`), "a quote is not closed"},
		{sasl("sasl.mechanism", "PLAIN", "sasl.jaas.config", `PlainLoginModule required username="a" password=;`), "option 2 has no value"},
		{sasl("sasl.mechanism", "PLAIN", "sasl.jaas.config", `PlainLoginModule required username="a" password=my swordfish=;`), "option 3 has no value"},
		{map[string]string{"bootstrap.servers": "kafka://alice:swordfish@host:9092"}, "user and password go into sasl.jaas.config"},
		{sasl("sasl.mechanism", "PLAIN", "sasl.jaas.config", `PlainLoginModule required username="a" password=x; swordfish`), "text follows its semicolon"},
		{sasl("sasl.mechanism", "PLAIN", "sasl.jaas.config", `PlainLoginModule required;`), "sasl.jaas.config: the user name or the password is missing"},
		{sasl("sasl.mechanism", "SCRAM-SHA-256", "sasl.jaas.config", `ScramLoginModule required username="a" password="b" tokenauth="true";`), "delegation tokens are not supported"},
		{sasl("sasl.mechanism", "OAUTHBEARER"), "sasl.oauthbearer.token.endpoint.url: it is missing, but OAUTHBEARER needs it"},
		{sasl("sasl.mechanism", "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url", "file:///swordfish"), "it is not an https:// URL"},
		{sasl("sasl.mechanism", "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url", "https://u:sword%fish@h/"), "it cannot be parsed"},
		{sasl("sasl.mechanism", "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url", "https://h/t"), "OAUTHBEARER takes clientId and clientSecret in sasl.jaas.config"},
		{map[string]string{"security.protocol": "TLS"}, `security.protocol is "TLS", not PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL`},
		{map[string]string{"sasl.username": "a"}, "sasl.username is set, but security.protocol is not: SASL_SSL, or SASL_PLAINTEXT?"},
		{map[string]string{"ssl.ca.location": "a"}, "ssl.ca.location is set, but security.protocol is not: SSL, or SASL_SSL?"},
		{map[string]string{"sasl.mechansim": "PLAIN"}, `unknown setting "sasl.mechansim", did you mean "sasl.mechanism"?`},
		{map[string]string{"ssl.truststore": "x"}, `unknown setting "ssl.truststore": remove it`},
		{map[string]string{"security.protokoll": "SSL"}, `did you mean "security.protocol"?`},
		{map[string]string{"ssl.engine.factory.class": "X"}, "it names a Java class, which cannot be used: give certificates as PEM"},
	} {
		_, _, err := configure(c.p)
		if assert.ErrorContains(t, err, c.want) {
			assert.NotContains(t, err.Error(), "swordfish")
			assert.NotContains(t, err.Error(), "\n")
		}
	}
	path := filepath.Join(t.TempDir(), "x.properties")
	require.NoError(t, os.WriteFile(path, []byte("security.protocol=TLS"), 0o666))
	_, _, err := ReadConfig(path)
	assert.ErrorContains(t, err, "kafka: "+path+`: security.protocol is "TLS"`)
	_, _, err = ReadConfig(path + "x")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestConfigOfAGroup(t *testing.T) {
	for _, c := range []struct {
		p             map[string]string
		id            string
		session, beat time.Duration
		err           string
	}{
		{nil, "", 6 * time.Second, time.Second, ""},
		{map[string]string{"group.instance.id": "summit-1", "session.timeout.ms": "45000", "heartbeat.interval.ms": "3000"}, "summit-1", 45 * time.Second, 3 * time.Second, ""},
		{map[string]string{"session.timeout.ms": "1500", "max.poll.interval.ms": "x"}, "", 1500 * time.Millisecond, 500 * time.Millisecond, ""},
		{map[string]string{"heartbeat.interval.ms": "6000"}, "", 0, 0, "not below the session.timeout.ms of 6000"},
		{map[string]string{"session.timeout.ms": "6s"}, "", 0, 0, `session.timeout.ms: "6s" is not a number of milliseconds`},
		{map[string]string{"session.timeout.ms": "-1"}, "", 0, 0, "session.timeout.ms"},
		{map[string]string{"group.instance.id": "a b"}, "", 0, 0, "a b"},
	} {
		conf, _, err := configure(c.p)
		if c.err != "" {
			assert.ErrorContains(t, err, c.err)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.id, conf.Consumer.Group.InstanceId)
		assert.Equal(t, c.session, conf.Consumer.Group.Session.Timeout)
		assert.Equal(t, c.beat, conf.Consumer.Group.Heartbeat.Interval)
	}
}
