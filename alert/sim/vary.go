package sim

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/alert"
)

// Vary says how replayed packets are made different.
type Vary struct {
	// Seed decides what they become.
	Seed uint64
	// Start is the event time of the first packet. Zero is 2026-09-15 00:00 UTC.
	Start time.Time
	// Span is the time over which their events are spread, evenly and
	// ascending. 0 is six hours.
	Span time.Duration
	// Over is how many packets Span has; those behind them begin again at
	// Start. 0 is as many as Packets is asked for, or 10,000.
	Over int64
}

// variation makes packets different, one after the other.
type variation struct {
	Vary
	dice *rand.Rand
	n    int64
	ids  map[int]int64 // by the length of their encoding: the next
}

func newVariation(v Vary, n int64) *variation {
	if v.Start.IsZero() {
		v.Start = time.Date(2026, 9, 15, 0, 0, 0, 0, time.UTC)
	}
	if v.Span <= 0 {
		v.Span = 6 * time.Hour
	}
	if v.Over <= 0 {
		v.Over = 10_000
		if n > 0 {
			v.Over = n
		}
	}
	return &variation{Vary: v, dice: dice(v.Seed), ids: map[int]int64{}}
}

// time returns the event time of the next packet.
func (v *variation) time() time.Time {
	return v.Start.Add(time.Duration(float64(v.Span) * (float64(v.n%v.Over) / float64(v.Over))))
}

// position returns one that is evenly distributed over the sky.
func (v *variation) position() (ra, dec float64) {
	return 360 * v.dice.Float64(), math.Asin(2*v.dice.Float64()-1) / deg
}

// vary changes a packet in place.
func (v *variation) vary(p *Packet, f *found) {
	if f == nil {
		return
	}
	b := p.Value
	if len(f.ids) > 0 {
		p.ID = v.id(b, f.ids)
	}
	for _, s := range f.time {
		x := date(v.time(), f.survey.Scale)
		put(b, s, x)
		if us, err := f.survey.Scale.Micros(x); err == nil {
			p.Time = micros(us)
		}
	}
	ra, dec := v.position()
	for _, s := range f.ra {
		put(b, s, ra)
	}
	for _, s := range f.dec {
		put(b, s, dec)
	}
	for _, s := range f.cutouts {
		v.cutout(b[s.from:s.to])
	}
	v.n++
}

// id gives a packet an id that no other has: the next of those whose encoding
// has as many bytes. A field with another value than the first is another id.
func (v *variation) id(b []byte, ids []spot) int64 {
	first := ids[0]
	old, size := longAt(b, first), first.to-first.from
	id, ok := v.ids[size]
	if !ok {
		id = old
	}
	if binary.PutVarint(make([]byte, binary.MaxVarintLen64), id) != size {
		id = smallest(size)
	}
	v.ids[size] = id + 1
	for _, s := range ids {
		if s.to-s.from == size && longAt(b, s) == old {
			binary.PutVarint(b[s.from:s.to], id)
		}
	}
	return id
}

// smallest is the smallest number above 0 whose encoding has so many bytes.
func smallest(size int) int64 {
	if size == 1 {
		return 1
	}
	return 1 << (7*(size-1) - 1)
}

// date is a time as a survey counts it.
func date(t time.Time, scale alert.TimeScale) float64 {
	switch scale {
	case alert.JDUTC:
		return 2440587.5 + float64(t.UnixMicro())/86400e6
	case alert.MJDTAI:
		return tai(mjd(t))
	}
	return mjd(t)
}

func put(b []byte, s spot, x float64) {
	binary.LittleEndian.PutUint64(b[s.from:], math.Float64bits(x))
}

// cutout changes an image. Of plain FITS the last bits of the pixels change,
// which are noise already; of a gzipped one the compressed bytes: it is as long
// and as random as it was, but inflates no more. Others stay.
func (v *variation) cutout(b []byte) {
	const gzipHeader = 10
	switch {
	case b[0] == 0x1f && b[1] == 0x8b:
		for b = b[gzipHeader:]; len(b) >= 8; b = b[8:] {
			binary.LittleEndian.PutUint64(b, v.dice.Uint64())
		}
	case strings.HasPrefix(string(b[:6]), "SIMPLE"):
		for len(b) > 0 {
			b = v.unit(b)
		}
	}
}

// unit changes the pixels of the first header and data unit, and returns what
// follows it.
func (v *variation) unit(b []byte) []byte {
	bitpix, pixels, head := fitsShape(b)
	if head == 0 || pixels < 0 || pixels > len(b) {
		return nil
	}
	b = b[head:]
	size := pixels * max(bitpix, -bitpix) / 8
	if size > len(b) {
		return nil
	}
	switch bitpix {
	case -32:
		for i := 0; i < size; i += 4 {
			x := binary.BigEndian.Uint32(b[i:])
			binary.BigEndian.PutUint32(b[i:], x^uint32(v.low(uint64(x), x<<1>>24 == 255)))
		}
	case -64:
		for i := 0; i < size; i += 8 {
			x := binary.BigEndian.Uint64(b[i:])
			binary.BigEndian.PutUint64(b[i:], x^v.low(x, x<<1>>53 == 2047))
		}
	}
	return b[min(len(b), (size+fitsBlock-1)/fitsBlock*fitsBlock):]
}

// low returns what changes in the last bits of a number: nothing if they are
// zero, for a reason, or if it is none.
func (v *variation) low(x uint64, special bool) uint64 {
	const mask = 1<<12 - 1
	if x&mask == 0 || special {
		return 0
	}
	return v.dice.Uint64() & mask
}

// fitsShape reads a header: how many pixels there are, of what kind, and where
// they begin. head is 0 if it has no end.
func fitsShape(b []byte) (bitpix, pixels, head int) {
	pixels = 1
	for at := 0; at+80 <= len(b); at += 80 {
		card := string(b[at : at+80])
		key := strings.TrimRight(card[:8], " ")
		if key == "END" {
			return bitpix, pixels, (at/fitsBlock + 1) * fitsBlock
		}
		value, _, _ := strings.Cut(card[10:], "/")
		n, err := strconv.Atoi(strings.TrimSpace(value))
		switch {
		case err != nil:
		case key == "BITPIX":
			bitpix = n
		case key == "NAXIS" && n == 0:
			pixels = 0
		case strings.HasPrefix(key, "NAXIS") && len(key) > 5:
			if n < 0 || n > 1<<20 || pixels > 1<<30 {
				return 0, 0, 0
			}
			pixels *= n
		}
	}
	return 0, 0, 0
}
