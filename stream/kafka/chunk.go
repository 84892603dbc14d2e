package kafka

import "github.com/skyfinch/skyfinch/stream"

// A chunk has no more messages than this, and no more bytes of keys and values
// unless a single message has more.
const (
	chunkRows  = 64
	chunkBytes = 4 << 20
)

// chunker cuts what is read into chunks. The cuts follow from the messages
// alone, never from what a fetch brought.
type chunker struct {
	emit     func(stream.Chunk) error
	messages *stream.MessageBuilder
	accounts []stream.Account
}

// room hands over what there is if a message of that size has no place left.
func (c *chunker) room(bytes int) error {
	n := c.messages.Len()
	if n < chunkRows && (n == 0 || c.messages.Bytes()+int64(bytes) <= chunkBytes) {
		return nil
	}
	return c.flush()
}

// account returns the account that the offset next belongs to: the last one,
// or a new one.
func (c *chunker) account(partition string, next int64) *stream.Account {
	n := len(c.accounts)
	if n == 0 || c.accounts[n-1].Partition != partition || c.accounts[n-1].Lost > 0 {
		c.accounts = append(c.accounts, stream.Account{
			Range: stream.Range{Partition: partition, From: next, To: next},
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
	chunk := stream.Chunk{Accounts: c.accounts}
	if c.messages.Len() > 0 {
		chunk.Messages = c.messages.NewRecord()
		defer chunk.Messages.Release()
	}
	c.accounts = nil
	return c.emit(chunk)
}

func (c *chunker) close() { c.messages.Release() }
