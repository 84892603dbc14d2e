package crossmatch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everyColumn returns a table with a column of each type that an index may have, one
// without nulls.
func everyColumn(t testing.TB, mem memory.Allocator, n int) arrow.Record {
	meta := arrow.NewMetadata([]string{"unit", "unit"}, []string{"<mas>", "é"})
	fields := []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Uint64}}
	for _, x := range []arrow.DataType{
		arrow.FixedWidthTypes.Boolean,
		arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64,
		arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary,
		arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Date64,
		&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, &arrow.TimestampType{Unit: arrow.Second},
		&arrow.FixedSizeBinaryType{ByteWidth: 3},
	} {
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("c%d %s", len(fields), x), Type: x, Nullable: true, Metadata: meta})
	}
	b := array.NewRecordBuilder(mem, arrow.NewSchema(fields, &meta))
	defer b.Release()
	for k, f := range fields {
		for i := range n {
			text := fmt.Sprint(i % 100)
			switch f.Type.ID() {
			case arrow.BOOL:
				text = fmt.Sprint(i%3 == 0)
			case arrow.STRING, arrow.LARGE_STRING:
				text = strings.Repeat("ä", i%5)
			case arrow.BINARY, arrow.LARGE_BINARY, arrow.FIXED_SIZE_BINARY:
				text = "/+" + string(rune('A'+i%26)) + "8"
			case arrow.DATE32, arrow.DATE64:
				text = fmt.Sprintf("2026-11-%02d", 1+i%28)
			case arrow.TIMESTAMP:
				text = fmt.Sprintf("2026-11-%02d 01:02:03", 1+i%28)
			}
			if f.Nullable && (i+k)%7 == 0 {
				b.Field(k).AppendNull()
			} else {
				require.NoError(t, b.Field(k).AppendValueFromString(text), f.Name)
			}
		}
	}
	return b.NewRecord()
}

// patch returns positions around right ascension 0, some at the poles, some invalid.
func patch(rnd *rand.Rand, n int) (ra, dec []float64) {
	for i := range n {
		r, d := 3*rnd.NormFloat64(), 30+3*rnd.NormFloat64()
		switch i % 50 {
		case 11:
			r += 360
		case 23:
			r = math.NaN()
		case 37:
			if i > 200 {
				break // ties of many rows are slow
			}
			d = []float64{-90, 90, 91}[i/50%3]
		}
		ra, dec = append(ra, r), append(dec, d)
	}
	return ra, dec
}

// fullCatalog returns a catalogue that uses all fields of Rows.
func fullCatalog(t testing.TB, seed uint64, n int, mem memory.Allocator) *Catalog {
	rnd := rand.New(rand.NewPCG(seed, 0))
	ra, dec := patch(rnd, n)
	rows := Rows{RA: ra, Dec: dec, Epoch: 2016}
	for i := range n {
		rows.Radius = append(rows.Radius, []Angle{nan, 0, 1e-3, Angle(2 * rnd.Float64())}[rnd.IntN(4)])
		rows.PMRA = append(rows.PMRA, []float64{math.NaN(), 0, 10, 1e5 * rnd.NormFloat64()}[i%4])
		rows.PMDec = append(rows.PMDec, 100*rnd.NormFloat64())
	}
	rows.Columns = everyColumn(t, mem, n)
	defer rows.Columns.Release()
	c, err := NewCatalog(rows)
	require.NoError(t, err)
	return c
}

// written returns the name of an index file of a catalogue.
func written(t testing.TB, c *Catalog) string {
	name := filepath.Join(t.TempDir(), "a.index")
	require.NoError(t, c.WriteIndex(name, ""))
	return name
}

// assertSame checks that two catalogues return the same.
func assertSame(t testing.TB, want, got *Catalog, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	p := Positions{}
	p.RA, p.Dec = patch(rnd, 100)
	for i := range want.layers {
		for _, r := range want.layers[i].rows[:min(50, len(want.layers[i].rows))] {
			p.RA, p.Dec = append(p.RA, r.ra+1e-4*rnd.NormFloat64()), append(p.Dec, clamp(r.dec+1e-4*rnd.NormFloat64()))
		}
	}
	for range p.RA {
		p.Epoch = append(p.Epoch, []float64{math.NaN(), 2000 + 30*rnd.Float64()}[rnd.IntN(2)])
	}
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	ctx := compute.WithAllocator(context.Background(), mem)
	found := 0
	for _, radius := range []Angle{0, 1e-3, 0.1} {
		a, err := want.Nearest(ctx, p, radius)
		require.NoError(t, err)
		b, err := got.Nearest(ctx, p, radius)
		require.NoError(t, err)
		for i, m := range a.Matches {
			if m.Status == StatusMatch {
				found++
				require.Equal(t, m, b.Matches[i])
			}
			require.Equal(t, m.Status, b.Matches[i].Status)
		}
		if a.Rows != nil {
			assert.True(t, array.RecordEqual(a.Rows, b.Rows))
			assert.Equal(t, want.Schema().String(), got.Schema().String())
			a.Rows.Release()
			b.Rows.Release()
		}
		mem.AssertSize(t, 0)
		pairs, err := want.Within(p, radius, 0)
		require.NoError(t, err)
		others, err := got.Within(p, radius, 0)
		require.NoError(t, err)
		require.Equal(t, pairs, others)
	}
	if want.Len() > 0 {
		require.Greater(t, found, 50)
	}
}

// A catalogue from a file equals the one that was written.
func TestIndexIsTheCatalogue(t *testing.T) {
	plain := func(n int) *Catalog {
		rnd := rand.New(rand.NewPCG(7, 0))
		ra, dec := patch(rnd, n)
		c, err := NewCatalog(Rows{RA: ra, Dec: dec})
		require.NoError(t, err)
		return c
	}
	sliced := func() *Catalog {
		rec := everyColumn(t, memory.DefaultAllocator, 400)
		defer rec.Release()
		part := rec.NewSlice(37, 337)
		defer part.Release()
		rnd := rand.New(rand.NewPCG(8, 0))
		ra, dec := patch(rnd, 300)
		c, err := NewCatalog(Rows{RA: ra, Dec: dec, Columns: part})
		require.NoError(t, err)
		return c
	}
	empty, err := NewCatalog(Rows{})
	require.NoError(t, err)
	noRows := fullCatalog(t, 1, 0, memory.DefaultAllocator)
	noColumns, err := NewCatalog(Rows{RA: make([]float64, 100), Dec: make([]float64, 100),
		Columns: array.NewRecord(arrow.NewSchema(nil, nil), nil, 100)})
	require.NoError(t, err)
	for name, c := range map[string]*Catalog{
		"everything": fullCatalog(t, 1, 3000, memory.DefaultAllocator), "plain": plain(20_000), "slice": sliced(),
		"no rows": empty, "no rows of columns": noRows, "no columns": noColumns,
	} {
		t.Run(name, func(t *testing.T) {
			file := written(t, c)
			got, err := OpenIndex(file)
			require.NoError(t, err)
			assert.Equal(t, c.Len(), got.Len())
			require.NoError(t, got.Verify(t.Context()))
			assertSame(t, c, got, 5)
			assert.Empty(t, got.Note())
			again := written(t, got) // of a catalogue from a file
			one, err := os.ReadFile(file)
			require.NoError(t, err)
			other, err := os.ReadFile(again)
			require.NoError(t, err)
			assert.True(t, string(one) == string(other), "the same catalogue makes the same file")
			require.NoError(t, got.Close())
			assert.Zero(t, got.file.users.Load())
			require.NoError(t, c.Close())
		})
	}
}

func TestIndexLifetime(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	c := fullCatalog(t, 2, 1000, mem)
	name := written(t, c)
	one, err := OpenIndex(name)
	require.NoError(t, err)
	other, err := OpenIndex(name)
	require.NoError(t, err)

	ctx := context.Background()
	p := Positions{RA: []float64{1}, Dec: []float64{1}}
	column := one.columns.Column(0)
	column.Retain()
	require.NoError(t, one.Close())
	require.NoError(t, one.Close())
	_, err = one.Nearest(ctx, p, 1)
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = one.Within(p, 1, 0)
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, one.Verify(ctx), fs.ErrClosed)
	require.ErrorIs(t, one.WriteIndex(name, ""), fs.ErrClosed)
	assert.Equal(t, c.Schema().String(), one.Schema().String())
	assert.Equal(t, uint64(17), column.(*array.Uint64).Value(17), "an array that is in use keeps the file")
	assert.Equal(t, int64(1), one.file.users.Load())
	column.Release()
	assert.Zero(t, one.file.users.Load())

	// A catalogue that has the file open keeps it when it is replaced.
	before, err := os.Stat(name)
	require.NoError(t, err)
	require.NoError(t, c.WriteIndex(name, ""))
	after, err := os.Stat(name)
	require.NoError(t, err)
	require.False(t, os.SameFile(before, after))
	assertSame(t, c, other, 3)

	// Closing waits for those that search.
	answer, err := other.Nearest(compute.WithAllocator(ctx, watched{memory.DefaultAllocator, func() {
		if other.mu.TryLock() {
			other.mu.Unlock()
			t.Error("rows are taken while it can be closed")
		}
	}}), p, 10)
	require.NoError(t, err)
	answer.Rows.Release()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				answer, err := other.Nearest(ctx, p, 10)
				if err != nil {
					assert.ErrorIs(t, err, fs.ErrClosed)
					return
				}
				answer.Rows.Release()
			}
		})
	}
	require.NoError(t, other.Close())
	wg.Wait()
	assert.Zero(t, other.file.users.Load())
	require.NoError(t, c.Close())
	mem.AssertSize(t, 0)
}

// watched calls a function before it allocates anything.
type watched struct {
	memory.Allocator
	before func()
}

func (w watched) Allocate(n int) []byte { w.before(); return w.Allocator.Allocate(n) }

func TestWriteIndexFails(t *testing.T) {
	lists := array.NewListBuilder(memory.DefaultAllocator, arrow.PrimitiveTypes.Int8)
	lists.AppendNull()
	rec := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "flux", Type: lists.Type(), Nullable: true}}, nil), []arrow.Array{lists.NewArray()}, 1)
	c, err := NewCatalog(Rows{RA: []float64{1}, Dec: []float64{1}, Columns: rec})
	require.NoError(t, err)
	dir := t.TempDir()
	name := filepath.Join(dir, "a.index")
	err = c.WriteIndex(name, "")
	require.ErrorContains(t, err, `column "flux": an index file cannot hold list<item: int8, nullable>: leave the column out`)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "nothing is left behind")

	c, err = NewCatalog(Rows{})
	require.NoError(t, err)
	require.ErrorIs(t, c.WriteIndex(filepath.Join(dir, "none", "a.index"), ""), fs.ErrNotExist)
	require.NoError(t, os.MkdirAll(filepath.Join(name, "full"), 0o777))
	require.Error(t, c.WriteIndex(name, ""))
	left, err = os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1)
}

func TestOpenIndexFails(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenIndex(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, ErrBadIndex)
	_, err = OpenIndex(dir)
	require.ErrorContains(t, err, "not a regular file")

	whole, err := os.ReadFile(written(t, fullCatalog(t, 4, 100, memory.DefaultAllocator)))
	require.NoError(t, err)
	change := func(at int, b ...byte) []byte {
		out := append([]byte(nil), whole...)
		copy(out[at:], b)
		return out
	}
	for _, x := range []struct {
		says string
		file []byte
	}{
		{"not an index: it has only 0 bytes", nil},
		{"not an index: it has only 63 bytes", whole[:63]},
		{`not an index: it begins with "SIMPLE  "`, []byte("SIMPLE  =                    T" + strings.Repeat(" ", 2850))},
		{"version 2 of the format, this program reads version 1", change(12, 2)},
		{"another byte order", change(8, 1, 2, 3, 4)},
		{"the header is damaged", change(20, 1)},
		{fmt.Sprintf("it has %d bytes instead of %d", len(whole)-1, len(whole)), whole[:len(whole)-1]},
		{fmt.Sprintf("it has %d bytes instead of %d", len(whole)+1, len(whole)), append(change(0), 0)},
		{"the description is damaged", change(len(whole)-1, 'x')},
	} {
		name := filepath.Join(dir, "bad")
		require.NoError(t, os.WriteFile(name, x.file, 0o666))
		_, err := OpenIndex(name)
		require.ErrorContains(t, err, x.says)
		require.ErrorContains(t, err, name)
		require.ErrorIs(t, err, ErrBadIndex)
	}
	for n := range whole { // truncated at any offset
		_, err := openBytes(whole[:n])
		require.ErrorIs(t, err, ErrBadIndex, "%d", n)
	}
}

// openBytes opens an index file in memory.
func openBytes(file []byte) (*Catalog, error) {
	b := make([]byte, len(file)+sectionAlign)
	b = b[-uintptr(unsafe.Pointer(&b[0]))%sectionAlign:][:len(file)]
	copy(b, file)
	m := &mapping{name: "bytes", data: b}
	m.users.Store(1)
	c, err := openIndex(m)
	if n := m.users.Load(); err != nil && n != 1 {
		panic(fmt.Sprintf("%d buffers are not released: %v", n-1, err))
	}
	return c, err
}

// OpenIndex or Verify finds a change of any byte. Without Verify, a search returns an
// error or wrong matches.
func TestIndexChanged(t *testing.T) {
	whole, err := os.ReadFile(written(t, fullCatalog(t, 5, 60, memory.DefaultAllocator)))
	require.NoError(t, err)
	step := 1
	if testing.Short() {
		step = 17
	}
	changed := append([]byte(nil), whole...)
	c, err := openBytes(whole)
	require.NoError(t, err)
	between := map[int]bool{} // sections
	h, err := parseHeader(whole)
	require.NoError(t, err)
	for i, end := 0, headerSize; end < int(h.description); i++ {
		for ; end%sectionAlign != 0; end++ {
			between[end] = true
		}
		if i < len(c.file.sections) {
			end += len(c.file.sections[i].data)
		}
	}
	for at := 0; at < len(whole); at += step {
		changed[at] ^= byte(1 << (at % 8))
		c, err := openBytes(changed)
		if err == nil {
			err = c.Verify(t.Context())
			if at%61 == 0 {
				ask(t, c)
			}
		}
		if !between[at] {
			require.ErrorIs(t, err, ErrBadIndex, "%d", at)
		}
		changed[at] = whole[at]
	}
}

// ask searches a catalogue that may be damaged.
func ask(t testing.TB, c *Catalog) {
	ctx := context.Background()
	p := Positions{RA: []float64{0, 10, 190, -170, math.NaN()}, Dec: []float64{-90, 20, 0, 89.9, 1}, Epoch: []float64{2000, 2016, math.NaN(), 2100, 2026}}
	for i := range c.layers {
		for j := 0; j < len(c.layers[i].rows); j += 1 + len(c.layers[i].rows)/20 {
			p.RA, p.Dec, p.Epoch = append(p.RA, c.layers[i].rows[j].ra), append(p.Dec, c.layers[i].rows[j].dec), append(p.Epoch, 2020)
		}
	}
	for _, radius := range []Angle{0, Arcsecond, 3} {
		answer, err := c.Nearest(ctx, p, radius)
		if err == nil && answer.Rows != nil {
			for _, column := range answer.Rows.Columns() {
				for i := range column.Len() {
					_ = column.ValueStr(i)
				}
			}
			answer.Rows.Release()
		}
		if err != nil && !errors.Is(err, ErrBadIndex) {
			t.Log(err)
		}
		_, _ = c.Within(p, radius, 3)
	}
}
