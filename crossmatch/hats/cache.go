package hats

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// cache keeps partitions in memory, within a limit. They are pinned while they
// are searched, which never waits, so that whoever waits for room gets it.
type cache struct {
	limit int64
	// loading is held by who loads a partition: one at a time, so that several
	// cannot each have the half of what they need.
	loading chan struct{}
	freed   chan struct{} // says that a pin was pulled

	mu     sync.Mutex
	used   int64 // bytes, of what is being loaded too
	clock  int64
	loaded map[int]*entry
	closed bool
}

// entry is a loaded partition.
type entry struct {
	*content
	partition int
	pins      int
	last      int64 // time of use
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, loading: make(chan struct{}, 1), freed: make(chan struct{}, 1), loaded: map[int]*entry{}}
}

// room makes room for some bytes more, or says why there is none.
type room func(bytes int64) error

// get returns a partition, loaded if it was not there. Unpin it.
func (c *cache) get(ctx context.Context, partition int, load func(room) (*content, error)) (*entry, error) {
	if e := c.pin(partition); e != nil {
		return e, nil
	}
	select {
	case c.loading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.loading }()
	if e := c.pin(partition); e != nil { // someone else loaded it
		return e, nil
	}
	return c.put(ctx, partition, load)
}

// put loads a partition, pinned. What it takes for that is given back also where
// load panics, which may be survived.
func (c *cache) put(ctx context.Context, partition int, load func(room) (*content, error)) (e *entry, err error) {
	taken := int64(0)
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.used -= taken
		if e != nil {
			c.used += e.bytes
			e.last = c.tick()
			c.loaded[partition] = e
		}
	}()
	content, err := load(func(n int64) error {
		err := c.take(ctx, n, taken)
		if err == nil {
			taken += n
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &entry{content: content, partition: partition, pins: 1}, nil
}

// tick returns the time, by which uses are in order.
func (c *cache) tick() int64 {
	c.clock++
	return c.clock
}

func (c *cache) has(partition int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loaded[partition] != nil
}

func (c *cache) pin(partition int) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.loaded[partition]
	if e != nil {
		e.pins++
		e.last = c.tick()
	}
	return e
}

func (c *cache) unpin(e *entry) {
	c.mu.Lock()
	e.pins--
	if c.closed && e.pins == 0 {
		c.drop(e.partition)
	}
	c.mu.Unlock()
	select {
	case c.freed <- struct{}{}:
	default:
	}
}

var errNoRoom = errors.New("the partition has no room")

// take waits until there are so many bytes left for the partition that is being
// loaded, and has some already.
func (c *cache) take(ctx context.Context, bytes, has int64) error {
	if has+bytes > c.limit {
		return fmt.Errorf("%w: it takes more than the %d bytes of Options.CacheBytes: give more, or name fewer Columns", errNoRoom, c.limit)
	}
	for {
		if c.tryTake(bytes) {
			return nil
		}
		select {
		case <-c.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryTake drops what was not used for the longest until there is room.
func (c *cache) tryTake(bytes int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.used+bytes > c.limit {
		oldest := -1
		for i, e := range c.loaded {
			if e.pins == 0 && (oldest < 0 || e.last < c.loaded[oldest].last) {
				oldest = i
			}
		}
		if oldest < 0 {
			return false
		}
		c.drop(oldest)
	}
	c.used += bytes
	return true
}

// drop closes a partition, which nobody searches.
func (c *cache) drop(partition int) {
	e := c.loaded[partition]
	c.used -= e.bytes
	delete(c.loaded, partition)
	e.close()
}

// close drops all partitions: those that are searched when that is done.
func (c *cache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for i, e := range c.loaded {
		if e.pins == 0 {
			c.drop(i)
		}
	}
}

// isOpen returns an error once the cache was closed.
func (c *cache) isOpen() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("catalogue: %w", fs.ErrClosed)
	}
	return nil
}
