package kafka

import "sync"

// sizes knows how large the messages of topics are, so that a fetch asks for
// about what is wanted.
type sizes struct {
	mu     sync.Mutex
	topics map[string]*size
}

// size sums up what was fetched of a topic lately.
type size struct {
	offsets, bytes float64 // offsets, their keys and values
	held, wire     float64 // all that they take in memory, and as received
}

// learn adds a fetch. What is long ago counts less.
func (s *sizes) learn(topic string, offsets, bytes, held int64, wire float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics == nil {
		s.topics = map[string]*size{}
	}
	x := s.topics[topic]
	if x == nil {
		x = new(size)
		s.topics[topic] = x
	}
	if x.wire > 256<<20 {
		x.offsets, x.bytes, x.held, x.wire = x.offsets/2, x.bytes/2, x.held/2, x.wire/2
	}
	x.offsets, x.bytes = x.offsets+float64(offsets), x.bytes+float64(bytes)
	x.held, x.wire = x.held+float64(held), x.wire+wire
}

// of estimates the bytes of so many offsets, 0 if nothing is known.
func (s *sizes) of(topic string, offsets int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.topics[topic]
	if x == nil || x.offsets == 0 {
		return 0
	}
	return int64(float64(offsets) * x.bytes / x.offsets)
}

// wire estimates what so many offsets take when they are fetched, and how many
// times larger that becomes in memory, 0 if nothing is known.
func (s *sizes) wire(topic string, offsets int64) (bytes, inflates float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.topics[topic]
	if x == nil || x.offsets == 0 || x.wire == 0 {
		return 0, 0
	}
	return float64(offsets) * x.wire / x.offsets, max(1, x.held/x.wire)
}
