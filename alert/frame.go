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

// maxInflated is what the block of one message may inflate to, in bytes.
const maxInflated = 64 << 20

// frame is a message taken out of its framing: a datum, and who wrote it.
type frame struct {
	writer   *writer
	buf      *memory.Buffer
	from, to int // the datum's bytes in buf
}

// Framings are told apart by the bytes:
//
//	key '{'…     the key is the schema as text, the value the bare datum
//	"Obj\x01"    a whole Avro object container file with one record
//	0x00 id      Confluent: the schema's id in 4 bytes, big-endian, then the datum
//	else         a bare datum, if the decoder was given the schema for those

var (
	errNull    = errors.New("null value")
	errEmpty   = errors.New("empty value")
	errFraming = errors.New("unknown framing: neither an Avro file, nor Confluent, nor a bare datum with a known schema")
)

// frame takes message i out of its framing. cause says why it must be
// rejected, err that nobody can tell now.
func (dec *decoding) frame(ctx context.Context, m *messages, i int) (f frame, cause, err error) {
	if m.value.IsNull(i) {
		return f, errNull, nil
	}
	f = viewOf(m.value, i)
	value := f.buf.Bytes()[f.from:f.to]
	key := viewOf(m.key, i)
	switch {
	case len(value) == 0:
		return f, errEmpty, nil
	case m.key.IsValid(i) && looksLikeSchema(key.bytes()):
		f.writer, cause, err = dec.writer(ctx, key.bytes())
	case dec.d.Bare != nil:
		f.writer, cause, err = dec.writer(ctx, dec.d.Bare)
	case ocf.IsOCF(value):
		return dec.container(ctx, f)
	case value[0] == 0 && len(value) > 5:
		f.from += 5
		f.writer, cause, err = dec.d.writers.byID(ctx, binary.BigEndian.Uint32(value[1:]))
	default:
		cause = errFraming
	}
	return f, cause, err
}

func (f frame) bytes() []byte { return f.buf.Bytes()[f.from:f.to] }

// viewOf finds the bytes of a view in the buffer that holds them.
func viewOf(a *array.BinaryView, i int) frame {
	if a.IsNull(i) {
		return frame{buf: memory.NewBufferBytes(nil)}
	}
	h := a.ValueHeader(i)
	if h.IsInline() {
		b := h.InlineBytes()
		return frame{buf: memory.NewBufferBytes(b), to: len(b)}
	}
	from := int(h.BufferOffset())
	return frame{buf: a.Data().Buffers()[2+h.BufferIndex()], from: from, to: from + h.Len()}
}

// looksLikeSchema tells a schema as text from keys of other kinds.
func looksLikeSchema(key []byte) bool {
	key = bytes.TrimLeft(key, " \t\r\n")
	return len(key) > 0 && key[0] == '{' && bytes.Contains(key[:min(len(key), 4096)], []byte(`"type"`))
}

// container takes the one record out of a container file.
func (dec *decoding) container(ctx context.Context, f frame) (frame, error, error) {
	value := f.bytes()
	t, h, cause, err := dec.header(ctx, value)
	if cause != nil || err != nil {
		return f, cause, err
	}
	datum, cause := onlyRecord(value, h)
	if cause != nil {
		return f, cause, nil
	}
	f.writer, cause = t.writer, t.cause
	if cause != nil {
		return f, cause, nil
	}
	if h.Codec == "null" {
		f.from += datum.at
		f.to = f.from + len(datum.data)
		return f, nil, nil
	}
	plain, cause := ocf.Decompress(nil, h.Codec, datum.data, maxInflated)
	if cause != nil {
		return f, cause, nil
	}
	f.buf, f.from, f.to = memory.NewBufferBytes(plain), 0, len(plain)
	return f, nil, nil
}

// header reads a container's header. Most messages of a topic begin with the
// same one, up to the sync marker: then nothing needs to be parsed.
func (dec *decoding) header(ctx context.Context, value []byte) (*text, ocf.Header, error, error) {
	if t := dec.last; t != nil && t.begins(value) {
		return t, t.header(value), nil, nil
	}
	if t := dec.d.writers.beginning(value); t != nil {
		dec.last = t
		return t, t.header(value), nil, nil
	}
	h, cause := ocf.ParseHeader(value)
	if cause != nil {
		return nil, h, cause, nil
	}
	t, err := dec.d.writers.ofHeader(ctx, h, value[:h.Size-ocf.SyncSize])
	if err != nil {
		return nil, h, nil, err
	}
	dec.last = t
	return t, h, nil, nil
}

// writer returns who writes with a schema that comes as text.
func (dec *decoding) writer(ctx context.Context, schema []byte) (*writer, error, error) {
	if t := dec.last; t != nil && t.codec == "" && bytes.Equal(t.prefix, schema) {
		return t.writer, t.cause, nil
	}
	t, err := dec.d.writers.ofText(ctx, schema)
	if err != nil {
		return nil, nil, err
	}
	dec.last = t
	return t.writer, t.cause, nil
}

// record is the content of a block, and where it stands in the message.
type record struct {
	data []byte
	at   int
}

// onlyRecord returns the block of the one record in a container. Blocks of
// none are legal; more than one record could not be counted as one message.
func onlyRecord(value []byte, h ocf.Header) (found record, cause error) {
	rest, records := value[h.Size:], int64(0)
	for {
		at := len(value) - len(rest)
		b, after, err := ocf.NextBlock(rest, h.Sync)
		if err == io.EOF {
			break
		}
		if err != nil {
			return found, err
		}
		rest = after
		if b.Count > 0 {
			found = record{b.Data, at + (len(value) - at - len(rest)) - ocf.SyncSize - len(b.Data)}
		} else if len(b.Data) > 0 {
			return found, errors.New("bytes in a block of no record")
		}
		records += min(b.Count, 2)
	}
	switch {
	case records == 0:
		return found, errors.New("an Avro file without a record")
	case records > 1:
		return found, fmt.Errorf("several records in one message")
	}
	return found, nil
}
