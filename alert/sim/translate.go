package sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/internal/ocf"
)

const (
	firstID  = 100_000  // of the ids given to schemas that have none
	maxBlock = 64 << 20 // bytes that a block may inflate to
)

// writer is a writer's schema and its survey.
type writer struct {
	schema *avroarrow.Schema
	survey alert.Survey
	text   []byte
	roles  map[string]role // by path
	id     uint32          // for Confluent's framing; 0 if not yet in the registry
}

// translator turns messages as files have them into packets.
type translator struct {
	registry *Registry
	inflate  bool               // containers, so that they can be changed
	writers  map[string]*writer // by text; nil if of no survey
	byID     map[uint32]*writer // nil if unknown
}

// packet returns the message as its survey sends it, and the positions of its
// values, nil if it cannot be decoded. An error is the registry's.
func (t *translator) packet(ctx context.Context, m message) (Packet, *positions, error) {
	f, err := t.frame(ctx, m)
	if err != nil {
		return Packet{}, nil, err
	}
	if f == nil {
		return Packet{Key: bytes.Clone(m.key), Value: bytes.Clone(m.value)}, nil, nil
	}
	p, at := Packet{Value: f.bytes}, &positions{survey: &f.writer.survey}
	n, err := f.writer.schema.Walk(f.bytes[f.from:f.to], func(path []byte, v avroarrow.Value) {
		v.From, v.To = v.From+f.from, v.To+f.from
		at.add(&p, f.writer.roles[string(path)], v)
	})
	if err != nil || n != f.to-f.from { // its reader will report it
		p, at = Packet{Value: f.bytes}, nil
	}
	if f.packed && !t.inflate {
		p.Value = bytes.Clone(m.value)
	}
	return p, at, nil
}

// framed is a message as its survey sends it; its datum is bytes[from:to].
type framed struct {
	writer   *writer
	bytes    []byte
	from, to int
	packed   bool // the message itself is compressed
}

// frame frames a message as its survey does. It returns nil for one that is to
// be sent unchanged.
func (t *translator) frame(ctx context.Context, m message) (*framed, error) {
	switch {
	case m.key != nil:
		return t.wrap(t.writer(m.key), m.value)
	case ocf.IsOCF(m.value):
		return t.container(m.value)
	case len(m.value) > 5 && m.value[0] == 0:
		w, err := t.lookup(ctx, binary.BigEndian.Uint32(m.value[1:]))
		if w == nil {
			return nil, err
		}
		return &framed{writer: w, bytes: bytes.Clone(m.value), from: 5, to: len(m.value)}, nil
	}
	return nil, nil
}

// wrap frames a bare datum.
func (t *translator) wrap(w *writer, datum []byte) (*framed, error) {
	if w == nil {
		return nil, nil
	}
	if w.survey.Name != "lsst" {
		h := fnv.New128a()
		h.Write(w.text)
		b, from := container(containerHead(w.text), h.Sum(nil), datum)
		return &framed{writer: w, bytes: b, from: from, to: from + len(datum)}, nil
	}
	if err := t.register(w); err != nil {
		return nil, err
	}
	b := make([]byte, 5, 5+len(datum))
	binary.BigEndian.PutUint32(b[1:], w.id)
	b = append(b, datum...)
	return &framed{writer: w, bytes: b, from: 5, to: len(b)}, nil
}

// container frames the record of a container, which must have just one.
func (t *translator) container(data []byte) (*framed, error) {
	h, err := ocf.ParseHeader(data)
	if err != nil {
		return nil, nil
	}
	b, rest, err := ocf.NextBlock(data[h.Size:], h.Sync)
	if err != nil || b.Count != 1 || len(rest) > 0 {
		return nil, nil
	}
	w := t.writer(h.Schema)
	if w == nil {
		return nil, nil
	}
	if h.Codec == "null" && w.survey.Name != "lsst" {
		end := len(data) - ocf.SyncSize
		return &framed{writer: w, bytes: bytes.Clone(data), from: end - len(b.Data), to: end}, nil
	}
	datum, err := ocf.Decompress(nil, h.Codec, b.Data, maxBlock)
	if err != nil {
		return nil, nil
	}
	f, err := t.wrap(w, datum)
	if err == nil {
		f.packed = w.survey.Name != "lsst"
	}
	return f, err
}

// writer returns the writer of a schema's text, nil if it is of no survey.
func (t *translator) writer(text []byte) *writer {
	if w, ok := t.writers[string(text)]; ok {
		return w
	}
	var w *writer
	if s, err := avroarrow.Parse(text); err == nil {
		if survey, ok := alert.Recognise(alert.Surveys(), s.Has); ok {
			w = &writer{schema: s, survey: survey, text: bytes.Clone(text), roles: roles(&survey)}
		}
	}
	t.writers[string(text)] = w
	return w
}

// lookup returns the writer of a schema's id, nil if it is unknown.
func (t *translator) lookup(ctx context.Context, id uint32) (*writer, error) {
	if w, ok := t.byID[id]; ok {
		return w, nil
	}
	text, err := t.registry.Schema(ctx, id)
	switch {
	case errors.Is(err, alert.ErrUnknownSchema):
		t.byID[id] = nil
	case err != nil:
		return nil, err
	default:
		t.byID[id] = t.writer(text)
	}
	return t.byID[id], nil
}

// register gives a writer an id, which depends on its text only, unless that id
// is taken, and adds its schema to the registry.
func (t *translator) register(w *writer) error {
	if w.id != 0 {
		return nil
	}
	h := fnv.New32a()
	h.Write(w.text)
	for id := firstID + h.Sum32()%1_000_000_000; ; id++ {
		err := t.registry.add(id, w.text)
		if err == nil {
			w.id = id
		}
		if !errors.Is(err, errTaken) {
			return err
		}
	}
}

// container returns a container file with one record, and where that begins.
func container(head, sync, datum []byte) (b []byte, from int) {
	b = make([]byte, 0, len(head)+len(datum)+2*len(sync)+2*binary.MaxVarintLen64)
	b = append(append(b, head...), sync...)
	b = binary.AppendVarint(b, 1)
	b = binary.AppendVarint(b, int64(len(datum)))
	from = len(b)
	return append(append(b, datum...), sync...), from
}

// containerHead returns a container's header up to the sync marker.
func containerHead[T string | []byte](schema T) []byte {
	b := binary.AppendVarint([]byte("Obj\x01"), 2)
	b = appendText(b, "avro.codec")
	b = appendText(b, "null")
	b = appendText(b, "avro.schema")
	b = appendText(b, schema)
	return append(b, 0)
}
