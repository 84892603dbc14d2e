package crossmatch

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seal gives a file a valid header and checksum, as an attacker would.
func seal(file []byte) []byte {
	if len(file) < headerSize {
		return file
	}
	at := int64(binary.LittleEndian.Uint64(file[24:]))
	if at < headerSize || at > int64(len(file)) {
		return file
	}
	h := indexHeader{int64(len(file)), at, crc32.Checksum(file[at:], castagnoli)}
	copy(file, h.bytes())
	return file
}

// described returns a file with a changed description.
func described(t *testing.T, file []byte, from, to string) []byte {
	h, err := parseHeader(file)
	require.NoError(t, err)
	text := string(file[h.description:])
	require.Contains(t, text, from)
	return seal(append(append([]byte(nil), file[:h.description]...), strings.Replace(text, from, to, 1)...))
}

// OpenIndex compares the description with the sections.
func TestIndexDescription(t *testing.T) {
	whole, err := os.ReadFile(written(t, fullCatalog(t, 6, 300, memory.DefaultAllocator)))
	require.NoError(t, err)
	_, err = openBytes(described(t, whole, `{"rows"`, ` {"rows"`))
	require.NoError(t, err, "the way of changing it works")
	for _, x := range []struct{ from, to, says string }{
		{`"rows":300`, `"rows":301`, "a section of 2400 bytes at 64 instead of 2408"},
		{`"rows":300`, `"rows":-1`, "-1 rows"},
		{`"rows":300`, `"rows":1152921504606846976`, "1152921504606846976 rows"},
		{`"layers":`, `"layers":9`, "the description is damaged"},
		{`"layers":`, `"layers":-`, "layers"},
		{`"columns":21`, `"columns":9000000000000000000`, "the description is damaged: EOF"},
		{`"columns":21`, `"columns":20`, "it has more than it describes"},
		{`"columns":21`, `"columns":-1`, "layers"},
		{`"columns":21`, `"columns":null`, "it has more than it describes"},
		{`"asked":`, `"asked":1`, "grid"},
		{`"asked":`, `"asked":-1`, "a grid"},
		{`"asked":`, `"asked":99999999999`, "a grid of"},
		{`"radius":`, `"bands":7,"radius":`, "another grid"},
		{`"radius":`, `"radius":1111`, "a layer of radius"},
		{`"speed":`, `"speed":-1`, "a layer of radius"},
		{`"nulls":0`, `"nulls":1`, "1 nulls in 300 rows"},
		{`"nulls":43`, `"nulls":343`, "343 nulls in 300 rows"},
		{`"nulls":43`, `"nulls":-43`, "-43 nulls in 300 rows"},
		{`"type":"bool"`, `"type":"int64"`, `column "c1 bool": a section of 38 bytes`},
		{`"type":"utf8"`, `"type":"bool"`, "2 buffers instead of 1"},
		{`"type":"uint64"`, `"type":"utf8"`, "1 buffers instead of 2"},
		{`"type":"bool"`, `"type":"list"`, `type "list"`},
		{`"type":"timestamp","unit":"us"`, `"type":"timestamp","unit":"as"`, `type "timestamp", unit "as"`},
		{`"type":"fixed_size_binary","width":3`, `"type":"fixed_size_binary","width":-3`, "width -3"},
		{`"type":"fixed_size_binary","width":3`, `"type":"fixed_size_binary","width":4`, "a section of 900 bytes"},
		{`"rows":300`, `"rows":300,"more":1`, "unknown field"},
		{`{"rows":300`, `null{"rows":300`, "0 rows"},
	} {
		_, err := openBytes(described(t, whole, x.from, x.to))
		if assert.ErrorIs(t, err, ErrBadIndex, "%s for %s", x.to, x.from) && x.says != "0 rows" {
			assert.ErrorContains(t, err, x.says, "%s for %s", x.to, x.from)
		}
	}
}

// Some changed sizes still fit the file, as sections have no offsets.
func TestIndexSizes(t *testing.T) {
	c, err := NewCatalog(Rows{RA: []float64{1}, Dec: []float64{1}})
	require.NoError(t, err)
	whole, err := os.ReadFile(written(t, c))
	require.NoError(t, err)
	for _, x := range []struct{ from, to, says string }{
		{`"fields":{"bytes":16`, `"fields":{"bytes":8`, "another grid"},
		{`"fields":{"bytes":16`, `"fields":{"bytes":17`, "another grid"},
		{`"start":{"bytes":8`, `"start":{"bytes":4`, "fields that do not have 0 cells"},
		{`"start":{"bytes":8`, `"start":{"bytes":9`, "fields that do not have"},
		{`"start":{"bytes":8`, `"start":{"bytes":12`, "fields that do not have 2 cells"},
		{`"rows":{"bytes":24`, `"rows":{"bytes":48`, "a grid of 1 rows that has 48 bytes"},
		{`"rows":{"bytes":24`, `"rows":{"bytes":25`, "a grid of 1 rows that has 25 bytes"},
		{`"rows":{"bytes":24`, `"rows":{"bytes":65`, "a section of 65 bytes at 192"},
		{`"rows":{"bytes":24`, `"rows":{"bytes":9223372036854775807`, "a section of 9223372036854775807 bytes at 192"},
		{`"rows":{"bytes":24`, `"rows":{"bytes":-24`, "a section of -24 bytes at 192"},
		{`"rows":1`, `"rows":0`, "1 rows in the layers of 0"},
		{`"layers":1`, `"layers":0`, "more than it describes"},
		{"{\"asked\"", "{}{\"asked\"", "another grid"},
	} {
		_, err := openBytes(described(t, whole, x.from, x.to))
		assert.ErrorIs(t, err, ErrBadIndex)
		assert.ErrorContains(t, err, x.says, "%s for %s", x.to, x.from)
	}
	_, err = openBytes(seal(append(whole[:len(whole):len(whole)], "{}"...)))
	assert.ErrorContains(t, err, "more than it describes")
	h, err := parseHeader(whole)
	require.NoError(t, err)
	longer := slices.Insert(slices.Clone(whole), int(h.description), make([]byte, sectionAlign)...)
	binary.LittleEndian.PutUint64(longer[24:], uint64(h.description+sectionAlign))
	_, err = openBytes(seal(longer))
	assert.ErrorContains(t, err, "more than it describes")
}

// Sections with impossible contents and correct checksums.
func TestIndexSections(t *testing.T) {
	whole, err := os.ReadFile(written(t, fullCatalog(t, 7, 400, memory.DefaultAllocator)))
	require.NoError(t, err)
	p := Positions{RA: []float64{10}, Dec: []float64{10}, Epoch: []float64{2026}}
	change := func(f func(c *Catalog)) *Catalog {
		c, err := openBytes(whole)
		require.NoError(t, err)
		f(c)
		for i := range c.file.sections { // with correct checksums
			s := &c.file.sections[i]
			s.sum = crc32.Checksum(s.data, castagnoli)
		}
		require.NoError(t, c.file.verifySections(t.Context()))
		return c
	}
	for name, f := range map[string]func(c *Catalog){
		"a row's number":           func(c *Catalog) { c.layers[0].rows[3].id = 400 },
		"a row's number twice":     func(c *Catalog) { c.layers[0].rows[3].id = c.layers[0].rows[4].id },
		"a declination":            func(c *Catalog) { c.layers[0].rows[3].dec = -91 },
		"no declination":           func(c *Catalog) { c.layers[0].rows[3].dec = math.NaN() },
		"a right ascension":        func(c *Catalog) { c.layers[0].rows[3].ra = 1e300 },
		"infinite right ascension": func(c *Catalog) { c.layers[0].rows[3].ra = math.Inf(-1) },
		"another band":             func(c *Catalog) { c.layers[0].rows[3].dec *= -1 },
		"another cell":             func(c *Catalog) { c.layers[0].rows[3].ra += 100 },
		"start beyond":             func(c *Catalog) { c.layers[0].start[7] = 1 << 31 },
		"fields": func(c *Catalog) {
			slices.Reverse(c.layers[0].fields)
			cells := uint32(0)
			for i := range c.layers[0].fields {
				f := &c.layers[0].fields[i]
				f.first = cells
				cells += f.side * f.side
			}
		},
		"start goes back": func(c *Catalog) {
			s := c.layers[0].start
			for i := range s[1 : len(s)-1] {
				s[i+1] = uint32(len(c.layers[0].rows) * (i % 2))
			}
		},
	} {
		c := change(f)
		assert.ErrorIs(t, c.Verify(t.Context()), ErrBadIndex, name)
		ask(t, c)
	}
	// Damage that a search detects.
	for name, f := range map[string]func(c *Catalog){
		"numbers": func(c *Catalog) {
			for i := range c.layers {
				for j := range c.layers[i].rows {
					c.layers[i].rows[j].id += 400
				}
			}
		},
		"right ascensions": func(c *Catalog) {
			for i := range c.layers {
				for j := range c.layers[i].rows {
					c.layers[i].rows[j].ra = 1e300
				}
			}
		},
		"radii": func(c *Catalog) {
			for i := range c.radii {
				c.radii[i] = 1e300
			}
		},
		"starts": func(c *Catalog) {
			for i := range c.layers {
				for j := range c.layers[i].start {
					c.layers[i].start[j] = math.MaxUint32
				}
			}
		},
	} {
		c := change(f)
		_, err := c.AppendNearest(nil, p, 180)
		assert.ErrorIs(t, err, ErrBadIndex, name)
		_, err = c.Within(p, 180, 0)
		assert.ErrorIs(t, err, ErrBadIndex, name)
	}
	// Motions and radii that are no numbers move nothing.
	c := change(func(c *Catalog) {
		for i := range c.motions {
			c.motions[i] = motion{[]float64{math.NaN(), math.Inf(1), math.MaxFloat64, -math.MaxFloat64}[i%4], math.Inf(-1)}
		}
	})
	ask(t, c)
	_, err = c.Within(p, 180, 0)
	require.NoError(t, err)
}

// Wrong fields would lead searches outside of the cells.
func TestIndexFields(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 0))
	ra, dec := randomSky(5000, rnd.Uint64())
	c, err := NewCatalog(Rows{RA: ra, Dec: dec})
	require.NoError(t, err)
	whole, err := os.ReadFile(written(t, c))
	require.NoError(t, err)
	n := len(c.layers[0].fields)
	start := int(alignUp(int64(headerSize + n*fieldSize)))
	require.Greater(t, n, 50)
	at := 20
	for c.layers[0].fields[at].side < 2 || c.layers[0].fields[at+1].side == c.layers[0].fields[at].side {
		at++
	}
	for name, f := range map[string]func(fields []field, start []uint32){
		"a side longer":       func(f []field, _ []uint32) { f[at].side++ },
		"a side shorter":      func(f []field, _ []uint32) { f[at].side-- },
		"no side":             func(f []field, _ []uint32) { f[at].side = 0 },
		"a huge side":         func(f []field, _ []uint32) { f[at].side = math.MaxUint32 },
		"a side of 2^16":      func(f []field, _ []uint32) { f[at].side = 1 << 16 },
		"the last of 2^16":    func(f []field, _ []uint32) { f[n-1].side = 1 << 16 },
		"sides changed about": func(f []field, _ []uint32) { f[at].side, f[at+1].side = f[at+1].side, f[at].side },
		"fields changed":      func(f []field, _ []uint32) { f[at], f[at+1] = f[at+1], f[at] },
		"one over another":    func(f []field, _ []uint32) { f[at+1].first = f[at].first },
		"all over the first": func(f []field, _ []uint32) {
			for i := range f {
				f[i].first = 0
			}
		},
		"a gap":         func(f []field, _ []uint32) { f[at].first++ },
		"a first far":   func(f []field, _ []uint32) { f[at].first = math.MaxUint32 },
		"begins late":   func(f []field, _ []uint32) { f[0].first = 1 },
		"a start back":  func(_ []field, s []uint32) { s[at+1] = s[at] - 1 },
		"a start far":   func(_ []field, s []uint32) { s[at] = math.MaxUint32 },
		"a start on":    func(_ []field, s []uint32) { s[at] = s[len(s)-1] },
		"the last less": func(_ []field, s []uint32) { s[len(s)-1]-- },
		"zigzag": func(_ []field, s []uint32) {
			for i := range s[:len(s)-1] {
				s[i] = s[len(s)-1] * uint32(i%2)
			}
		},
	} {
		file := slices.Clone(whole)
		f(cast[field](file[headerSize:headerSize+n*fieldSize]), cast[uint32](file[start:start+4*len(c.layers[0].start)]))
		require.NotEqual(t, whole, file, name)
		_, err := openBytes(file)
		assert.ErrorIs(t, err, ErrBadIndex, name)
	}
	for _, x := range []struct {
		ok     bool
		fields []field
		cells  int
	}{
		{true, nil, 0}, {true, []field{{0, 0}, {0, 3}, {9, 0}, {9, 1}}, 10},
		{true, []field{{0, 1<<16 - 1}}, (1<<16 - 1) * (1<<16 - 1)},
		{false, []field{{0, 1 << 16}}, 1 << 32}, // more cells than a uint32 can number
		{false, []field{{0, 1<<16 - 1}, {(1<<16 - 1) * (1<<16 - 1), 1<<16 - 1}}, 2 * (1<<16 - 1) * (1<<16 - 1)},
		{false, []field{{0, 1 << 16}, {0, 1}}, 1}, {false, []field{{0, 1 << 16}, {0, 1}}, 1<<32 + 1},
		{false, []field{{0, 3}, {9, 1}}, 9}, {false, []field{{0, 3}}, -1},
	} {
		assert.Equal(t, x.ok, tiles(x.fields, x.cells), "%v", x.fields)
	}
}

// If cells are out of order all the same, a search ends with an error.
func TestIndexZigzag(t *testing.T) {
	ra, dec := randomSky(3000, 22)
	c, err := NewCatalog(Rows{RA: ra, Dec: dec})
	require.NoError(t, err)
	s := c.layers[0].start
	for i := range s[:len(s)-1] {
		s[i] = uint32(len(ra) * (i % 2))
	}
	p := Positions{RA: []float64{10, 200, 0}, Dec: []float64{10, -50, 90}}
	for _, radius := range []Angle{20, 180} {
		_, err = c.AppendNearest(nil, p, radius)
		assert.ErrorIs(t, err, ErrBadIndex)
		_, err = c.Within(p, radius, 0)
		assert.ErrorIs(t, err, ErrBadIndex)
		_, err = c.Cone(10, 10, radius, 1)
		assert.ErrorIs(t, err, ErrBadIndex)
		a, err := c.Nearest(t.Context(), p, radius)
		assert.NoError(t, err)
		assert.ErrorIs(t, a.Cause, ErrBadIndex)
		assert.Equal(t, StatusFailed, a.Matches[1].Status)
	}
}

func TestIndexOffsets(t *testing.T) {
	for _, x := range []struct {
		ok      bool
		offsets []int32
	}{
		{true, []int32{0}}, {true, []int32{0, 0, 5, math.MaxInt32}}, {true, []int32{3, 3}},
		{false, []int32{-1}}, {false, []int32{0, 4, 3, 9}}, {false, []int32{0, math.MaxInt32, math.MinInt32, 0}},
		{false, []int32{0, math.MaxInt32, -2, 1}},
	} {
		assert.Equal(t, x.ok, nonDecreasing(x.offsets), "%v", x.offsets)
		wide := make([]int64, len(x.offsets))
		for i, o := range x.offsets {
			wide[i] = int64(o) << 32
		}
		assert.Equal(t, x.ok, nonDecreasing(wide), "%v", wide)
	}
}

// Any file gives an answer or an error. Sections and description are changed separately,
// and get valid checksums.
func FuzzOpenIndex(f *testing.F) {
	small, err := NewCatalog(Rows{RA: []float64{1, 2, 200}, Dec: []float64{3, 3, -80}})
	require.NoError(f, err)
	for _, c := range []*Catalog{small, fullCatalog(f, 8, 20, memory.DefaultAllocator), fullCatalog(f, 9, 0, memory.DefaultAllocator)} {
		file, err := os.ReadFile(written(f, c))
		require.NoError(f, err)
		h, err := parseHeader(file)
		require.NoError(f, err)
		f.Add(file[headerSize:h.description], string(file[h.description:]))
	}
	f.Fuzz(func(t *testing.T, sections []byte, description string) {
		if len(sections)+len(description) > 1<<16 {
			return
		}
		at := headerSize + alignUp(int64(len(sections)))
		file := make([]byte, at, at+int64(len(description)))
		copy(file[headerSize:], sections)
		file = append(file, description...)
		copy(file, indexHeader{int64(len(file)), at, crc32.Checksum(file[at:], castagnoli)}.bytes())
		c, err := openBytes(file)
		if err != nil {
			require.ErrorIs(t, err, ErrBadIndex)
			return
		}
		_ = c.Verify(t.Context())
		ask(t, c)
		again := filepath.Join(t.TempDir(), "again")
		if err := c.WriteIndex(again, ""); err == nil {
			same, err := OpenIndex(again)
			require.NoError(t, err)
			require.NoError(t, same.Close())
		}
		_ = c.Close() // fails, as it was never mapped
		assert.Zero(t, c.file.users.Load())
	})
}
