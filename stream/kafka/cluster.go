package kafka

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// cluster is the way to the brokers: a connection for each of them, dialled
// when it is needed.
type cluster struct {
	conf  *sarama.Config
	seeds []string

	mu     sync.Mutex
	peers  map[string]*peer // by address
	known  []string         // the addresses that the cluster gave last
	closed bool
}

// peer is a broker that has been dialled.
type peer struct {
	*sarama.Broker
	*link
}

func newCluster(conf *sarama.Config, seeds []string) *cluster {
	return &cluster{conf: conf, seeds: seeds, peers: map[string]*peer{}}
}

// do has f talk to the broker at addr. When the context ends, so does the
// connection, and with it the call. A connection on which something went wrong
// is not used again.
func (c *cluster) do(ctx context.Context, addr string, f func(*peer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := c.peer(addr)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, p.kill)
	keep := false
	if _, err = p.Connected(); err == nil { // it waits for the dialling
		var code sarama.KError
		err = f(p)
		keep = err == nil || errors.As(err, &code)
	}
	if cut := !stop(); cut || !keep {
		c.drop(addr, p)
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

func (c *cluster) peer(addr string) (*peer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if p, ok := c.peers[addr]; ok {
		return p, nil
	}
	conf := *c.conf // a dialer of its own
	p := &peer{sarama.NewBroker(addr), newLink(&conf)}
	conf.Net.Proxy.Enable, conf.Net.Proxy.Dialer = true, p.link
	if err := p.Open(&conf); err != nil {
		return nil, &brokerError{addr, err}
	}
	c.peers[addr] = p
	return p, nil
}

// drop forgets a connection.
func (c *cluster) drop(addr string, p *peer) {
	c.mu.Lock()
	if c.peers[addr] == p {
		delete(c.peers, addr)
	}
	c.mu.Unlock()
	p.close()
}

func (p *peer) close() {
	p.kill()
	_ = p.Broker.Close() // the connection is broken, which it reports
}

func (c *cluster) close() {
	c.mu.Lock()
	peers := c.peers
	c.peers, c.closed = map[string]*peer{}, true
	c.mu.Unlock()
	for _, p := range peers {
		p.close()
	}
}

func (c *cluster) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// anywhere has f talk to any broker that answers: those that the cluster
// named, then those that the caller named. Each has its share of the time that
// is left. The error is that of the last one.
func (c *cluster) anywhere(ctx context.Context, f func(*peer) error) (err error) {
	addresses := c.addresses()
	for i, addr := range addresses {
		one, cancel := share(ctx, len(addresses)-i)
		err = c.do(one, addr, f)
		cancel()
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return err
		}
	}
	return c.explain(err)
}

// share returns a context for the first of n tries.
func share(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithTimeout(ctx, time.Until(end)/time.Duration(n))
	}
	return context.WithCancel(ctx)
}

func (c *cluster) explain(err error) error { return explain(err, c.seeds, c.conf) }

// addresses puts brokers that are connected before others.
func (c *cluster) addresses() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var connected, rest []string
	for _, addr := range slices.Concat(c.known, c.seeds) {
		switch {
		case slices.Contains(connected, addr) || slices.Contains(rest, addr):
		case c.peers[addr] != nil:
			connected = append(connected, addr)
		default:
			rest = append(rest, addr)
		}
	}
	return append(connected, rest...)
}
