package kafka

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/IBM/sarama"
)

// Flags are the command-line flags of a program that reads topics. A field's
// value before Register is the flag's default.
type Flags struct {
	Brokers []string // -brokers HOST:PORT,...
	Topics  []string // -topics NAME,...: names or regexps, as in Source.Topics
	Start   Start    // -start earliest, latest or a time
	Config  string   // -kafka-config FILE: properties, as ReadConfig reads them
}

// A FlagError reports that a flag is missing or has an invalid value. It never
// quotes a password.
type FlagError string

// Error returns the text.
func (e FlagError) Error() string { return string(e) }

// Register adds the flags to f.
func (o *Flags) Register(f *flag.FlagSet) {
	o.RegisterCluster(f)
	f.Func("topics", "`NAME,...` of topics, or regexps that match the whole name", func(text string) (err error) {
		o.Topics, err = splitTopics(text)
		return err
	})
	f.Func("start", fmt.Sprintf("earliest, latest or a `TIME` such as 2026-07-01T03:00:00Z (default %s)", o.Start), func(text string) (err error) {
		if o.Start, err = ParseStart(text); err != nil {
			err = errors.New("write earliest, latest, or a time like 2026-07-01T03:00:00Z")
		}
		return err
	})
}

// RegisterCluster adds only -brokers and -kafka-config, for a program that does
// not read topics.
func (o *Flags) RegisterCluster(f *flag.FlagSet) {
	// Package flag quotes a value that it is told is invalid. This one may hold
	// a password, so Check examines it.
	f.Func("brokers", "`HOST:PORT,...` of some brokers of the cluster", func(text string) error {
		o.Brokers = strings.Split(text, ",")
		for i, b := range o.Brokers {
			o.Brokers[i] = strings.TrimSpace(b)
		}
		return nil
	})
	f.StringVar(&o.Config, "kafka-config", o.Config, "properties `FILE` of Kafka's own tools")
}

// Check returns a FlagError if a flag is missing or the brokers are invalid.
func (o *Flags) Check() error {
	if err := o.checkCluster(); err != nil {
		return err
	}
	if len(o.Topics) == 0 {
		return FlagError("say what to read: -topics NAME,NAME or -topics 'REGEXP'")
	}
	return nil
}

// checkCluster checks -brokers and -kafka-config.
func (o *Flags) checkCluster() error {
	if len(o.Brokers) == 0 && o.Config == "" {
		return FlagError("say where Kafka is: -brokers HOST:PORT, or -kafka-config FILE")
	}
	for _, b := range o.Brokers {
		if strings.Contains(b, "@") {
			return FlagError("-brokers: users and passwords belong into -kafka-config FILE, not here")
		}
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			return FlagError(fmt.Sprintf("-brokers: %q is not HOST:PORT, like localhost:9092", b))
		}
	}
	return nil
}

// Source returns a source of the topics. Nothing is dialled yet.
func (o *Flags) Source() (*Source, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	config, brokers, err := o.Cluster()
	return &Source{Brokers: brokers, Topics: o.Topics, Start: o.Start, Config: config}, err
}

// Cluster returns the settings from the file of -kafka-config, or those of
// [NewConfig] if there is no file, and the brokers from -brokers, or else from
// the file.
func (o *Flags) Cluster() (*sarama.Config, []string, error) {
	if err := o.checkCluster(); err != nil {
		return nil, nil, err
	}
	config, brokers := NewConfig(), []string(nil)
	if o.Config != "" {
		var err error
		if config, brokers, err = ReadConfig(o.Config); err != nil {
			return nil, nil, err
		}
	}
	if len(o.Brokers) > 0 {
		brokers = o.Brokers
	}
	if len(brokers) == 0 {
		return nil, nil, FlagError(fmt.Sprintf("%s has no bootstrap.servers: add them, or say -brokers HOST:PORT", o.Config))
	}
	return config, brokers, nil
}

func splitTopics(text string) ([]string, error) {
	topics := splitOutsideBrackets(text)
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

// splitOutsideBrackets splits at the commas that are not within a regexp's
// brackets: {1,2} and (a|b,c) stay whole.
func splitOutsideBrackets(text string) []string {
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
