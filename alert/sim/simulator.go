package sim

import (
	"cmp"
	"iter"
	"time"
)

// Simulator makes the packets of a survey's nights. Its methods keep no state and
// are safe for concurrent use.
type Simulator struct {
	Survey Survey
	// Seed determines all random choices: equal simulators make equal bytes.
	Seed uint64
	// Start is the time at which the first night begins. If zero, it is an
	// evening at the site: 2026-09-15 03:00 UTC for ZTF, 2026-09-14 23:30 UTC for
	// LSST.
	Start time.Time
	// Night is the length of a night, over which its alerts are spread: at most a
	// day. If zero, eight hours.
	Night time.Duration
	// Alerts is the number of alerts per night. If zero, 10,000.
	Alerts int
	// Registry, if not nil, receives the schema of LSST's packets before the first
	// of them.
	Registry *Registry
}

func (s *Simulator) start() time.Time {
	switch {
	case !s.Start.IsZero():
		return s.Start
	case s.Survey == LSST:
		return time.Date(2026, 9, 14, 23, 30, 0, 0, time.UTC)
	}
	return time.Date(2026, 9, 15, 3, 0, 0, 0, time.UTC)
}

func (s *Simulator) night() time.Duration {
	return min(cmp.Or(max(s.Night, 0), 8*time.Hour), 24*time.Hour)
}

func (s *Simulator) alerts() int { return cmp.Or(max(s.Alerts, 0), 10_000) }

// Packets yields the first n packets, night after night, with ascending times. If
// n is 0, it yields one night; if n is negative, it never ends. The sequence ends
// with its first error: a Start outside 1990 to 2099, or a Registry that cannot
// write.
func (s *Simulator) Packets(n int64) iter.Seq2[Packet, error] {
	if n == 0 {
		n = int64(s.alerts())
	}
	return func(yield func(Packet, error) bool) {
		if err := s.packets(n, func(p Packet) bool { return yield(p, nil) }); err != nil {
			yield(Packet{}, err)
		}
	}
}

// packetMaker makes the packet of a detection; past are the earlier ones.
type packetMaker interface {
	packet(d detection, past []detection) (Packet, error)
}

func (s *Simulator) packets(n int64, yield func(Packet) bool) error {
	m, err := s.packetMaker()
	if err != nil {
		return err
	}
	k := newSky(s)
	var exposures []exposure
	var past []detection
	for night := 0; ; night++ {
		for number := range k.exposures() {
			x := k.exposure(night, number)
			exposures = k.history(exposures[:0], x)
			for slot := range x.count {
				if n == 0 {
					return nil
				}
				n--
				d := k.alert(x, slot)
				past = k.observeAll(past[:0], d, exposures)
				p, err := m.packet(d, past)
				if err != nil {
					return err
				}
				if !yield(p) {
					return nil
				}
			}
		}
	}
}

func (s *Simulator) packetMaker() (packetMaker, error) {
	if s.Survey == ZTF {
		return newZTF(s.Seed)
	}
	if s.Registry != nil {
		if err := s.Registry.add(lsstID, []byte(lsstSchema())); err != nil {
			return nil, err
		}
	}
	return newLSST(s.Seed), nil
}
