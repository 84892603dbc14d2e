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

// maxColumns bounds the leaf columns of a table: hostile schemas must not
// widen it beyond use.
const maxColumns = 10_000

// maxAdded bounds what one schema may add to a table that there is. The next
// version of a survey's schema adds some dozens; what adds thousands is no
// packet of the survey, and each row to come would pay for it.
const maxAdded = 1000

// table is the table of a survey.
type table struct {
	name    string
	survey  Survey
	schemas stream.Schemas
	known   *arrow.Schema // all published schemas merged, or nil
	schema  atomic.Pointer[arrow.Schema]
}

// current is the table's schema as far as this process has widened it.
func (t *table) current() *arrow.Schema { return t.schema.Load() }

// admit widens the table for a writer's schema. conflict says that the two
// cannot share a table.
func (t *table) admit(ctx context.Context, writer *arrow.Schema) (conflict, err error) {
	mine := withStandard(writer)
	wide, err := t.schemas.Widen(ctx, t.name, func(have *arrow.Schema) (*arrow.Schema, error) {
		if have == nil {
			return t.foresee(mine), nil
		}
		merged, err := avroarrow.Merge(have, mine)
		if err != nil || merged == have {
			return merged, err
		}
		n := leaves(merged.Fields())
		if added := n - leaves(have.Fields()); n > maxColumns || added > maxAdded {
			return nil, fmt.Errorf("%w: it would add %d columns and have %d", errTooWide, added, n)
		}
		return t.foresee(merged), nil
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

// foresee gives the columns of s the types that the published schemas will
// ask for, so that a column does not change its type when the next of them
// comes.
func (t *table) foresee(s *arrow.Schema) *arrow.Schema {
	if t.known == nil {
		return s
	}
	wide, err := avroarrow.Merge(s, t.known)
	if err != nil || wide == s {
		return s // what comes counts, not what was foreseen
	}
	return arrow.NewSchema(only(wide.Fields(), s.Fields()), nil)
}

// only returns those of the wide fields that are among the others, nested
// ones too. The wide ones begin with the others, in their order.
func only(wide, others []arrow.Field) []arrow.Field {
	out := make([]arrow.Field, len(others))
	for i, f := range others {
		f.Type = onlyType(wide[i].Type, f.Type)
		out[i] = f
	}
	return out
}

func onlyType(wide, other arrow.DataType) arrow.DataType {
	switch w := wide.(type) {
	case *arrow.StructType:
		if o, ok := other.(*arrow.StructType); ok {
			return arrow.StructOf(only(w.Fields(), o.Fields())...)
		}
	case *arrow.ListType:
		if o, ok := other.(*arrow.ListType); ok {
			f := w.ElemField()
			f.Type = onlyType(f.Type, o.Elem())
			return arrow.ListOfField(f)
		}
	case *arrow.MapType:
		if o, ok := other.(*arrow.MapType); ok {
			return arrow.MapOf(w.KeyType(), onlyType(w.ItemType(), o.ItemType()))
		}
	}
	return wide
}

// known merges the schemas that a survey has published: those in its Survey,
// and those that a registry with a list of its ids has. One that does not
// merge with the others is left out.
func (w *writers) known(ctx context.Context, survey string) (*arrow.Schema, error) {
	var texts [][]byte
	for _, s := range w.d.Surveys {
		if s.Name == survey {
			texts = append(texts, s.Known...)
		}
	}
	more, err := listed(ctx, w.d.Registry)
	if err != nil {
		return nil, err
	}
	var all *arrow.Schema
	for _, text := range append(texts, more...) {
		parsed, err := avroarrow.Parse(text, standardNames...)
		if err != nil {
			continue
		}
		if s, err := recognise(w.d.Surveys, parsed); err != nil || s.Name != survey {
			continue
		}
		mine := withStandard(parsed.Arrow())
		if all == nil {
			all = mine
		} else if merged, err := avroarrow.Merge(all, mine); err == nil {
			all = merged
		}
	}
	return all, nil
}

// listed returns all schemas of a registry that can list them.
func listed(ctx context.Context, r Registry) ([][]byte, error) {
	l, ok := r.(Lister)
	if !ok {
		return nil, nil
	}
	ids, err := l.IDs(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var texts [][]byte
	for _, id := range ids {
		text, err := r.Schema(ctx, id)
		if errors.Is(err, ErrUnknownSchema) {
			continue
		}
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// standardNames are the names that a packet's fields cannot have.
var standardNames = func() []string {
	var names []string
	for _, f := range StandardColumns {
		names = append(names, f.Name)
	}
	return names
}()

// packetPath is where a table has what a packet has at a path: a field at the
// top with the name of a standard column has "_" appended.
func packetPath(path string) string {
	name, rest, nested := strings.Cut(path, ".")
	if !slices.ContainsFunc(standardNames, func(s string) bool { return strings.EqualFold(s, name) }) {
		return path
	}
	if nested {
		return name + "_." + rest
	}
	return name + "_"
}

// recognise returns the survey of a schema's packets.
func recognise(surveys []Survey, s *avroarrow.Schema) (Survey, error) {
	survey, ok := Recognise(surveys, hasPath(s.Arrow()))
	if !ok {
		return Survey{}, fmt.Errorf("unknown survey: no Survey matches record %.100q", s.Name())
	}
	return survey, nil
}

// hasPath tells whether a schema has a field.
func hasPath(s *arrow.Schema) func(string) bool {
	return func(path string) bool {
		fields := s.Fields()
		for name := range strings.SplitSeq(packetPath(path), ".") {
			i := slices.IndexFunc(fields, func(f arrow.Field) bool { return f.Name == name })
			if i < 0 {
				return false
			}
			st, _ := fields[i].Type.(*arrow.StructType)
			fields = nil
			if st != nil {
				fields = st.Fields()
			}
		}
		return true
	}
}

// withStandard puts the standard columns before those of a packet.
func withStandard(packet *arrow.Schema) *arrow.Schema {
	return arrow.NewSchema(slices.Concat(StandardColumns, packet.Fields()), nil)
}

// leaves counts the leaf columns.
func leaves(fields []arrow.Field) int {
	n := 0
	for _, f := range fields {
		if t, ok := f.Type.(arrow.NestedType); ok {
			n += leaves(t.Fields())
		} else {
			n++
		}
	}
	return n
}

// memorySchemas keeps schemas for a decoder that was given no ledger.
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
