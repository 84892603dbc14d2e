package cds

import (
	"container/list"
	"sync"
	"time"
)

// cache remembers answers, of which it forgets those used longest ago.
type cache struct {
	size int
	age  time.Duration

	mu    sync.Mutex
	order *list.List // of *memo, the one used last in front
	at    map[key]*list.Element
}

type memo struct {
	key   key
	found found
	since time.Time
}

func newCache(size int, age time.Duration) *cache {
	return &cache{size: size, age: age, order: list.New(), at: make(map[key]*list.Element)}
}

func (c *cache) get(k key) (found, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.at[k]
	if !ok {
		return found{}, false
	}
	m := e.Value.(*memo)
	if time.Since(m.since) >= c.age {
		c.forget(e)
		return found{}, false
	}
	c.order.MoveToFront(e)
	return m.found, true
}

func (c *cache) put(k key, f found) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.at[k]; ok {
		c.forget(e)
	}
	for c.order.Len() > 0 && c.order.Len() >= c.size {
		c.forget(c.order.Back())
	}
	if c.size > 0 {
		c.at[k] = c.order.PushFront(&memo{key: k, found: f, since: time.Now()})
	}
}

func (c *cache) forget(e *list.Element) {
	c.order.Remove(e)
	delete(c.at, e.Value.(*memo).key)
}
