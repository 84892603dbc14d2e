package sim

import (
	"iter"
	"time"
)

// Simulator makes the packets of a survey's nights. Fill it in and range over
// Packets; it keeps nothing, and may be used by any number of goroutines.
type Simulator struct {
	Survey Survey
	// Seed decides everything: equal simulators make equal bytes.
	Seed uint64
	// Start is when the first night begins. Zero is 2026-09-15 03:00 UTC for
	// ZTF, and for LSST 2026-09-14 23:30 UTC, which are evenings there.
	Start time.Time
	// Night is how long a night lasts. The times of its alerts are spread over
	// all of it. 0 is eight hours; more than a day is a day.
	Night time.Duration
	// Alerts is how many alerts a night has. 0 is 10,000.
	Alerts int
	// Registry is told of the schema of LSST's packets before the first of
	// them. nil: nobody is.
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
	if s.Night <= 0 {
		return 8 * time.Hour
	}
	return min(s.Night, 24*time.Hour)
}

func (s *Simulator) alerts() int {
	if s.Alerts <= 0 {
		return 10_000
	}
	return s.Alerts
}

// Packets yields n packets from the start of the first night on, those of the
// next nights behind it: with n = 0 one night, with n < 0 nights without end.
// Times ascend. The sequence ends with its first error, which a Start outside
// 1990 to 2099 is, or a Registry that cannot write.
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

// maker makes the packet of a detection; past is what there was before it.
type maker interface {
	packet(d detection, past []detection) (Packet, error)
}

func (s *Simulator) packets(n int64, yield func(Packet) bool) error {
	m, err := s.maker()
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
				past = k.before(past[:0], d, exposures)
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

func (s *Simulator) maker() (maker, error) {
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

func micros(us int64) time.Time { return time.UnixMicro(us).UTC() }
