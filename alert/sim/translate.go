package sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math"
	"strconv"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/internal/ocf"
)

const (
	// ownIDs is where the ids begin of schemas that have none of their own.
	ownIDs = 100_000
	// maxBlock is the size of the largest block that is inflated.
	maxBlock = 64 << 20
	// leastCutout is the size of the smallest field that is taken for an image.
	leastCutout = 512
)

// role is what a field says about its packet.
type role uint8

const (
	alertID role = 1 + iota
	eventTime
	rightAscension
	declination
	objectID // and those behind it: the survey's second choice, its third
)

// writer is a writer's schema, and of what survey it is.
type writer struct {
	schema *schema
	survey alert.Survey
	text   []byte
	roles  map[string]role // by path
	id     uint32          // for Confluent's framing; 0: not known to the registry yet
}

// found is what there is in a packet's value.
type found struct {
	*writer
	ids, ra, dec, time, cutouts []spot
	object                      role // of the field that named it; 0: none did
}

// translator makes packets of messages as files have them.
type translator struct {
	registry *Registry
	inflate  bool               // containers, so that they can be changed
	writers  map[string]*writer // by text; nil: no good
	framed   map[uint32]*writer // by id; nil: unknown
}

// packet returns the message as its survey sends it, and what is where in it.
// found is nil for what is not understood. Errors are the registry's.
func (t *translator) packet(ctx context.Context, m message) (Packet, *found, error) {
	w, sent, from, err := t.frame(ctx, m)
	if err != nil {
		return Packet{}, nil, err
	}
	if w == nil {
		return Packet{Key: bytes.Clone(m.key), Value: bytes.Clone(m.value)}, nil, nil
	}
	p, f := Packet{Value: sent.bytes}, &found{writer: w}
	err = walk(w.schema, sent.bytes[from:sent.end], func(path []byte, s spot) {
		s.from, s.to = s.from+from, s.to+from
		f.note(&p, w.roles[string(path)], s)
	})
	if err != nil { // whoever reads it will say so
		p, f = Packet{Value: sent.bytes}, nil
	}
	if sent.packed && !t.inflate {
		p.Value = bytes.Clone(m.value)
	}
	return p, f, nil
}

// sent is a message as the survey sends it. Its datum ends at end.
type sent struct {
	bytes  []byte
	end    int
	packed bool // the message itself is compressed
}

// frame returns the schema, the message, and where its datum begins. The schema
// is nil for what is to be sent as it is.
func (t *translator) frame(ctx context.Context, m message) (*writer, sent, int, error) {
	switch {
	case m.key != nil:
		return t.wrap(t.writer(m.key), m.value)
	case ocf.IsOCF(m.value):
		return t.open(m.value)
	case len(m.value) > 5 && m.value[0] == 0:
		w, err := t.byID(ctx, binary.BigEndian.Uint32(m.value[1:]))
		return w, sent{bytes: bytes.Clone(m.value), end: len(m.value)}, 5, err
	}
	return nil, sent{}, 0, nil
}

// wrap frames a datum.
func (t *translator) wrap(w *writer, datum []byte) (*writer, sent, int, error) {
	if w == nil {
		return nil, sent{}, 0, nil
	}
	if w.survey.Name != "lsst" {
		h := fnv.New128a()
		h.Write(w.text)
		b, from := container(containerHead(w.text), h.Sum(nil), datum)
		return w, sent{bytes: b, end: from + len(datum)}, from, nil
	}
	if err := t.know(w); err != nil {
		return nil, sent{}, 0, err
	}
	b := make([]byte, 5, 5+len(datum))
	binary.BigEndian.PutUint32(b[1:], w.id)
	b = append(b, datum...)
	return w, sent{bytes: b, end: len(b)}, 5, nil
}

// open takes a container with one record apart. It stays as it is, unless its
// survey sends something else.
func (t *translator) open(data []byte) (*writer, sent, int, error) {
	h, err := ocf.ParseHeader(data)
	if err != nil {
		return nil, sent{}, 0, nil
	}
	b, rest, err := ocf.NextBlock(data[h.Size:], h.Sync)
	if err != nil || b.Count != 1 || len(rest) > 0 {
		return nil, sent{}, 0, nil
	}
	w := t.writer(h.Schema)
	if w == nil {
		return nil, sent{}, 0, nil
	}
	if h.Codec == "null" && w.survey.Name != "lsst" {
		end := len(data) - ocf.SyncSize
		return w, sent{bytes: bytes.Clone(data), end: end}, end - len(b.Data), nil
	}
	datum, err := ocf.Decompress(nil, h.Codec, b.Data, maxBlock)
	if err != nil {
		return nil, sent{}, 0, nil
	}
	w, s, from, err := t.wrap(w, datum)
	s.packed = w != nil && w.survey.Name != "lsst"
	return w, s, from, err
}

// writer returns what a schema's text says, nil if it is of no survey.
func (t *translator) writer(text []byte) *writer {
	if w, ok := t.writers[string(text)]; ok {
		return w
	}
	w := &writer{text: bytes.Clone(text)}
	var err error
	known := false
	if w.schema, err = parseAvro(text); err == nil {
		w.survey, known = alert.Recognise(alert.Surveys(), w.schema.has)
	}
	if w.roles = roles(&w.survey); !known {
		w = nil
	}
	t.writers[string(text)] = w
	return w
}

// byID returns the writer of a framed message, nil if nobody knows it.
func (t *translator) byID(ctx context.Context, id uint32) (*writer, error) {
	if w, ok := t.framed[id]; ok {
		return w, nil
	}
	text, err := t.registry.Schema(ctx, id)
	switch {
	case errors.Is(err, alert.ErrUnknownSchema):
		t.framed[id] = nil
	case err != nil:
		return nil, err
	default:
		t.framed[id] = t.writer(text)
	}
	return t.framed[id], nil
}

// know gives a writer an id, the same for a text each time, and tells the registry.
func (t *translator) know(w *writer) error {
	if w.id != 0 {
		return nil
	}
	h := fnv.New32a()
	h.Write(w.text)
	id := ownIDs + h.Sum32()%1_000_000_000
	for {
		err := t.registry.add(id, w.text)
		if err == nil {
			w.id = id
			return nil
		}
		if !errors.Is(err, errTaken) {
			return err
		}
		id++
	}
}

// roles says what the fields of a survey's packets are.
func roles(v *alert.Survey) map[string]role {
	all := map[string]role{v.Time: eventTime, v.RA: rightAscension, v.Dec: declination}
	for i, path := range v.ObjectID {
		all[path] = objectID + role(i)
	}
	for _, path := range v.AlertID { // ZTF has it twice, and no survey needs to say so
		all[path], all["candidate."+path], all["diaSource."+path] = alertID, alertID, alertID
	}
	return all
}

// container returns a file with one record, and where the record begins.
func container(head, sync, datum []byte) (b []byte, from int) {
	b = make([]byte, 0, len(head)+len(datum)+2*len(sync)+2*binary.MaxVarintLen64)
	b = append(append(b, head...), sync...)
	b = binary.AppendVarint(b, 1)
	b = binary.AppendVarint(b, int64(len(datum)))
	from = len(b)
	return append(append(b, datum...), sync...), from
}

// containerHead is what stands before the sync marker.
func containerHead[T string | []byte](schema T) []byte {
	b := binary.AppendVarint([]byte("Obj\x01"), 2)
	b = appendText(b, "avro.codec")
	b = appendText(b, "null")
	b = appendText(b, "avro.schema")
	b = appendText(b, schema)
	return append(b, 0)
}

// note remembers a value for what it is to its packet.
func (f *found) note(p *Packet, r role, s spot) {
	number := s.typ == "long" || s.typ == "int"
	switch {
	case r == alertID && number:
		f.ids = append(f.ids, s)
		if p.ID == 0 {
			p.ID = longAt(p.Value, s)
		}
	case r == eventTime && s.typ == "double":
		f.time = append(f.time, s)
		if us, err := f.survey.Scale.Micros(doubleAt(p.Value, s)); err == nil {
			p.Time = micros(us)
		}
	case r == rightAscension && s.typ == "double":
		f.ra = append(f.ra, s)
	case r == declination && s.typ == "double":
		f.dec = append(f.dec, s)
	case r >= objectID && (f.object == 0 || r < f.object):
		if name := objectAt(p.Value, s); name != "" {
			p.Object, f.object = name, r
		}
	case s.typ == "bytes" && s.to-s.from >= leastCutout:
		f.cutouts = append(f.cutouts, s)
	}
}

// objectAt returns the name of an object, "" where 0 or null stands for none.
func objectAt(b []byte, s spot) string {
	switch s.typ {
	case "string":
		return string(b[s.from:s.to])
	case "long", "int":
		if n := longAt(b, s); n != 0 {
			return strconv.FormatInt(n, 10)
		}
	}
	return ""
}

func longAt(b []byte, s spot) int64 {
	n, _ := binary.Varint(b[s.from:s.to])
	return n
}

func doubleAt(b []byte, s spot) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(b[s.from:s.to]))
}
