package cds

import (
	"container/list"
	"sync"
	"time"
)

// cache is an LRU cache of answers with expiry: it drops what was used longest
// ago when it is full, and what is too old when it is asked for.
type cache struct {
	size int
	age  time.Duration // at which an entry expires

	mu      sync.Mutex
	order   *list.List // of *entry, the most recently used in front
	entries map[key]*list.Element
}

type entry struct {
	key    key
	found  found
	stored time.Time
}

func newCache(size int, age time.Duration) *cache {
	return &cache{size: size, age: age, order: list.New(), entries: make(map[key]*list.Element)}
}

func (c *cache) get(k key) (found, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[k]
	if !ok {
		return found{}, false
	}
	hit := e.Value.(*entry)
	if time.Since(hit.stored) >= c.age {
		c.remove(e)
		return found{}, false
	}
	c.order.MoveToFront(e)
	return hit.found, true
}

func (c *cache) put(k key, f found) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[k]; ok {
		c.remove(e)
	}
	for c.order.Len() > 0 && c.order.Len() >= c.size {
		c.remove(c.order.Back())
	}
	if c.size > 0 {
		c.entries[k] = c.order.PushFront(&entry{key: k, found: f, stored: time.Now()})
	}
}

func (c *cache) remove(e *list.Element) {
	c.order.Remove(e)
	delete(c.entries, e.Value.(*entry).key)
}
