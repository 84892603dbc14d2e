package hats

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// maxLoads bounds the partitions that load side by side.
const maxLoads = 4

// cache keeps loaded partitions, up to limit bytes. A partition is pinned while
// it is searched; searches never wait, so a load that waits for memory gets it.
//
// If several loads waited at once, each could hold what another needs. So only
// the patient one waits. The others fail with errBusy when memory is short, and
// start again as the patient one.
type cache struct {
	limit   int64
	patient chan struct{} // held by the load that may wait for memory
	extra   chan struct{} // has room for each of the other loads
	freed   chan struct{} // signals that memory may have become free

	mu      sync.Mutex
	used    int64 // bytes, including those reserved by loads
	largest int64 // bytes that the largest load reserved
	clock   int64 // counts uses
	loaded  map[int]*entry
	loading map[int]chan struct{} // closed when the load has ended
	closed  bool
}

// entry is a loaded partition.
type entry struct {
	*content
	partition int
	pins      int
	lastUse   int64 // by cache.clock
}

// reserve reserves memory for a load, in addition to what it has reserved
// already.
type reserve func(bytes int64) error

type loadFunc func(reserve) (*content, error)

func newCache(limit int64) *cache {
	return &cache{
		limit: limit, patient: make(chan struct{}, 1), extra: make(chan struct{}, maxLoads-1), freed: make(chan struct{}, 1),
		loaded: map[int]*entry{}, loading: map[int]chan struct{}{},
	}
}

// get returns a partition, which it loads if necessary. The caller must unpin it.
func (c *cache) get(ctx context.Context, partition int, load loadFunc) (*entry, error) {
	for {
		e, loading := c.pinOrClaim(partition)
		if e != nil {
			return e, nil
		}
		if loading == nil {
			defer c.unclaim(partition)
			return c.load(ctx, partition, load)
		}
		select {
		case <-loading:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// pinOrClaim pins a partition if it is loaded. Otherwise it returns the channel
// of the load in progress or, if there is none, claims the load for the caller
// and returns nil.
func (c *cache) pinOrClaim(partition int) (*entry, chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.loaded[partition]; e != nil {
		e.pins++
		e.lastUse = c.tick()
		return e, nil
	}
	loading := c.loading[partition]
	if loading == nil {
		c.loading[partition] = make(chan struct{})
	}
	return nil, loading
}

func (c *cache) unclaim(partition int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.loading[partition])
	delete(c.loading, partition)
}

// errBusy reports that memory is short while another load may wait for it.
var errBusy = errors.New("no memory is free")

// load loads a partition, side by side with others if memory allows.
func (c *cache) load(ctx context.Context, partition int, load loadFunc) (*entry, error) {
	select {
	case c.patient <- struct{}{}:
		return c.loadPatiently(ctx, partition, load)
	default:
	}
	extra := c.extra
	if !c.hasSpare() {
		extra = nil
	}
	for {
		select {
		case c.patient <- struct{}{}:
			return c.loadPatiently(ctx, partition, load)
		case extra <- struct{}{}:
			e, err := c.loadIfFree(partition, load)
			if !errors.Is(err, errBusy) {
				return e, err
			}
			extra = nil // never ready
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *cache) loadPatiently(ctx context.Context, partition int, load loadFunc) (*entry, error) {
	defer func() { <-c.patient }()
	return c.put(partition, 1, load, func(bytes, reserved int64) error { return c.wait(ctx, bytes, reserved) })
}

// loadIfFree reserves twice what it loads, for the copies made meanwhile: those of
// the patient load alone are beyond the limit.
func (c *cache) loadIfFree(partition int, load loadFunc) (*entry, error) {
	defer func() { <-c.extra }()
	return c.put(partition, 2, load, func(bytes, _ int64) error {
		if !c.tryReserve(bytes) {
			return errBusy
		}
		return nil
	})
}

// put loads a partition and pins it. It gives reserved memory back even if load
// panics, since the caller may recover.
func (c *cache) put(partition int, factor int64, load loadFunc, more func(bytes, reserved int64) error) (e *entry, err error) {
	reserved := int64(0)
	defer func() {
		c.mu.Lock()
		c.used -= reserved
		c.largest = max(c.largest, reserved/factor)
		if e != nil {
			c.used += e.bytes
			e.lastUse = c.tick()
			c.loaded[partition] = e
		}
		c.mu.Unlock()
		c.signal()
	}()
	content, err := load(func(n int64) error {
		err := more(factor*n, reserved)
		if err == nil {
			reserved += factor * n
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &entry{content: content, partition: partition, pins: 1}, nil
}

// tick counts a use. The caller holds mu.
func (c *cache) tick() int64 {
	c.clock++
	return c.clock
}

func (c *cache) has(partition int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loaded[partition] != nil
}

func (c *cache) unpin(e *entry) {
	c.mu.Lock()
	e.pins--
	if c.closed && e.pins == 0 {
		c.drop(e.partition)
	}
	c.mu.Unlock()
	c.signal()
}

func (c *cache) signal() {
	select {
	case c.freed <- struct{}{}:
	default:
	}
}

var errTooLarge = errors.New("the partition does not fit into the cache")

// wait reserves bytes for the patient load, which has reserved some already. It
// waits until they are free.
func (c *cache) wait(ctx context.Context, bytes, reserved int64) error {
	if reserved+bytes > c.limit {
		return fmt.Errorf("%w: it takes more than the %d bytes of Options.CacheBytes: allow more, or name fewer Columns", errTooLarge, c.limit)
	}
	for {
		if c.tryReserve(bytes) {
			return nil
		}
		select {
		case <-c.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryReserve reserves bytes if they are free, and drops the least recently used
// partitions for them.
func (c *cache) tryReserve(bytes int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes > c.free() {
		return false
	}
	for c.used+bytes > c.limit {
		oldest := -1
		for i, e := range c.loaded {
			if e.pins == 0 && (oldest < 0 || e.lastUse < c.loaded[oldest].lastUse) {
				oldest = i
			}
		}
		c.drop(oldest)
	}
	c.used += bytes
	return true
}

// hasSpare reports whether another load, as large as the largest so far, is
// likely to find enough memory.
func (c *cache) hasSpare() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return 2*c.largest <= c.free()
}

// free returns how many bytes are free once all partitions that are not pinned
// are dropped. The caller holds mu.
func (c *cache) free() int64 {
	n := c.limit - c.used
	for _, e := range c.loaded {
		if e.pins == 0 {
			n += e.bytes
		}
	}
	return n
}

// drop closes a partition that is not pinned. The caller holds mu.
func (c *cache) drop(partition int) {
	e := c.loaded[partition]
	c.used -= e.bytes
	delete(c.loaded, partition)
	e.close()
}

// close drops all partitions, and the pinned ones when they are unpinned.
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

// checkOpen returns an error after close.
func (c *cache) checkOpen() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("catalogue: %w", fs.ErrClosed)
	}
	return nil
}
