package kafka

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/IBM/sarama"
)

// topicSelection says which topics to read.
type topicSelection struct {
	named    []string
	patterns []pattern
}

type pattern struct {
	text string
	re   *regexp.Regexp
}

func newTopicSelection(topics []string) (*topicSelection, error) {
	s := new(topicSelection)
	for _, t := range topics {
		switch {
		case t == "":
			return nil, fmt.Errorf("kafka: the name of a topic is empty")
		case isName(t):
			s.named = append(s.named, t)
		default:
			_, own := regexp.Compile(t) // a)|(b is valid only inside the parentheses
			re, err := regexp.Compile("^(?:" + t + ")$")
			if err := cmp.Or(own, err); err != nil {
				return nil, fmt.Errorf("kafka: topics %q: %w", t, err)
			}
			s.patterns = append(s.patterns, pattern{t, re})
		}
	}
	if len(topics) == 0 {
		return nil, fmt.Errorf("kafka: no topics: name at least one, or a regexp")
	}
	return s, nil
}

// isName reports whether a topic could have this name.
func isName(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	}) < 0
}

// names returns the topics to ask the cluster for, nil for all.
func (s *topicSelection) names() []string {
	if len(s.patterns) > 0 {
		return nil
	}
	return s.named
}

// match reports whether a topic is selected.
func (s *topicSelection) match(t topic) bool {
	if slices.Contains(s.named, t.name) {
		return true
	}
	return slices.ContainsFunc(s.patterns, func(p pattern) bool { return p.match(t) })
}

func (p pattern) match(t topic) bool {
	return !t.internal && !strings.HasPrefix(t.name, "__") && p.re.MatchString(t.name)
}

// check returns an error for the first entry that matches no topic.
func (s *topicSelection) check(md *clusterMetadata, c *cluster) error {
	for _, n := range s.named {
		t, ok := md.topics[n]
		if ok && t.err == sarama.ErrNoError {
			continue
		}
		if !ok || t.err == sarama.ErrUnknownTopicOrPartition {
			return &NoTopicError{Topic: n, Brokers: c.seeds}
		}
		if !isTemporary(t.err) {
			return c.explain(fmt.Errorf("topic %s: %w", n, t.err))
		}
	}
	for _, p := range s.patterns {
		if !slices.ContainsFunc(slices.Collect(maps.Values(md.topics)), p.match) {
			return &NoTopicError{Topic: p.text, Regexp: true, Brokers: c.seeds}
		}
	}
	return nil
}
