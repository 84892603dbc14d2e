package cds

import (
	"cmp"
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

// MaxRadius is the largest radius that the service accepts.
const MaxRadius = 180 * crossmatch.Arcsecond

const (
	defaultBatch    = 10_000
	maxBatch        = 500_000 // at about 60 bytes a position, of the 100 MB that the service accepts
	defaultCache    = 1 << 16
	defaultCacheAge = 24 * time.Hour
)

// Client matches positions with one table of the service. Table is required. A
// Client must not be changed or copied after its first use. It may be used
// concurrently.
type Client struct {
	// Table is "simbad", or "vizier:" and a table's name: "vizier:I/355/gaiadr3".
	Table string
	// Fields are the columns to fetch, with the types that they should have. If a
	// field's type is nil, it is a string. All are made nullable.
	Fields []arrow.Field
	// Service configures requests.
	Service Service
	// Batch is the maximum number of positions in a request. If zero, 10,000.
	Batch int
	// Cache is the maximum number of results in the LRU cache. If zero, 65,536; if
	// negative, results are not cached.
	Cache int
	// CacheAge is how long a result stays in the cache. If zero, 24 hours.
	CacheAge time.Duration
	// Fallback, if set, is asked about the positions that the service failed to
	// answer. Its columns must be Fields.
	Fallback crossmatch.Matcher
	// Log receives failed requests. If nil, they are not logged.
	Log *slog.Logger
	// Memory allocates rows. If nil, memory.DefaultAllocator.
	Memory memory.Allocator

	once   sync.Once
	schema *arrow.Schema // nil if there are no fields
	cache  *cache
	log    *slog.Logger
}

var _ crossmatch.Matcher = (*Client)(nil)

// Schema implements crossmatch.Matcher. The schema has the columns of Fields;
// if there are none, it is nil.
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
		c.cache = newCache(cmp.Or(c.Cache, defaultCache), positive(c.CacheAge, defaultCacheAge))
		c.log = c.Log
		if c.log == nil {
			c.log = slog.New(slog.DiscardHandler)
		}
	})
}

func (c *Client) fields() []arrow.Field { return fieldsOf(c.schema) }

func fieldsOf(s *arrow.Schema) []arrow.Field {
	if s == nil {
		return nil
	}
	return s.Fields()
}

func (c *Client) batch() int { return min(positive(c.Batch, defaultBatch), maxBatch) }

func (c *Client) allocator() memory.Allocator {
	if c.Memory == nil {
		return memory.DefaultAllocator
	}
	return c.Memory
}

// Nearest implements crossmatch.Matcher. It waits for other calls to finish,
// then blocks until the service has answered or all attempts have failed, for
// up to Service.Tries times Service.Timeout plus the pauses between attempts.
// If ctx is done first, the results so far are in the cache. Match.Row is
// always -1: the service does not number its rows.
func (c *Client) Nearest(ctx context.Context, p crossmatch.Positions, radius crossmatch.Angle) (crossmatch.Answer, error) {
	c.init()
	if err := c.check(p, radius); err != nil {
		return crossmatch.Answer{}, fmt.Errorf("cds: %s: %w", c.Table, err)
	}
	l := newLookups(p, radius)
	c.recall(l)
	cause := c.fetch(ctx, l)
	if err := ctx.Err(); err != nil {
		return crossmatch.Answer{}, fmt.Errorf("cds: %s: %w", c.Table, err)
	}
	if cause != nil {
		cause = fmt.Errorf("cds: %s: %w", c.Table, cause)
	}
	matches, rows := l.results()
	if cause != nil && c.Fallback != nil {
		return c.fallBack(ctx, p, radius, crossmatch.Answer{Matches: matches, Cause: cause}, rows)
	}
	return crossmatch.Answer{Matches: matches, Rows: c.record(rows), Cause: cause}, nil
}

// check returns an error if the arguments or the client are invalid.
func (c *Client) check(p crossmatch.Positions, radius crossmatch.Angle) error {
	if err := p.Check(radius); err != nil {
		return err
	}
	switch {
	case c.Table == "":
		return errors.New("no table: set Table, for example to simbad or vizier:I/355/gaiadr3")
	case radius > MaxRadius:
		return fmt.Errorf("a radius of %v\" is beyond the 180\" that the service accepts: load the catalogue and match it locally", radius.Arcseconds())
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
			return fmt.Errorf("column %q is requested twice", f.Name)
		}
		seen[f.Name] = true
	}
	if c.Fallback != nil {
		return checkFallback(c.schema, c.Fallback.Schema())
	}
	return nil
}
