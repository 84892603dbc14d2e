package alert

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/ocf"
)

const (
	maxInflated = 64 << 20 // bytes that a message's block may inflate to
	maxScratch  = 4 << 20  // bytes of the buffer that is kept for inflating
)

// frame is a message without its framing: a datum and its writer.
type frame struct {
	writer   *writer
	buf      *memory.Buffer
	from, to int // the datum's bytes in buf
}

func (f frame) bytes() []byte { return f.buf.Bytes()[f.from:f.to] }

// The framing is recognized by the bytes, in this order:
//
//	"Obj\x01"…   a whole Avro object container file with one record
//	key {…}      the key is the schema as text, the value the bare datum
//	0x00 id      Confluent: the schema's id in 4 bytes, big-endian, then the datum
//
// No datum begins like a container, but many begin with 0x00, for example as an
// empty string. So the key comes before that, and with Decoder.Bare only the key
// is examined.

var (
	errNull    = errors.New("null value")
	errEmpty   = errors.New("empty value")
	errFraming = errors.New("unknown framing: neither an Avro file, nor Confluent, nor a bare datum with a known schema")
	errNoBlock = errors.New("an Avro file without a record")
	errBlocks  = errors.New("several records in one message")
	errStray   = errors.New("data in a block without records")
)

// frame removes the framing of message i. cause is the reason to reject it, err
// an outage.
func (dec *decoding) frame(ctx context.Context, m *messages, i int) (f frame, cause, err error) {
	dec.class = classEmpty
	if m.value.IsNull(i) {
		return f, errNull, nil
	}
	f = viewOf(m.value, i)
	value := f.bytes()
	switch {
	case len(value) == 0:
		return f, errEmpty, nil
	case dec.d.Bare == nil && ocf.IsOCF(value):
		return dec.container(ctx, f)
	case m.key.IsValid(i) && looksLikeSchema(m.key.Value(i)):
		dec.class = classSchema
		f.writer, cause, err = dec.writer(ctx, m.key.Value(i))
		if cause != nil {
			cause = fmt.Errorf("schema in the key: %w", cause)
		}
	case dec.d.Bare != nil:
		dec.class = classSchema
		f.writer, cause, err = dec.writer(ctx, dec.d.Bare)
	case value[0] == 0 && len(value) > 5:
		dec.class = classSchema
		f.from += 5
		f.writer, cause, err = dec.d.cache.byID(ctx, binary.BigEndian.Uint32(value[1:]))
	default:
		dec.class, cause = classFraming, errFraming
	}
	return f, cause, err
}

// viewOf returns the bytes of a view in the buffer that holds them.
func viewOf(a *array.BinaryView, i int) frame {
	h := a.ValueHeader(i)
	if h.IsInline() {
		b := h.InlineBytes()
		return frame{buf: memory.NewBufferBytes(b), to: len(b)}
	}
	from := int(h.BufferOffset())
	return frame{buf: a.Data().Buffers()[2+h.BufferIndex()], from: from, to: from + h.Len()}
}

// looksLikeSchema reports whether a key looks like the text of a record's schema;
// other keys may be JSON too.
func looksLikeSchema(key []byte) bool {
	key = bytes.TrimLeft(key, " \t\r\n")
	return len(key) > 0 && key[0] == '{' && bytes.Contains(key, []byte(`"fields"`)) &&
		(bytes.Contains(key, []byte(`"record"`)) || bytes.Contains(key, []byte(`"error"`)))
}

// container finds the one record of a container file.
func (dec *decoding) container(ctx context.Context, f frame) (_ frame, cause, err error) {
	dec.class = classFraming
	value := f.bytes()
	t, h, cause, err := dec.header(ctx, value)
	if cause != nil || err != nil {
		return f, cause, err
	}
	at, n, cause := onlyRecord(value, h)
	if cause == nil && t.cause != nil {
		dec.class, cause = classSchema, t.cause
	}
	if cause != nil {
		return f, cause, nil
	}
	f.writer = t.writer
	f.from += at
	f.to = f.from + n
	if h.Codec != "null" {
		f, cause = dec.inflate(f, h.Codec)
	}
	return f, cause, nil
}

// inflate decompresses a block.
func (dec *decoding) inflate(f frame, codec string) (frame, error) {
	plain, err := ocf.Decompress(dec.scratch[:0], codec, f.bytes(), maxInflated)
	if err != nil {
		return f, err
	}
	if cap(plain) <= maxScratch { // the row keeps the bytes, so cut them to size
		dec.scratch = plain
		plain = bytes.Clone(plain)
	}
	f.buf, f.from, f.to = memory.NewBufferBytes(plain), 0, len(plain)
	return f, nil
}

// header reads a container's header. Most messages of a topic have the same one,
// up to the sync marker, which needs no parsing.
func (dec *decoding) header(ctx context.Context, value []byte) (_ *schemaText, h ocf.Header, cause, err error) {
	if t := dec.last; t != nil && t.isHeaderOf(value) {
		return t, t.header(value), nil, nil
	}
	t := dec.d.cache.find(func(t *schemaText) bool { return t.isHeaderOf(value) })
	if t != nil {
		dec.last = t
		return t, t.header(value), nil, nil
	}
	h, cause = ocf.ParseHeader(value)
	if cause != nil {
		return nil, h, cause, nil
	}
	t = &schemaText{prefix: value[:h.Size-ocf.SyncSize], container: true, codec: h.Codec}
	if t, err = dec.d.cache.add(ctx, t, h.Schema); err != nil {
		return nil, h, nil, err
	}
	dec.remember(t)
	return t, h, nil, nil
}

// writer returns the writer of a schema's text.
func (dec *decoding) writer(ctx context.Context, schema []byte) (_ *writer, cause, err error) {
	t := dec.last
	if t == nil || !t.is(schema) {
		t = dec.d.cache.find(func(t *schemaText) bool { return t.is(schema) })
	}
	if t == nil {
		if t, err = dec.d.cache.add(ctx, &schemaText{prefix: schema}, schema); err != nil {
			return nil, nil, err
		}
	}
	dec.remember(t)
	return t.writer, t.cause, nil
}

// remember makes t the text that the next message is compared with first, unless it
// is a part of the message.
func (dec *decoding) remember(t *schemaText) {
	if len(t.prefix) <= maxText {
		dec.last = t
	}
}

// onlyRecord returns where the block of a container's one record begins, and its
// size. Blocks without records are valid; several records are refused, for a
// message is one alert.
func onlyRecord(value []byte, h ocf.Header) (at, n int, cause error) {
	rest, records := value[h.Size:], int64(0)
	for {
		b, after, err := ocf.NextBlock(rest, h.Sync)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, 0, err
		}
		rest = after
		if b.Count == 0 {
			if err := isEmpty(b, h.Codec); err != nil {
				return 0, 0, err
			}
			continue
		}
		if records += min(b.Count, 2); records > 1 {
			return 0, 0, errBlocks
		}
		at, n = len(value)-len(rest)-ocf.SyncSize-len(b.Data), len(b.Data)
	}
	if records == 0 {
		return 0, 0, errNoBlock
	}
	return at, n, nil
}

// isEmpty returns an error if a block without records has data, which may be
// compressed.
func isEmpty(b ocf.Block, codec string) error {
	if len(b.Data) == 0 {
		return nil
	}
	_, err := ocf.Decompress(nil, codec, b.Data, 0)
	if errors.Is(err, ocf.ErrTooLarge) {
		return errStray
	}
	return err
}
