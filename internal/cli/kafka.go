package cli

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/skyfinch/skyfinch/stream/kafka"
)

// Kafka is what the flags of a command say about the stream to read.
type Kafka struct {
	// Observer is set by commands that keep nothing of what they read: they
	// join no group and commit no offsets, so there is no -group, and a
	// group.id does nothing.
	Observer bool

	Brokers   []string
	Topics    []string // names or regexps
	Start     kafka.Start
	Config    string // a properties file
	Group     string
	Simulator bool

	given bool // one of the flags was
}

// KafkaManual is the flags' part of a command's manual, but for -group.
const KafkaManual = `    -brokers HOST:PORT,...
                        some brokers of the cluster; the others are learnt from them
    -topics NAME,...    topics, or regexps that match the whole name:
                        'ztf_\d{8}_programid1,lsst-alerts-.*'. Topics and partitions
                        that appear later are read too
    -start WHERE        where to begin: earliest, latest, or a time like
                        2026-07-01T03:00:00Z (default earliest; of checkstream latest)
    -kafka-config FILE  properties as Kafka's own tools take them: bootstrap.servers,
                        security.protocol, sasl.*, ssl.*
    -simulator          read an embedded broker that simulates ZTF and LSST
`

// GroupManual is what the manual says of -group.
const GroupManual = `    -group NAME         join Kafka's consumer group NAME: the partitions are spread
                        over all processes started with it, which must have the
                        same -topics and write to the same place. Tools such as
                        kafka-consumer-groups show members and lag. One that is
                        killed is missed after 6 s, or session.timeout.ms of
                        -kafka-config; with a group.instance.id it may come back
                        within that time to what it had
                        (default: group.id of -kafka-config)
`

// Flags adds the flags to f. What stands in k is their default.
func (k *Kafka) Flags(f *flag.FlagSet) {
	set := func(name string, take func(string) error) {
		f.Func(name, "", func(text string) error {
			k.given = true
			return take(text)
		})
	}
	set("brokers", func(text string) (err error) {
		k.Brokers, err = ParseBrokers(text)
		return err
	})
	set("topics", func(text string) (err error) {
		k.Topics, err = splitTopics(text)
		return err
	})
	set("start", func(text string) (err error) {
		if k.Start, err = kafka.ParseStart(text); err != nil {
			err = errors.New("write earliest, latest, or a time like 2026-07-01T03:00:00Z")
		}
		return err
	})
	f.StringVar(&k.Config, "kafka-config", k.Config, "")
	if !k.Observer {
		f.StringVar(&k.Group, "group", k.Group, "")
	}
	f.BoolVar(&k.Simulator, "simulator", k.Simulator, "")
}

// Given reports whether a flag says that a stream is to be read.
func (k *Kafka) Given() bool { return k.given || k.Config != "" || k.Group != "" || k.Simulator }

// Check returns a UsageError if something is missing, or too much.
func (k *Kafka) Check() error {
	switch {
	case k.Simulator && (len(k.Brokers) > 0 || k.Config != ""):
		return UsageError{"-simulator has a broker of its own: leave out -brokers and -kafka-config"}
	case k.Simulator:
		return nil
	case len(k.Brokers) == 0 && k.Config == "":
		return UsageError{"say where Kafka is: -brokers HOST:PORT, or -kafka-config FILE"}
	case len(k.Topics) == 0:
		return UsageError{"say what to read: -topics NAME,NAME or -topics 'REGEXP'"}
	}
	return nil
}

// Use points the flags at the simulator that -simulator asked for. Topics that
// were asked for stay.
func (k *Kafka) Use(brokers, topics []string) {
	k.Brokers, k.Simulator = brokers, false
	if len(k.Topics) == 0 {
		k.Topics = topics
	}
}

// Source returns what the flags ask for; nothing is dialled yet.
func (k *Kafka) Source() (*kafka.Source, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	s := &kafka.Source{Brokers: k.Brokers, Topics: k.Topics, Start: k.Start, Group: k.Group, Join: k.Group != "", Log: Log()}
	if k.Config == "" {
		return s, nil
	}
	config, brokers, err := kafka.ReadConfig(k.Config)
	if err != nil {
		return nil, err
	}
	s.Config = config
	if !k.Observer {
		properties, err := kafka.ReadProperties(k.Config)
		if err != nil {
			return nil, err
		}
		s.Group = cmp.Or(k.Group, properties["group.id"])
		s.Join = s.Group != ""
	}
	if len(s.Brokers) == 0 {
		s.Brokers = brokers
	}
	if len(s.Brokers) == 0 {
		return nil, UsageError{fmt.Sprintf("%s has no bootstrap.servers: add them, or say -brokers HOST:PORT", k.Config)}
	}
	return s, nil
}

// ParseBrokers splits a list of HOST:PORT.
func ParseBrokers(text string) ([]string, error) {
	brokers := strings.Split(text, ",")
	for i, b := range brokers {
		brokers[i] = strings.TrimSpace(b)
		if strings.Contains(brokers[i], "@") {
			return nil, errors.New("users and passwords belong into -kafka-config FILE, not here")
		}
		if host, port, err := net.SplitHostPort(brokers[i]); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("%q is not HOST:PORT, like localhost:9092", brokers[i])
		}
	}
	return brokers, nil
}

func splitTopics(text string) ([]string, error) {
	topics := splitOutside(text)
	for i, t := range topics {
		topics[i] = strings.TrimSpace(t)
		if topics[i] == "" {
			return nil, errors.New("an empty name: write NAME,NAME or 'REGEXP'")
		}
		if _, err := regexp.Compile(topics[i]); err != nil {
			return nil, err
		}
	}
	return topics, nil
}

// splitOutside splits at the commas that stand in none of a regexp's brackets:
// {1,2} and (a|b,c) stay whole.
func splitOutside(text string) []string {
	var parts []string
	depth, class, from := 0, false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '{' || c == '(':
			depth++
		case c == '}' || c == ')':
			depth--
		case c == ',' && depth <= 0:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}
