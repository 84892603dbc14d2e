package avroarrow

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// meter is an allocator that records the peak of allocated memory.
type meter struct {
	memory.Allocator
	now, peak int
}

func (m *meter) add(n int) {
	m.now += n
	m.peak = max(m.peak, m.now)
}

func (m *meter) Allocate(n int) []byte {
	m.add(n)
	return m.Allocator.Allocate(n)
}

func (m *meter) Reallocate(n int, b []byte) []byte {
	m.add(n - len(b))
	return m.Allocator.Reallocate(n, b)
}

func (m *meter) Free(b []byte) {
	m.add(-len(b))
	m.Allocator.Free(b)
}

// FuzzAppend puts any bytes between two valid datums: they become a row or leave no
// trace, and their memory is bounded.
func FuzzAppend(f *testing.F) {
	s := parsed(f, richJSON)
	for _, d := range randoms(s, 11, 20) {
		f.Add(d)
	}
	good := randoms(s, 12, 2)
	f.Fuzz(func(t *testing.T, data []byte) {
		mem := &meter{Allocator: dirty{memory.NewGoAllocator()}}
		b := NewBuilder(mem, s.Arrow())
		datums := [][]byte{good[0], good[1]}
		mustAppend(t, b, s, good[0])
		err := appendTo(b, s, data)
		n, skipErr := s.Skip(data)
		if whole := skipErr == nil && n == len(data); (err == nil) != whole {
			t.Fatalf("append: %v, skip: %d of %d, %v", err, n, len(data), skipErr)
		}
		if err == nil {
			datums = [][]byte{good[0], data, good[1]}
		}
		mustAppend(t, b, s, good[1])
		got, want := b.NewRecord(), built(t, memory.NewGoAllocator(), s.Arrow(), s, datums...)
		if d := recordsDiffer(want, got); d != "" {
			t.Fatal(d)
		}
		got.Release()
		want.Release()
		b.Release()
		if mem.peak > 1<<16+200*len(data) || mem.now != 0 {
			t.Fatalf("%d bytes took %d, and %d are out still", len(data), mem.peak, mem.now)
		}
	})
}

func mustAppend(t *testing.T, b *Builder, s *Schema, datum []byte) {
	t.Helper()
	if err := appendTo(b, s, datum); err != nil {
		t.Fatal(err)
	}
}

// FuzzParse parses any text, and decodes a few datums with the schema.
func FuzzParse(f *testing.F) {
	f.Add([]byte(richJSON))
	f.Add([]byte(one(enumJSON)))
	f.Add([]byte(one(`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`)))
	f.Add([]byte(record(`{"name":"x","type":["null","int","long"]},{"name":"x","type":{"type":"int","logicalType":"date"}}`)))
	f.Add([]byte(`{"type":"record","name":"a.b","namespace":"c","fields":[{"name":"x","type":{"type":"fixed","name":"f","size":3}},{"name":"y","type":{"type":"array","items":"a.f"}}]}`))
	names, _ := filepath.Glob(filepath.Join(root(f), "../shared/schemas/*.avsc"))
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text, "ra", "DEC")
		if err != nil {
			return
		}
		if m, err := Merge(s.Arrow(), s.Arrow()); err != nil || m != s.Arrow() {
			t.Fatalf("a schema does not merge with itself: %v", err)
		}
		b := NewBuilder(memory.NewGoAllocator(), s.Arrow())
		for _, datum := range [][]byte{nil, make([]byte, 100), bytes.Repeat([]byte{2}, 300)} {
			n, err := s.Walk(datum, func(path []byte, v Value) {
				if v.From < 0 || v.To < v.From || v.To > len(datum) {
					t.Fatalf("%s at %d to %d of %d bytes", path, v.From, v.To, len(datum))
				}
			})
			if err == nil {
				datum = datum[:n]
			}
			if appendErr := appendTo(b, s, datum); (err == nil) != (appendErr == nil) {
				t.Fatalf("skip: %v, append: %v", err, appendErr)
			}
		}
		b.NewRecord().Release()
		b.Release()
	})
}
