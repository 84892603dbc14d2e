package avroarrow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/hamba/avro/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repaired is a schema as another decoder accepts it: without defaults, doubled
// names and logical types. It shares nothing with Parse.
func repaired(tb testing.TB, text []byte) avro.Schema {
	tb.Helper()
	var tree any
	require.NoError(tb, json.Unmarshal(text, &tree))
	repairTree(tree)
	plain, err := json.Marshal(tree)
	require.NoError(tb, err)
	s, err := avro.ParseWithCache(string(plain), "", &avro.SchemaCache{})
	require.NoError(tb, err)
	return s
}

func repairTree(v any) {
	switch v := v.(type) {
	case []any:
		seen := map[string]bool{}
		for _, e := range v {
			repairTree(e)
			if m, ok := e.(map[string]any); ok && m["name"] != nil && m["symbols"] == nil {
				name := m["name"].(string)
				for seen[strings.ToLower(name)] {
					name += "_"
				}
				seen[strings.ToLower(name)] = true
				m["name"] = name
			}
		}
	case map[string]any:
		for _, key := range []string{"default", "doc", "logicalType"} {
			delete(v, key)
		}
		for _, key := range []string{"type", "fields", "items", "values"} {
			repairTree(v[key])
		}
	}
}

// checker compares a generic value with a row of an Arrow array.
type checker struct {
	t      testing.TB
	values int // leaves that were compared and are not null
}

func (c *checker) record(s *avro.RecordSchema, v any, fields map[string]arrow.Array, i int, path string) {
	m := v.(map[string]any)
	require.Len(c.t, fields, len(s.Fields()), path)
	for _, f := range s.Fields() {
		sub := path + "." + f.Name()
		require.Contains(c.t, fields, f.Name(), sub)
		c.value(f.Type(), m[f.Name()], fields[f.Name()], i, sub)
	}
}

func (c *checker) value(s avro.Schema, v any, a arrow.Array, i int, path string) {
	if ref, ok := s.(*avro.RefSchema); ok {
		s = ref.Schema()
	}
	if u, ok := s.(*avro.UnionSchema); ok {
		s, v = branch(u, v)
	}
	if v == nil {
		assert.True(c.t, a.IsNull(i), "%s: want null", path)
		return
	}
	if !assert.True(c.t, a.IsValid(i), "%s: want %v, found null", path, v) {
		return
	}
	c.values++
	switch s := s.(type) {
	case *avro.RecordSchema:
		c.record(s, v, structFields(a), i, path)
	case *avro.ArraySchema:
		l := a.(*array.List)
		from, to := l.ValueOffsets(i)
		items := v.([]any)
		require.Equal(c.t, len(items), int(to-from), path)
		for k, item := range items {
			c.value(s.Items(), item, l.ListValues(), int(from)+k, fmt.Sprintf("%s[%d]", path, k))
		}
	case *avro.MapSchema:
		m := a.(*array.Map)
		from, to := m.ValueOffsets(i)
		require.Len(c.t, v, int(to-from), path)
		for k := int(from); k < int(to); k++ {
			key := m.Keys().(*array.String).Value(k)
			c.value(s.Values(), v.(map[string]any)[key], m.Items(), k, path+"["+key+"]")
		}
	default:
		assert.Equal(c.t, fmt.Sprint(exact(v)), fmt.Sprint(exact(leaf(c.t, a, i))), path)
	}
}

// branch returns the type and value of a union, which the other decoder may
// wrap into a map with the type's name.
func branch(u *avro.UnionSchema, v any) (avro.Schema, any) {
	if v == nil {
		return nil, nil
	}
	for _, s := range u.Types() {
		if s.Type() == avro.Null {
			continue
		}
		name := string(s.Type())
		if ref, ok := s.(*avro.RefSchema); ok {
			s = ref.Schema()
		}
		if n, ok := s.(avro.NamedSchema); ok {
			name = n.FullName()
		}
		if m, ok := v.(map[string]any); ok && len(m) == 1 {
			if inner, ok := m[name]; ok {
				return s, inner
			}
			continue
		}
		return s, v
	}
	return nil, v
}

func structFields(a arrow.Array) map[string]arrow.Array {
	out := map[string]arrow.Array{}
	s := a.(*array.Struct)
	for k, f := range s.DataType().(*arrow.StructType).Fields() {
		out[f.Name] = s.Field(k)
	}
	return out
}

// exact makes floats comparable bit by bit, and numbers of one width alike.
func exact(v any) any {
	switch v := v.(type) {
	case float32:
		return fmt.Sprintf("f%x", math.Float32bits(v))
	case float64:
		return fmt.Sprintf("d%x", math.Float64bits(v))
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case []byte:
		return fmt.Sprintf("%x", v)
	}
	return v
}

func leaf(t testing.TB, a arrow.Array, i int) any {
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int32:
		return a.Value(i)
	case *array.Int64:
		return a.Value(i)
	case *array.Float32:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.Timestamp:
		return int64(a.Value(i))
	case *array.String:
		return a.Value(i)
	case *array.BinaryView:
		return a.Value(i)
	}
	require.Fail(t, "no such leaf", "%T", a)
	return nil
}

func topFields(r arrow.Record) map[string]arrow.Array {
	out := map[string]arrow.Array{}
	for k, f := range r.Schema().Fields() {
		out[f.Name] = r.Column(k)
	}
	return out
}

// TestRealAlerts compares every field of every real alert with what another
// decoder makes of it.
func TestRealAlerts(t *testing.T) {
	for _, dir := range []string{"ztf-3.1", "ztf-3.3", "ztf-4.02", "ztf-spark", "lsst-7.4", "lsst-9.0", "lsst-wire", "other"} {
		t.Run(dir, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			c := &checker{t: t}
			all := alerts(t, dir+"/*")
			for _, group := range bySchema(all) {
				c.group(mem, group)
			}
			assert.Greater(t, c.values, 100*len(all))
		})
	}
}

// bySchema groups alerts of the same writer's schema.
func bySchema(all []alert) (out [][]alert) {
	index := map[string]int{}
	for _, a := range all {
		i, ok := index[string(a.text)]
		if !ok {
			i = len(out)
			index[string(a.text)] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], a)
	}
	return out
}

func (c *checker) group(mem memory.Allocator, group []alert) {
	s, err := Parse(group[0].text)
	require.NoError(c.t, err, group[0].name)
	other := repaired(c.t, group[0].text).(*avro.RecordSchema)
	assert.Equal(c.t, other.FullName(), s.Name())
	b := NewBuilder(mem, s.Arrow())
	defer b.Release()
	for _, a := range group {
		n, err := s.Skip(append(bytes.Clone(a.buf.Bytes()[a.from:a.to]), "behind it"...))
		require.NoError(c.t, err, a.name)
		require.Equal(c.t, a.to-a.from, n, a.name)
		require.NoError(c.t, b.Append(s, a.buf, a.from, a.to), a.name)
	}
	r := b.NewRecord()
	defer r.Release()
	require.Equal(c.t, int64(len(group)), r.NumRows())
	for i, a := range group {
		var v any
		require.NoError(c.t, avro.Unmarshal(other, a.buf.Bytes()[a.from:a.to], &v), a.name)
		c.record(other, v, topFields(r), i, filepath.Base(a.name))
	}
}

// TestMixedSchemas appends all of a survey's schemas to one merged target.
func TestMixedSchemas(t *testing.T) {
	for survey, dirs := range map[string][]string{
		"ztf": {"ztf-3.1", "ztf-4.02", "ztf-spark"}, "lsst": {"lsst-7.4", "lsst-9.0", "lsst-wire"},
	} {
		t.Run(survey, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			var all []alert
			for _, dir := range dirs {
				group := alerts(t, dir+"/*")
				all = append(all, group[:min(len(group), 10)]...)
			}
			interleave(t, mem, all)
		})
	}
}

// interleave appends alerts so that writers alternate, and compares each row
// with the same alert on its own.
func interleave(t *testing.T, mem memory.Allocator, all []alert) {
	schemas := map[string]*Schema{}
	var target *arrow.Schema
	for _, a := range all {
		if schemas[string(a.text)] == nil {
			s, err := Parse(a.text)
			require.NoError(t, err)
			schemas[string(a.text)] = s
			if target == nil {
				target = s.Arrow()
			}
			target, err = Merge(target, s.Arrow())
			require.NoError(t, err)
		}
	}
	require.Greater(t, len(schemas), 1)
	b, one := NewBuilder(mem, target), NewBuilder(mem, target)
	defer b.Release()
	defer one.Release()
	for i := range all {
		a := all[i*7%len(all)]
		require.NoError(t, b.Append(schemas[string(a.text)], a.buf, a.from, a.to), a.name)
	}
	r := b.NewRecord()
	defer r.Release()
	for i := range all {
		a := all[i*7%len(all)]
		require.NoError(t, one.Append(schemas[string(a.text)], a.buf, a.from, a.to))
		alone := one.NewRecord()
		assert.Empty(t, rowsDiffer(r, i, alone, 0), a.name)
		alone.Release()
	}
}

func TestRegistrySchemas(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(root(t), "../shared/schemas/*.avsc"))
	require.NoError(t, err)
	if len(names) == 0 {
		t.Skip("no schemas here")
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		s, err := Parse(text)
		require.NoError(t, err, name)
		assert.Equal(t, repaired(t, text).(avro.NamedSchema).FullName(), s.Name())
	}
}
