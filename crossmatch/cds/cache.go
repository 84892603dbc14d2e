package cds

import (
	"container/list"
	"sync"
	"time"
)

// cache is an LRU cache of results that expire.
type cache struct {
	size int
	age  time.Duration // after which an entry expires

	mu      sync.Mutex
	order   *list.List // of *entry, the most recently used first
	entries map[key]*list.Element
}

type entry struct {
	key    key
	hit    hit
	stored time.Time
}

func newCache(size int, age time.Duration) *cache {
	return &cache{size: size, age: age, order: list.New(), entries: make(map[key]*list.Element)}
}

func (c *cache) get(k key) (hit, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[k]
	if !ok {
		return hit{}, false
	}
	found := e.Value.(*entry)
	if time.Since(found.stored) >= c.age {
		c.remove(e)
		return hit{}, false
	}
	c.order.MoveToFront(e)
	return found.hit, true
}

func (c *cache) put(k key, h hit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[k]; ok {
		c.remove(e)
	}
	for c.order.Len() > 0 && c.order.Len() >= c.size {
		c.remove(c.order.Back())
	}
	if c.size > 0 {
		c.entries[k] = c.order.PushFront(&entry{key: k, hit: h, stored: time.Now()})
	}
}

func (c *cache) remove(e *list.Element) {
	c.order.Remove(e)
	delete(c.entries, e.Value.(*entry).key)
}
