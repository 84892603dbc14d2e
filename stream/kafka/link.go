package kafka

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// link dials the connection of one broker and keeps hold of it. sarama takes
// no context: what ends a call early is the end of its connection.
type link struct {
	via     dialer
	timeout time.Duration
	bytes   atomic.Int64 // received

	mu   sync.Mutex
	cut  func() // ends the dialling, or the connection
	dead bool
}

type dialer interface {
	Dial(network, addr string) (net.Conn, error)
}

type contextDialer interface {
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

func newLink(conf *sarama.Config) *link {
	l := &link{timeout: conf.Net.DialTimeout}
	if conf.Net.Proxy.Enable && conf.Net.Proxy.Dialer != nil {
		l.via = conf.Net.Proxy.Dialer
	} else {
		l.via = &net.Dialer{KeepAlive: conf.Net.KeepAlive, LocalAddr: conf.Net.LocalAddr}
	}
	return l
}

// Dial connects, for sarama.
func (l *link) Dial(network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	if !l.onCut(cancel) {
		return nil, net.ErrClosed
	}
	conn, err := l.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if !l.onCut(func() { _ = conn.Close() }) {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	return &counted{conn, &l.bytes}, nil
}

func (l *link) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if d, ok := l.via.(contextDialer); ok {
		return d.DialContext(ctx, network, addr)
	}
	return l.via.Dial(network, addr)
}

// onCut says what kill must do now. It returns false if that has been called.
func (l *link) onCut(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = f
	return !l.dead
}

// kill ends the connection, and the dialling, for good.
func (l *link) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	if l.cut != nil {
		l.cut()
	}
}

// counted counts what a connection receives: sarama does not tell how long a
// response was.
type counted struct {
	net.Conn
	bytes *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}
