package sim

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/internal/avroarrow"
)

// minCutout is the size in bytes from which a field of bytes is a cutout.
const minCutout = 512

// role is the meaning of a field.
type role uint8

const (
	alertID role = 1 + iota
	eventTime
	rightAscension
	declination
	objectID // objectID+n is the survey's n-th further choice
)

// roles returns the roles of the fields of a survey's packets, by path.
func roles(v *alert.Survey) map[string]role {
	all := map[string]role{v.Time: eventTime, v.RA: rightAscension, v.Dec: declination}
	for i, path := range v.ObjectID {
		all[path] = objectID + role(i)
	}
	for _, path := range v.AlertID { // ZTF repeats its id in candidate, Rubin in diaSource
		all[path], all["candidate."+path], all["diaSource."+path] = alertID, alertID, alertID
	}
	return all
}

// positions are where the values that Vary changes are in a packet.
type positions struct {
	survey                      *alert.Survey
	ids, ra, dec, time, cutouts []avroarrow.Value
	object                      role // of the field that Packet.Object is from, or 0
}

// add records a value by its role, and sets the field of p that it is.
func (l *positions) add(p *Packet, r role, v avroarrow.Value) {
	typ := v.Type.ID()
	switch {
	case r == alertID && (typ == arrow.INT64 || typ == arrow.INT32):
		l.ids = append(l.ids, v)
		if p.ID == 0 {
			p.ID = longAt(p.Value, v)
		}
	case r == eventTime && typ == arrow.FLOAT64:
		l.time = append(l.time, v)
		x := math.Float64frombits(binary.LittleEndian.Uint64(p.Value[v.From:v.To]))
		if us, err := l.survey.Scale.Micros(x); err == nil {
			p.Time = micros(us)
		}
	case r == rightAscension && typ == arrow.FLOAT64:
		l.ra = append(l.ra, v)
	case r == declination && typ == arrow.FLOAT64:
		l.dec = append(l.dec, v)
	case r >= objectID && (l.object == 0 || r < l.object):
		if name := objectAt(p.Value, v); name != "" {
			p.Object, l.object = name, r
		}
	case typ == arrow.BINARY_VIEW && v.To-v.From >= minCutout:
		l.cutouts = append(l.cutouts, v)
	}
}

// objectAt returns the name of an object, "" for null or 0.
func objectAt(b []byte, v avroarrow.Value) string {
	switch v.Type.ID() {
	case arrow.STRING:
		return string(b[v.From:v.To])
	case arrow.INT64, arrow.INT32:
		if n := longAt(b, v); n != 0 {
			return strconv.FormatInt(n, 10)
		}
	}
	return ""
}

func longAt(b []byte, v avroarrow.Value) int64 {
	n, _ := binary.Varint(b[v.From:v.To])
	return n
}
