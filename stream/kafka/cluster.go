package kafka

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// cluster holds one connection to each broker, made on first use.
type cluster struct {
	conf  *sarama.Config
	seeds []string

	mu     sync.Mutex
	conns  map[string]*brokerConn // by address
	known  []string               // addresses, from the last metadata
	closed bool
}

// brokerConn is a connection to a broker.
type brokerConn struct {
	*sarama.Broker
	*cancelDialer
}

func newCluster(conf *sarama.Config, seeds []string) *cluster {
	return &cluster{conf: conf, seeds: seeds, conns: map[string]*brokerConn{}}
}

// do calls f with a connection to the broker at addr. If ctx is done, do closes the
// connection, which ends f. After an error that is not a code of Kafka's, the
// connection is not used again.
func (c *cluster) do(ctx context.Context, addr string, f func(*brokerConn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b, err := c.connect(addr)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, b.kill)
	keep := false
	if _, err = b.Connected(); err == nil { // it waits for the connection
		var code sarama.KError
		err = f(b)
		keep = err == nil || errors.As(err, &code)
	}
	if killed := !stop(); killed || !keep {
		c.drop(addr, b)
	}
	switch {
	case err == nil:
		return nil
	case c.isClosed():
		return ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &brokerError{addr, err}
}

// connect returns the connection to addr, which may still be being made.
func (c *cluster) connect(addr string) (*brokerConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if b, ok := c.conns[addr]; ok {
		return b, nil
	}
	conf := *c.conf // each connection has its own dialer
	b := &brokerConn{sarama.NewBroker(addr), newCancelDialer(&conf)}
	conf.Net.Proxy.Enable, conf.Net.Proxy.Dialer = true, b.cancelDialer
	if err := b.Open(&conf); err != nil {
		return nil, &brokerError{addr, err}
	}
	c.conns[addr] = b
	return b, nil
}

// drop closes a connection and removes it.
func (c *cluster) drop(addr string, b *brokerConn) {
	c.mu.Lock()
	if c.conns[addr] == b {
		delete(c.conns, addr)
	}
	c.mu.Unlock()
	b.close()
}

func (b *brokerConn) close() {
	b.kill()
	_ = b.Broker.Close() // the error is that the connection is closed
}

func (c *cluster) close() {
	c.mu.Lock()
	conns := c.conns
	c.conns, c.closed = map[string]*brokerConn{}, true
	c.mu.Unlock()
	for _, b := range conns {
		b.close()
	}
}

func (c *cluster) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// anyBroker calls do with one broker after another until it succeeds. The time left
// is divided between them. The error is that of the last one.
func (c *cluster) anyBroker(ctx context.Context, f func(*brokerConn) error) (err error) {
	addresses := c.addresses()
	for i, addr := range addresses {
		one, cancel := shareDeadline(ctx, len(addresses)-i)
		err = c.do(one, addr, f)
		cancel()
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return err
		}
	}
	return c.explain(err)
}

// shareDeadline returns a context with an n-th of the time left until ctx's
// deadline.
func shareDeadline(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithTimeout(ctx, time.Until(end)/time.Duration(n))
	}
	return context.WithCancel(ctx)
}

func (c *cluster) explain(err error) error { return explain(err, c.seeds, c.conf) }

// addresses returns the brokers of the last metadata, then the seeds, but brokers
// that are connected first.
func (c *cluster) addresses() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var connected, rest []string
	for _, addr := range slices.Concat(c.known, c.seeds) {
		switch {
		case slices.Contains(connected, addr) || slices.Contains(rest, addr):
		case c.conns[addr] != nil:
			connected = append(connected, addr)
		default:
			rest = append(rest, addr)
		}
	}
	return append(connected, rest...)
}
