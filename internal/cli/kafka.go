package cli

import (
	"cmp"
	"flag"
	"slices"

	"github.com/skyfinch/skyfinch/stream/kafka"
)

// Kafka holds the flags of a command that reads a stream. The values that its
// fields have before Flags is called are the defaults.
type Kafka struct {
	// Observer is set by commands that do not keep what they read. They join no
	// group and commit no offsets: there is no -group, and group.id of the
	// properties file has no effect.
	Observer bool

	Stream    kafka.Flags
	Group     string // -group
	Simulator bool   // -simulator

	flags *flag.FlagSet // if Flags was called
}

const (
	topicsManual = `    -brokers HOST:PORT,...
                        some brokers of the cluster; they name the others
    -topics NAME,...    topics, or regexps that match the whole name:
                        'ztf_\d{8}_programid1,lsst-alerts-.*'. Topics and partitions
                        that appear later are read too
    -start WHERE        where to begin: earliest, latest, or a time like
                        2026-07-01T03:00:00Z (default `
	configManual = `)
    -kafka-config FILE  a properties file, as for Kafka's own tools:
                        bootstrap.servers, security.protocol, sasl.*, ssl.*
    -simulator          read an embedded broker that simulates ZTF and LSST
`
)

// KafkaManual and KafkaManualLatest are the part of a command's manual that
// explains the flags of Kafka other than -group. They differ in the default of
// -start.
const (
	KafkaManual       = topicsManual + "earliest" + configManual
	KafkaManualLatest = topicsManual + "latest" + configManual
)

// GroupManual is the part of a command's manual that explains -group.
const GroupManual = `    -group NAME         join Kafka's consumer group NAME: the partitions are spread
                        over all processes of the group, which must have the same
                        -topics and write to the same place. Tools such as
                        kafka-consumer-groups show members and lag. A killed member
                        is detected after 6 s, or session.timeout.ms of
                        -kafka-config; with a group.instance.id it keeps its
                        partitions if it comes back within that time
                        (default: group.id of -kafka-config)
`

// Flags adds the flags to f.
func (k *Kafka) Flags(f *flag.FlagSet) {
	k.flags = f
	k.Stream.Register(f)
	if !k.Observer {
		f.StringVar(&k.Group, "group", k.Group, "")
	}
	f.BoolVar(&k.Simulator, "simulator", k.Simulator, "")
}

// Given reports whether the flags select a stream.
func (k *Kafka) Given() bool {
	given := k.Simulator
	if k.flags != nil {
		k.flags.Visit(func(f *flag.Flag) {
			given = given || slices.Contains([]string{"brokers", "topics", "start", "kafka-config", "group"}, f.Name)
		})
	}
	return given
}

// Check returns a UsageError if a flag is missing, or if two are mutually
// exclusive.
func (k *Kafka) Check() error {
	switch {
	case k.Simulator && (len(k.Stream.Brokers) > 0 || k.Stream.Config != ""):
		return UsageError{Text: "-simulator has a broker of its own: leave out -brokers and -kafka-config"}
	case k.Simulator:
		return nil
	}
	return Usage(k.Stream.Check())
}

// Use points the flags at the simulator that -simulator asked for. Its topics
// are read unless -topics names some.
func (k *Kafka) Use(brokers, topics []string) {
	k.Stream.Brokers, k.Simulator = brokers, false
	if len(k.Stream.Topics) == 0 {
		k.Stream.Topics = topics
	}
}

// Source returns the source that the flags name. Nothing is dialled yet.
func (k *Kafka) Source() (*kafka.Source, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	s, err := k.Stream.Source()
	if err != nil {
		return nil, Usage(err)
	}
	s.Group, s.Log = k.Group, Log()
	if k.Stream.Config != "" && !k.Observer {
		properties, err := kafka.ReadProperties(k.Stream.Config)
		if err != nil {
			return nil, err
		}
		s.Group = cmp.Or(k.Group, properties["group.id"])
	}
	s.Join = s.Group != ""
	return s, nil
}
