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

// maxColumns bounds the leaf columns of a table, which hostile schemas could
// otherwise make unusable.
const maxColumns = 10_000

// maxAdded bounds the leaf columns that one schema may add to an existing table. A
// new version of a survey's schema adds some dozens; one with thousands is hostile,
// and would make every later row more expensive.
const maxAdded = 1000

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
		if have == nil {
			return t.widenToKnown(mine), nil
		}
		merged, err := avroarrow.Merge(have, mine)
		if err != nil || merged == have {
			return merged, err
		}
		n := leafColumns(merged.Fields())
		if added := n - leafColumns(have.Fields()); n > maxColumns || added > maxAdded {
			return nil, fmt.Errorf("%w: it would add %d columns and have %d", errTooWide, added, n)
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

// leafColumns returns the number of leaf columns.
func leafColumns(fields []arrow.Field) int {
	n := 0
	for _, f := range fields {
		if t, ok := f.Type.(arrow.NestedType); ok {
			n += leafColumns(t.Fields())
		} else {
			n++
		}
	}
	return n
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
