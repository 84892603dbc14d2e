package files

import (
	"bytes"
	"context"
	"io"

	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/internal/ocf"
	"github.com/skyfinch/skyfinch/stream"
)

// container is an object container file with several records.
type container struct {
	ocf.Header
	key    stream.View // the text of the schema
	blocks int         // number of blocks read
}

// severalRecords reports whether the blocks after the header are well framed
// and hold more than one record. It does not look inside the blocks.
func (r *reader) severalRecords(h ocf.Header, data []byte) bool {
	var records int64
	for rest := data[h.Size:]; ; {
		b, next, err := ocf.NextBlock(rest, h.Sync)
		if err == io.EOF {
			break
		}
		if err != nil || !r.plausible(h.Codec, b.Count, int64(len(b.Data))) {
			return false
		}
		records += b.Count
		rest = next
	}
	return records > 1
}

// containerIn returns the container in v, whose header is h.
func containerIn(v stream.View, h ocf.Header) *container {
	at := v.From + bytes.Index(bytesOf(v)[:h.Size], h.Schema) // the text, or an equal one
	return &container{Header: h, key: stream.View{Buffer: v.Buffer, From: at, To: at + len(h.Schema)}}
}

// plausible reports whether a block of size bytes can hold count records. A
// single record may be empty, several must have at least one byte each, or a few
// bytes could claim any number of rows.
func (r *reader) plausible(codec string, count, size int64) bool {
	most := size
	if codec != "null" {
		most = r.limit
	}
	return count <= max(most, 1)
}

// blocks reads the records of a container in memory.
func (r *reader) blocks(ctx context.Context, c *container, v stream.View) error {
	data := bytesOf(v)
	for rest := data[c.Size:]; ; {
		b, next, err := ocf.NextBlock(rest, c.Sync)
		if err == io.EOF {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.Count > 0 && !r.skip(b.Count) {
			end := v.To - len(next) - ocf.SyncSize
			stored := stream.View{Buffer: v.Buffer, From: end - len(b.Data), To: end}
			if err := r.block(c, b.Count, stored); err != nil {
				return err
			}
		}
		c.blocks++
		rest = next
	}
}

// skip skips n records and returns true if all of them are before the range.
func (r *reader) skip(n int64) bool {
	if n > r.rng.From-r.next {
		return false
	}
	r.next += n
	return true
}

// block reads the records of one block, given as it is stored in the file.
func (r *reader) block(c *container, count int64, stored stream.View) error {
	if r.next >= r.rng.To {
		return errRangeEnd
	}
	v, err := r.inflate(c.Codec, stored)
	if err != nil {
		if count > max(int64(stored.To-stored.From), 1) {
			return r.damage(c, stored, "claims %d records: %v", count, err)
		}
		return r.rejectAll(c, count, stored, err)
	}
	defer v.Buffer.Release()
	if n := v.To - v.From; count > max(int64(n), 1) {
		return r.damage(c, v, "claims %d records in %d bytes", count, n)
	}
	return r.split(c, count, v)
}

// inflate returns the decompressed records of a block. The caller must release
// the view.
func (r *reader) inflate(codec string, stored stream.View) (stream.View, error) {
	out, err := ocf.Decompress(r.scratch[:0], codec, bytesOf(stored), int(r.limit))
	if err != nil {
		return stream.View{}, err
	}
	if codec == "null" {
		stored.Buffer.Retain()
		return stored, nil
	}
	r.scratch = out
	r.arena.giveBack(stored) // succeeds if the block of a large file was read just now
	v := r.arena.take(len(out))
	copy(bytesOf(v), out)
	return v, nil
}

// split separates the records of a block. The last one is all the remaining
// bytes, which only the decoder checks, as it checks a file of one record. Thus
// blocks of one record need no schema.
func (r *reader) split(c *container, count int64, v stream.View) error {
	data := v.Buffer.Bytes()
	for ; count > 1; count-- {
		schema, err := r.schemas.parse(c.Schema)
		if err != nil {
			return r.rejectAll(c, count, v, err)
		}
		n, err := schema.Skip(data[v.From:v.To:v.To])
		if err != nil {
			return r.rejectAll(c, count, v, err)
		}
		record := stream.View{Buffer: v.Buffer, From: v.From, To: v.From + n}
		if err := r.row(c.key, record, ""); err != nil {
			return err
		}
		v.From += n
	}
	return r.row(c.key, v, "")
}

// rejectAll rejects count records. The first reject holds v, the others are
// empty.
func (r *reader) rejectAll(c *container, count int64, v stream.View, err error) error {
	cause := r.cause("block %d: %v", c.blocks, err)
	key := c.key
	for range count {
		if err := r.row(key, v, cause); err != nil {
			return err
		}
		key, v = stream.View{}, stream.View{Buffer: r.empty}
	}
	return nil
}

// damage rejects the rest of the container as one record.
func (r *reader) damage(c *container, v stream.View, format string, args ...any) error {
	args = append([]any{c.blocks}, args...)
	if err := r.reject(v, "block %d: "+format, args...); err != nil {
		return err
	}
	return errRestLost
}

// schemaCache keeps the last schema. Files of one directory usually share
// theirs, and parsing it takes longer than splitting a file.
type schemaCache struct {
	text   []byte
	schema *avroarrow.Schema
	err    error
}

func (s *schemaCache) parse(text []byte) (*avroarrow.Schema, error) {
	if s.text == nil || !bytes.Equal(s.text, text) {
		s.schema, s.err = avroarrow.Parse(text)
		s.text = append(make([]byte, 0, len(text)+1), text...)
	}
	return s.schema, s.err
}
