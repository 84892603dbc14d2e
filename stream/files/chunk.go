package files

import "github.com/skyfinch/skyfinch/stream"

// chunker gathers rows into chunks. A chunk is handed over when the next row
// no longer fits, not when it is full: so the last row of a file is still
// here when the reader finds that the file has ended.
type chunker struct {
	maxRows, maxBytes int
	emit              func(stream.Chunk) error

	messages *stream.MessageBuilder
	bytes    int64 // of the values; keys are shared by many rows. Or their weight
	weight   int64
	accounts []stream.Account
	apart    bool // the next account is another range's than the last
	rejects  []stream.Reject
}

// add appends the message with this number in its partition. Its weight is
// what decoding it may take, or 0. A cause that is not empty makes it a reject.
func (c *chunker) add(partition string, number int64, m stream.Message, weight int64, cause string) error {
	size := max(int64(m.Value.To-m.Value.From), weight)
	if n := c.messages.Len(); n > 0 && (n >= c.maxRows || size > int64(c.maxBytes)-c.bytes) {
		if err := c.flush(); err != nil {
			return err
		}
	}
	if cause != "" {
		c.rejects = append(c.rejects, stream.Reject{Row: c.messages.Len(), Cause: cause})
	}
	c.messages.Append(m)
	c.bytes += size
	c.weight += weight
	a := c.account(partition, number)
	a.To++
	a.Read++
	return nil
}

// lost says that the numbers from from on, up to to, are gone, and that nothing
// follows them in the partition.
func (c *chunker) lost(partition string, from, to int64) {
	c.accounts = append(c.accounts, stream.Account{
		Range: stream.Range{Partition: partition, From: from, To: to}, Lost: to - from, End: true,
	})
}

// end says whether anything follows the number next in the partition.
func (c *chunker) end(partition string, next int64, end bool) {
	c.account(partition, next).End = end
}

// account returns the account that the number belongs to: the last one if it
// is of the same range and reaches up to there, or a new one.
func (c *chunker) account(partition string, number int64) *stream.Account {
	n := len(c.accounts)
	if n == 0 || c.apart || c.accounts[n-1].Partition != partition || c.accounts[n-1].To != number || c.accounts[n-1].End {
		c.accounts = append(c.accounts, stream.Account{
			Range: stream.Range{Partition: partition, From: number, To: number},
		})
		n++
	}
	c.apart = false
	return &c.accounts[n-1]
}

// flush hands over what there is.
func (c *chunker) flush() error {
	if len(c.accounts) == 0 {
		return nil
	}
	chunk := stream.Chunk{Accounts: c.accounts, Rejects: c.rejects, Weight: c.weight}
	if c.messages.Len() > 0 {
		chunk.Messages = c.messages.NewRecord()
		defer chunk.Messages.Release()
	}
	c.accounts, c.rejects, c.bytes, c.weight = nil, nil, 0, 0
	return c.emit(chunk)
}
