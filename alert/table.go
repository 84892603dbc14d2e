package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/stream"
)

// The bounds of a table, which hostile schemas could otherwise make unusable: every
// later row has all of its columns. They hold for new columns; a table that has
// more from an earlier release remains usable. All versions of LSST's schema
// together have 653 columns, rows of 2,761 bytes, elements of 802 bytes, and paths
// of 16,530 bytes.
const (
	maxColumns  = 10_000    // leaf columns
	maxNested   = 10_000    // records and lists
	maxRow      = 128 << 10 // bytes of memory for a row, without text and list elements
	maxElements = 8 << 10   // bytes of memory for one element of each list, without text
	maxNames    = 256 << 10 // bytes of the paths of all leaf columns
	// maxAdded bounds the leaf columns that one schema may add to an existing
	// table. A new version of a survey's schema adds some dozens.
	maxAdded = 1000
)

// table is the table of a survey.
type table struct {
	name    string
	survey  Survey
	schemas stream.Schemas
	known   *arrow.Schema // all published schemas merged, or nil
	schema  atomic.Pointer[arrow.Schema]
}

// current returns the table's schema as last seen by this process.
func (t *table) current() *arrow.Schema { return t.schema.Load() }

// admit widens the table for a writer's schema. conflict is the reason why it
// cannot.
func (t *table) admit(ctx context.Context, writer *arrow.Schema) (conflict, err error) {
	mine := withStandard(writer)
	wide, err := t.schemas.Widen(ctx, t.name, func(have *arrow.Schema) (*arrow.Schema, error) {
		merged, err := mine, error(nil)
		if have != nil {
			merged, err = avroarrow.Merge(have, mine)
		}
		if err != nil || merged == have {
			return merged, err
		}
		if err := checkSize(have, merged); err != nil {
			return nil, err
		}
		return t.widenToKnown(merged), nil
	})
	var c *avroarrow.ConflictError
	if errors.As(err, &c) || errors.Is(err, errTooWide) {
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	t.schema.Store(wide)
	return nil, nil
}

var errTooWide = errors.New("alert: schema too wide for its table")

// checkSize returns an error if a table that is widened from have, or nil, exceeds
// its bounds. What already exceeded them may stay. The error names the field that
// adds most.
func checkSize(have, wide *arrow.Schema) error {
	size, added := avroarrow.SizeOf(wide), 0
	var before avroarrow.Size
	if have != nil {
		before = avroarrow.SizeOf(have)
		added = size.Columns - before.Columns
	}
	for _, b := range []struct {
		n, most int
		what    string
		of      func(avroarrow.Size) int
	}{
		{added, maxAdded, "new columns", columnsOf},
		{size.Columns, max(maxColumns, before.Columns), "columns", columnsOf},
		{size.Nested, max(maxNested, before.Nested), "records and lists", func(s avroarrow.Size) int { return s.Nested }},
		{size.Row, max(maxRow, before.Row), "bytes a row", func(s avroarrow.Size) int { return s.Row }},
		{size.Elements, max(maxElements, before.Elements), "bytes for an element of each list", func(s avroarrow.Size) int { return s.Elements }},
		{size.Names, max(maxNames, before.Names), "bytes of column names", func(s avroarrow.Size) int { return s.Names }},
	} {
		if b.n <= b.most {
			continue
		}
		adds := func(f arrow.Field) int {
			n := b.of(avroarrow.SizeOf(arrow.NewSchema([]arrow.Field{f}, nil)))
			if have == nil {
				return n
			}
			before, _ := have.FieldsByName(f.Name)
			return n - b.of(avroarrow.SizeOf(arrow.NewSchema(before, nil)))
		}
		largest := slices.MaxFunc(wide.Fields(), func(x, y arrow.Field) int { return adds(x) - adds(y) })
		return fmt.Errorf("%w: with field %.100q it would have %d %s, at most %d are possible", errTooWide, largest.Name, b.n, b.what, b.most)
	}
	return nil
}

func columnsOf(s avroarrow.Size) int { return s.Columns }

// widenToKnown gives the columns of s types that are wide enough for the published
// schemas, so that they do not change when a packet of those arrives.
func (t *table) widenToKnown(s *arrow.Schema) *arrow.Schema {
	if t.known == nil {
		return s
	}
	wide, err := avroarrow.WidenTypes(s, t.known)
	if err != nil {
		return s // packets take precedence over published schemas
	}
	return wide
}

// standardNames are the names of the standard columns.
var standardNames = func() []string {
	var names []string
	for _, f := range StandardColumns {
		names = append(names, f.Name)
	}
	return names
}()

// packetPath returns the path in the table of a packet's path: a top-level field
// with the name of a standard column has "_" appended.
func packetPath(path string) string {
	name, _, _ := strings.Cut(path, ".")
	if !slices.ContainsFunc(standardNames, func(s string) bool { return strings.EqualFold(s, name) }) {
		return path
	}
	return name + "_" + path[len(name):]
}

// parseSchema parses a writer's schema and finds its survey.
func parseSchema(surveys []Survey, text []byte) (*avroarrow.Schema, Survey, error) {
	s, err := avroarrow.Parse(text, standardNames...)
	if err != nil {
		return nil, Survey{}, err
	}
	survey, ok := Recognise(surveys, func(path string) bool { return s.Has(packetPath(path)) })
	if !ok {
		return nil, Survey{}, fmt.Errorf("unknown survey: no Survey matches record %.100q", s.Name())
	}
	return s, survey, nil
}

// withStandard prepends the standard columns to those of a packet.
func withStandard(packet *arrow.Schema) *arrow.Schema {
	return arrow.NewSchema(slices.Concat(StandardColumns, packet.Fields()), nil)
}

// memorySchemas are the Schemas of a decoder without any.
type memorySchemas struct {
	mu     sync.Mutex
	tables map[string]*arrow.Schema
}

// Widen implements stream.Schemas.
func (m *memorySchemas) Widen(_ context.Context, table string, merge func(*arrow.Schema) (*arrow.Schema, error)) (*arrow.Schema, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wide, err := merge(m.tables[table])
	if err != nil {
		return nil, err
	}
	if m.tables == nil {
		m.tables = map[string]*arrow.Schema{}
	}
	m.tables[table] = wide
	return wide, nil
}
