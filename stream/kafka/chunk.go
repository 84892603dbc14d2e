package kafka

import (
	"github.com/skyfinch/skyfinch/internal/ocf"
	"github.com/skyfinch/skyfinch/stream"
)

// A chunk has no more messages than this, and no more bytes of keys and values
// unless a single message has more. A compressed container counts for what it
// may be inflated to.
const (
	chunkRows  = 64
	chunkBytes = 4 << 20
	mostWeight = 64 << 20 // of a message: nobody inflates more
)

// chunker cuts what is read into chunks. The cuts follow from the messages
// alone, never from what a fetch brought.
type chunker struct {
	emit     func(stream.Chunk) error
	messages *stream.MessageBuilder
	accounts []stream.Account
	bytes    int64 // of keys and values, or their weight
	weight   int64
}

// add takes a message, once what there is has been handed over if there is no
// room left for it.
func (c *chunker) add(m stream.Message, value []byte) error {
	weight := ocf.WeightOf(value, mostWeight)
	size := max(int64(m.Key.To-m.Key.From+m.Value.To-m.Value.From), weight)
	if n := c.messages.Len(); n >= chunkRows || n > 0 && c.bytes+size > chunkBytes {
		if err := c.flush(); err != nil {
			return err
		}
	}
	c.messages.Append(m)
	c.bytes, c.weight = c.bytes+size, c.weight+weight
	return nil
}

// account returns the account that the offset next of a range belongs to: the
// last one, or a new one. Ranges have accounts of their own, also where one
// begins at the end of another.
func (c *chunker) account(r stream.Range, next int64) *stream.Account {
	n := len(c.accounts)
	if n == 0 || c.accounts[n-1].Partition != r.Partition || c.accounts[n-1].Lost > 0 || next == r.From {
		c.accounts = append(c.accounts, stream.Account{
			Range: stream.Range{Partition: r.Partition, From: next, To: next},
		})
		n++
	}
	return &c.accounts[n-1]
}

// lost says that a run of offsets is gone. Its account is its own, so that an
// error that is made of it names these offsets.
func (c *chunker) lost(r stream.Range) {
	c.accounts = append(c.accounts, stream.Account{Range: r, Lost: r.Len()})
}

// end says that nothing follows in a partition, of which nothing is left.
func (c *chunker) end(partition string, at int64) {
	c.accounts = append(c.accounts, stream.Account{
		Range: stream.Range{Partition: partition, From: at, To: at}, End: true,
	})
}

// flush hands over what there is.
func (c *chunker) flush() error {
	if len(c.accounts) == 0 {
		return nil
	}
	chunk := stream.Chunk{Accounts: c.accounts, Weight: c.weight}
	if c.messages.Len() > 0 {
		chunk.Messages = c.messages.NewRecord()
		defer chunk.Messages.Release()
	}
	c.accounts, c.bytes, c.weight = nil, 0, 0
	return c.emit(chunk)
}

func (c *chunker) close() { c.messages.Release() }
