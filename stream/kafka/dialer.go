package kafka

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// cancelDialer dials the connection to one broker and can close it at any time.
// sarama's calls take no context: closing the connection is the only way to end
// one early.
type cancelDialer struct {
	base     dialer
	timeout  time.Duration
	received atomic.Int64 // bytes

	mu     sync.Mutex
	cancel func() // cancels the dialling, or closes the connection
	killed bool
}

type dialer interface {
	Dial(network, addr string) (net.Conn, error)
}

type contextDialer interface {
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

func newCancelDialer(conf *sarama.Config) *cancelDialer {
	d := &cancelDialer{timeout: conf.Net.DialTimeout}
	if conf.Net.Proxy.Enable && conf.Net.Proxy.Dialer != nil {
		d.base = conf.Net.Proxy.Dialer
	} else {
		d.base = &net.Dialer{KeepAlive: conf.Net.KeepAlive, LocalAddr: conf.Net.LocalAddr}
	}
	return d
}

// Dial is called by sarama.
func (d *cancelDialer) Dial(network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d.timeout)
	defer cancel()
	if !d.onKill(cancel) {
		return nil, net.ErrClosed
	}
	conn, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if !d.onKill(func() { _ = conn.Close() }) {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	return &countingConn{conn, &d.received}, nil
}

func (d *cancelDialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if base, ok := d.base.(contextDialer); ok {
		return base.DialContext(ctx, network, addr)
	}
	return d.base.Dial(network, addr)
}

// onKill sets what kill calls. It returns false if kill has been called.
func (d *cancelDialer) onKill(cancel func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cancel = cancel
	return !d.killed
}

// kill closes the connection, or cancels the dialling, for good.
func (d *cancelDialer) kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.killed = true
	if d.cancel != nil {
		d.cancel()
	}
}

// countingConn counts the bytes received: sarama does not report the size of a
// response.
type countingConn struct {
	net.Conn
	bytes *atomic.Int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}
