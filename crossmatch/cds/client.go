package cds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// MaxRadius is the largest radius that the service takes.
const MaxRadius = 180 * crossmatch.Arcsecond

const (
	defaultBatch    = 10_000
	maxBatch        = 500_000 // a position is 60 bytes or so of the 100 MB that the service takes
	defaultCache    = 1 << 16
	defaultCacheAge = 24 * time.Hour
)

// Client matches positions with one table of the service. Fill in Table at
// least; do not change or copy a client that has been used. It may be used
// concurrently.
type Client struct {
	// Table is "simbad", or "vizier:" and the name of a table:
	// "vizier:I/355/gaiadr3".
	Table string
	// Fields are the columns to fetch, and the types to give them. A field
	// without a type is a string. All become nullable.
	Fields []arrow.Field
	// Service says where to ask, and how patiently.
	Service Service
	// Batch is how many positions go into a request at most; 0: 10,000.
	Batch int
	// Cache is how many answers the LRU cache has; 0: 65,536, negative: none.
	Cache int
	// CacheAge is when an answer in it expires; 0: after 24 hours.
	CacheAge time.Duration
	// Fallback answers what the service does not; its columns must be Fields.
	Fallback crossmatch.Matcher
	// Log is told of requests that fail; nil: nobody is.
	Log *slog.Logger
	// Memory is where rows are put; nil: Go's.
	Memory memory.Allocator

	once   sync.Once
	schema *arrow.Schema
	cache  *cache
	log    *slog.Logger
}

var _ crossmatch.Matcher = (*Client)(nil)

// Schema is that of Fields; nil if there are none.
func (c *Client) Schema() *arrow.Schema {
	c.init()
	return c.schema
}

func (c *Client) init() {
	c.once.Do(func() {
		fields := make([]arrow.Field, len(c.Fields))
		for i, f := range c.Fields {
			if f.Type == nil {
				f.Type = arrow.BinaryTypes.String
			}
			f.Nullable = true
			fields[i] = f
		}
		if len(fields) > 0 {
			c.schema = arrow.NewSchema(fields, nil)
		}
		size := c.Cache
		if size == 0 {
			size = defaultCache
		}
		age := c.CacheAge
		if age <= 0 {
			age = defaultCacheAge
		}
		c.cache = newCache(size, age)
		c.log = c.Log
		if c.log == nil {
			c.log = slog.New(slog.DiscardHandler)
		}
	})
}

func (c *Client) fields() []arrow.Field {
	if c.schema == nil {
		return nil
	}
	return c.schema.Fields()
}

func (c *Client) batch() int {
	if c.Batch <= 0 {
		return defaultBatch
	}
	return min(c.Batch, maxBatch)
}

func (c *Client) allocator() memory.Allocator {
	if c.Memory == nil {
		return memory.DefaultAllocator
	}
	return c.Memory
}

// Nearest finds for each position the nearest row within the radius. It blocks
// until the service has answered or has been given up on, which may take
// Service.Tries times Service.Timeout, the pauses between, and the turns of
// others; ctx ends it sooner. What was answered until then is remembered. The
// service does not number its rows: Match.Row is always -1.
func (c *Client) Nearest(ctx context.Context, p crossmatch.Positions, radius crossmatch.Angle) (crossmatch.Answer, error) {
	c.init()
	if err := c.check(p, radius); err != nil {
		return crossmatch.Answer{}, fmt.Errorf("cds: %s: %w", c.Table, err)
	}
	q := newQuestion(p, radius)
	c.recall(q)
	cause := c.ask(ctx, q)
	if err := ctx.Err(); err != nil {
		return crossmatch.Answer{}, fmt.Errorf("cds: %s: %w", c.Table, err)
	}
	if cause != nil {
		cause = fmt.Errorf("cds: %s: %w", c.Table, cause)
	}
	matches, rows := q.answers()
	if cause != nil && c.Fallback != nil {
		return c.fallBack(ctx, p, radius, crossmatch.Answer{Matches: matches, Cause: cause}, rows)
	}
	return crossmatch.Answer{Matches: matches, Rows: c.record(rows), Cause: cause}, nil
}

// check looks for what makes no sense about a call or the client itself.
func (c *Client) check(p crossmatch.Positions, radius crossmatch.Angle) error {
	if err := p.Check(radius); err != nil {
		return err
	}
	switch {
	case c.Table == "":
		return errors.New("no table: set Table, to simbad or vizier:I/355/gaiadr3 say")
	case radius > MaxRadius:
		return fmt.Errorf("a radius of %v\" is beyond the 180\" that the service takes: load the catalogue and match it here", radius.Arcseconds())
	}
	if _, err := c.Service.parse(); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for _, f := range c.fields() {
		if err := checkField(f); err != nil {
			return err
		}
		if seen[f.Name] {
			return fmt.Errorf("column %q is asked for twice", f.Name)
		}
		seen[f.Name] = true
	}
	if c.Fallback != nil {
		return checkFallback(c.schema, c.Fallback.Schema())
	}
	return nil
}
