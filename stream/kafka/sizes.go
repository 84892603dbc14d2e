package kafka

import "sync"

// messageSizes learns the message size and the compression ratio of each topic, to
// estimate what a fetch will return.
type messageSizes struct {
	mu     sync.Mutex
	topics map[string]*topicSize
}

// topicSize sums up the recent fetches of a topic.
type topicSize struct {
	offsets, bytes float64 // the number of offsets; the bytes of their keys and values
	held, wire     float64 // the bytes of memory; the bytes received
}

// add adds a fetch. Older ones count less.
func (s *messageSizes) add(topic string, offsets, bytes, held int64, wire float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics == nil {
		s.topics = map[string]*topicSize{}
	}
	x := s.topics[topic]
	if x == nil {
		x = new(topicSize)
		s.topics[topic] = x
	}
	if x.wire > 256<<20 {
		x.offsets, x.bytes, x.held, x.wire = x.offsets/2, x.bytes/2, x.held/2, x.wire/2
	}
	x.offsets, x.bytes = x.offsets+float64(offsets), x.bytes+float64(bytes)
	x.held, x.wire = x.held+float64(held), x.wire+wire
}

// estimate returns the estimated bytes of the keys and values of n offsets, 0 if
// unknown.
func (s *messageSizes) estimate(topic string, n int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.topics[topic]
	if x == nil || x.offsets == 0 {
		return 0
	}
	return int64(float64(n) * x.bytes / x.offsets)
}

// estimateWire returns the estimated bytes received for n offsets, and the ratio of
// the memory that they take to that. Both are 0 if unknown.
func (s *messageSizes) estimateWire(topic string, n int64) (bytes, ratio float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.topics[topic]
	if x == nil || x.offsets == 0 || x.wire == 0 {
		return 0, 0
	}
	return float64(n) * x.wire / x.offsets, max(1, x.held/x.wire)
}
