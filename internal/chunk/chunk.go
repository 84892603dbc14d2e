// Package chunk gathers the messages that a source reads into stream.Chunks,
// with accounts of their offsets.
package chunk

import (
	"context"
	"errors"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

// Default bounds of a chunk.
const (
	DefaultRows  = 64
	DefaultBytes = 4 << 20
)

// Builder builds chunks and passes each to Emit. Where chunks end depends only
// on the messages, never on how they were fetched. A chunk is emitted when the
// next message does not fit, not when it is full, so that the end of a
// partition can still be noted in the account of its last message.
type Builder struct {
	rows, bytes int
	emit        func(stream.Chunk) error

	messages *stream.MessageBuilder
	size     int64 // of the pending messages: the larger of their bytes and weights
	weight   int64
	accounts []stream.Account
	rejects  []stream.Reject
}

// ErrStopped reports that the consumer of an iterator stopped.
var ErrStopped = errors.New("the consumer stopped")

// Yield returns an emit function for a source's Read: it calls yield, and returns
// ErrStopped once yield returns false, or the context's error.
func Yield(ctx context.Context, yield func(stream.Chunk, error) bool) func(stream.Chunk) error {
	return func(c stream.Chunk) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(c, nil) {
			return ErrStopped
		}
		return nil
	}
}

// YieldError returns a function that yields an error after which a source's Read
// continues. It returns ErrStopped once yield returns false.
func YieldError(yield func(stream.Chunk, error) bool) func(error) error {
	return func(err error) error {
		if !yield(stream.Chunk{}, err) {
			return ErrStopped
		}
		return nil
	}
}

// NewBuilder returns a Builder of chunks of at most the given numbers of
// messages and bytes; a single larger message is a chunk by itself. An error
// from emit is returned by the method that called it.
func NewBuilder(mem memory.Allocator, rows, bytes int, emit func(stream.Chunk) error) *Builder {
	return &Builder{rows: rows, bytes: bytes, emit: emit, messages: stream.NewMessageBuilder(mem)}
}

// Add appends a message, after emitting the pending chunk if it is full. size
// is the number of bytes that count against the bound; weight is the memory
// that decoding the message may take; if it is larger than size, it counts
// instead. The caller accounts for the message with Account.
func (b *Builder) Add(m stream.Message, size, weight int64) error {
	size = max(size, weight)
	if n := b.messages.Len(); n > 0 && (n >= b.rows || size > int64(b.bytes)-b.size) {
		if err := b.Flush(); err != nil {
			return err
		}
	}
	b.messages.Append(m)
	b.size += size
	b.weight += weight
	return nil
}

// Reject marks the message added last as a reject.
func (b *Builder) Reject(cause string) {
	b.rejects = append(b.rejects, stream.Reject{Row: b.messages.Len() - 1, Cause: cause, Class: "source"})
}

// Account returns the account to extend with the given offset of range r: the
// last account if it ends there, else a new one. Each range has its own
// accounts, even if it begins where another one of its partition ends.
func (b *Builder) Account(r stream.Range, offset int64) *stream.Account {
	if n := len(b.accounts); n > 0 && offset != r.From {
		if a := &b.accounts[n-1]; a.Partition == r.Partition && a.To == offset && a.Lost == 0 && !a.End {
			return a
		}
	}
	b.accounts = append(b.accounts, stream.Account{
		Range: stream.Range{Partition: r.Partition, From: offset, To: offset},
	})
	return &b.accounts[len(b.accounts)-1]
}

// Lost accounts for the lost offsets of r, separately from others, so that an
// error made from the account names exactly these. end is the account's End.
func (b *Builder) Lost(r stream.Range, end bool) {
	b.accounts = append(b.accounts, stream.Account{Range: r, Lost: r.Len(), End: end})
}

// Flush emits the pending chunk, if there is one.
func (b *Builder) Flush() error {
	if len(b.accounts) == 0 {
		return nil
	}
	chunk := stream.Chunk{Accounts: b.accounts, Rejects: b.rejects, Weight: b.weight}
	if b.messages.Len() > 0 {
		chunk.Messages = b.messages.NewRecord()
		defer chunk.Messages.Release()
	}
	b.accounts, b.rejects, b.size, b.weight = nil, nil, 0, 0
	return b.emit(chunk)
}

// Release frees the pending messages.
func (b *Builder) Release() { b.messages.Release() }
