package kafka

import "time"

// timing holds the waits of a source. Tests use shorter ones.
type timing struct {
	// checkTimeout bounds Check and the search for a group's coordinator.
	checkTimeout time.Duration
	// topicConfirmAfter is how long a topic must be unknown before it counts as
	// deleted: brokers that have just started may not know their topics yet.
	topicConfirmAfter time.Duration
	// lossConfirmAfter is how long a leader must report offsets as missing that
	// existed before, until they count as lost: a new leader may not know yet
	// how far its followers are.
	lossConfirmAfter time.Duration
	// stallTimeout is how long a broker may return nothing for offsets that
	// existed when they were planned, before its log is checked.
	stallTimeout time.Duration
	// minRejoinInterval is the least time between joins because of new topics:
	// brokers learn of a new topic one after the other.
	minRejoinInterval time.Duration
	// newTopicWait is how long Available waits for the group to assign new topics.
	newTopicWait time.Duration
	// engineIdleTimeout is how long the engine may make no call until it counts
	// as hung: its heartbeats would keep its partitions from other processes.
	engineIdleTimeout time.Duration
}

var defaultTiming = timing{
	checkTimeout:      10 * time.Second,
	topicConfirmAfter: time.Second,
	lossConfirmAfter:  30 * time.Second,
	stallTimeout:      5 * time.Second,
	minRejoinInterval: time.Second,
	newTopicWait:      5 * time.Second,
	engineIdleTimeout: 5 * time.Minute,
}

// waits returns the timing of s.
func (s *Source) waits() timing {
	if s.timing == nil {
		return defaultTiming
	}
	return *s.timing
}
