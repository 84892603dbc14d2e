package sim

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/internal/avroarrow"
)

// Vary makes all replayed packets different: each gets its own id, event time and
// position, and noise in its cutouts. Nothing else changes, and each keeps its size.
type Vary struct {
	// Seed determines the changes.
	Seed uint64
	// Start is the event time of the first packet. If zero, 2026-09-15 00:00 UTC.
	Start time.Time
	// Span is the time over which the events are spread, evenly and ascending. If
	// zero, six hours.
	Span time.Duration
	// Over is the number of packets in Span; later ones begin again at Start. If
	// zero, the number that Packets is called with, or 10,000.
	Over int64
}

// variation changes packets, one after another.
type variation struct {
	Vary
	random *rand.Rand
	n      int64
	ids    map[int]int64 // by the size of their encoding: the next
}

func newVariation(v Vary, n int64) *variation {
	if v.Start.IsZero() {
		v.Start = time.Date(2026, 9, 15, 0, 0, 0, 0, time.UTC)
	}
	v.Span = cmp.Or(max(v.Span, 0), 6*time.Hour)
	v.Over = cmp.Or(max(v.Over, 0), max(n, 0), 10_000)
	return &variation{Vary: v, random: newRand(v.Seed), ids: map[int]int64{}}
}

// time returns the event time of the next packet.
func (v *variation) time() time.Time {
	return v.Start.Add(time.Duration(float64(v.Span) * (float64(v.n%v.Over) / float64(v.Over))))
}

// vary changes a packet in place, at the positions of its values, nil for none.
func (v *variation) vary(p *Packet, at *positions) {
	if at == nil {
		return
	}
	b := p.Value
	if len(at.ids) > 0 {
		p.ID = v.id(b, at.ids)
	}
	if len(at.time) > 0 {
		x := inScale(v.time(), at.survey.Scale)
		putDouble(b, at.time, x)
		if us, err := at.survey.Scale.Micros(x); err == nil {
			p.Time = micros(us)
		}
	}
	// Evenly distributed over the sky.
	putDouble(b, at.ra, 360*v.random.Float64())
	putDouble(b, at.dec, math.Asin(2*v.random.Float64()-1)/deg)
	for _, c := range at.cutouts {
		v.cutout(b[c.From:c.To])
	}
	v.n++
}

// id gives a packet a unique id, the next whose encoding has as many bytes. It
// leaves fields alone whose value differs from the first: that is another id.
func (v *variation) id(b []byte, ids []avroarrow.Value) int64 {
	old, size := longAt(b, ids[0]), ids[0].To-ids[0].From
	id, ok := v.ids[size]
	if !ok {
		id = old
	}
	if binary.PutVarint(make([]byte, binary.MaxVarintLen64), id) != size {
		id = smallest(size)
	}
	v.ids[size] = id + 1
	for _, c := range ids {
		if c.To-c.From == size && longAt(b, c) == old {
			binary.PutVarint(b[c.From:c.To], id)
		}
	}
	return id
}

// smallest returns the smallest number above 0 whose encoding has size bytes.
func smallest(size int) int64 {
	if size == 1 {
		return 1
	}
	return 1 << (7*(size-1) - 1)
}

// inScale returns a time as a survey's number.
func inScale(t time.Time, scale alert.TimeScale) float64 {
	switch scale {
	case alert.JDUTC:
		return 2440587.5 + float64(t.UnixMicro())/86400e6
	case alert.MJDTAI:
		return tai(mjd(t))
	}
	return mjd(t)
}

func putDouble(b []byte, at []avroarrow.Value, x float64) {
	for _, c := range at {
		binary.LittleEndian.PutUint64(b[c.From:], math.Float64bits(x))
	}
}

// cutout changes an image without changing its size. In plain FITS it changes
// the lowest bits of the pixels, which are noise already. In gzipped FITS it
// changes the compressed bytes, which no longer inflate. Other data stay.
func (v *variation) cutout(b []byte) {
	const gzipHeader = 10
	switch {
	case b[0] == 0x1f && b[1] == 0x8b:
		for b = b[gzipHeader:]; len(b) >= 8; b = b[8:] {
			binary.LittleEndian.PutUint64(b, v.random.Uint64())
		}
	case strings.HasPrefix(string(b[:6]), "SIMPLE"):
		for len(b) > 0 {
			b = v.hdu(b)
		}
	}
}

// hdu changes the pixels of the first header and data unit, and returns what
// follows it.
func (v *variation) hdu(b []byte) []byte {
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
			binary.BigEndian.PutUint32(b[i:], x^uint32(v.noiseBits(uint64(x), x<<1>>24 == 255)))
		}
	case -64:
		for i := 0; i < size; i += 8 {
			x := binary.BigEndian.Uint64(b[i:])
			binary.BigEndian.PutUint64(b[i:], x^v.noiseBits(x, x<<1>>53 == 2047))
		}
	}
	return b[min(len(b), (size+fitsBlock-1)/fitsBlock*fitsBlock):]
}

// noiseBits returns the bits of a pixel to flip: none if its low bits are zero,
// which has a reason, or if it is special, NaN or infinite.
func (v *variation) noiseBits(x uint64, special bool) uint64 {
	const mask = 1<<12 - 1
	if x&mask == 0 || special {
		return 0
	}
	return v.random.Uint64() & mask
}

// fitsShape reads a FITS header: BITPIX, the number of pixels, and the size of
// the header, 0 if it has no end.
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
