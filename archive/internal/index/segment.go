package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// segment is what the batches after from, through to, changed in an index. It is a
// pure function of the ledger through to.
type segment struct {
	from, to int64
	points   []point
	files    []File    // added and still live
	removed  []string  // paths of files that were live before
	pending  []Pending // added and not cleared
	cleared  int64     // those of batches through this one are no longer pending
	gaps     []gap     // added
	added    map[string]int
}

// point is how many rows the tables had after a batch.
type point struct {
	batch  int64
	newest time.Time // the latest creation of a commit through the batch
	rows   []rowCount
}

type rowCount struct {
	table string
	rows  int64
}

type gap struct {
	table, dir string
	runs       []Run
}

// add adds a live file.
func (s *segment) add(f File) {
	if s.added == nil {
		s.added = map[string]int{}
	}
	s.added[f.Path] = len(s.files)
	s.files = append(s.files, f)
}

// remove removes a live file.
func (s *segment) remove(path string) {
	if i, ok := s.added[path]; ok {
		s.files[i].Path = "" // compact drops it
		delete(s.added, path)
	} else {
		s.removed = append(s.removed, path)
	}
}

// clear forgets pending files.
func (s *segment) clear(through int64) {
	s.cleared = max(s.cleared, through)
	s.pending = slices.DeleteFunc(s.pending, func(p Pending) bool { return p.Batch <= through })
}

// compact puts the segment into the form in which it is stored.
func (s *segment) compact() {
	s.files = slices.DeleteFunc(s.files, func(f File) bool { return f.Path == "" })
	slices.Sort(s.removed)
	s.added = nil
}

// join appends the next segment.
func (s *segment) join(next *segment) {
	s.added = make(map[string]int, len(s.files))
	for i, f := range s.files {
		s.added[f.Path] = i
	}
	for _, name := range next.removed {
		s.remove(name)
	}
	for _, f := range next.files {
		s.add(f)
	}
	s.clear(next.cleared)
	s.pending = append(s.pending, next.pending...)
	s.gaps = append(s.gaps, next.gaps...)
	s.points = append(s.points, next.points...)
	s.to = next.to
	s.compact()
}

// coder appends values to b, or reads them from it.
type coder struct {
	b       []byte
	reading bool
	err     error
	last    string           // the last string, of which the next one may share a prefix
	names   map[string]int64 // of tables and directories, by number + 1
	list    []string
}

var errCut = errors.New("it is cut short")

func (c *coder) num(v *int64) {
	if !c.reading {
		c.b = binary.AppendVarint(c.b, *v)
		return
	}
	n, size := binary.Varint(c.b)
	if size <= 0 {
		c.err, c.b = errCut, nil
		return
	}
	*v, c.b = n, c.b[size:]
}

// count codes the length of a list, whose elements take a byte each at least.
func (c *coder) count(n int) int {
	v := int64(n)
	if c.num(&v); c.reading && (v < 0 || v > int64(len(c.b))) {
		c.err = errCut
		return 0
	}
	return int(v)
}

func (c *coder) bytes(v *[]byte) {
	n := c.count(len(*v))
	if !c.reading {
		c.b = append(c.b, *v...)
		return
	}
	if c.err == nil {
		*v, c.b = c.b[:n:n], c.b[n:]
	}
}

// text codes a string that resembles the one before it.
func (c *coder) text(v *string) {
	same := int64(0)
	if !c.reading {
		for int(same) < min(len(c.last), len(*v)) && c.last[same] == (*v)[same] {
			same++
		}
	}
	c.num(&same)
	if !c.reading {
		rest := []byte((*v)[same:])
		c.bytes(&rest)
	} else {
		var rest []byte
		c.bytes(&rest)
		if same < 0 || same > int64(len(c.last)) {
			c.err = errCut
			return
		}
		*v = c.last[:same] + string(rest)
	}
	c.last = *v
}

// name codes a string that occurs often.
func (c *coder) name(v *string) {
	n := c.names[*v]
	c.num(&n)
	switch {
	case n == 0:
		text := []byte(*v)
		c.bytes(&text)
		*v = string(text)
		if c.names == nil {
			c.names = map[string]int64{}
		}
		c.list = append(c.list, *v)
		c.names[*v] = int64(len(c.list))
	case !c.reading:
	case n < 0 || n > int64(len(c.list)):
		c.err = errCut
	default:
		*v = c.list[n-1]
	}
}

func (c *coder) time(v *time.Time) {
	seconds, nanos := v.Unix(), int64(v.Nanosecond())
	c.num(&seconds)
	c.num(&nanos)
	if c.reading {
		if *v = time.Unix(seconds, nanos).UTC(); v.Unix() == (time.Time{}).Unix() {
			*v = time.Time{}
		}
	}
}

func (c *coder) flag(v *bool) {
	n := int64(0)
	if *v {
		n = 1
	}
	c.num(&n)
	*v = n != 0
}

func codeList[T any](c *coder, list *[]T, each func(*T)) {
	n := c.count(len(*list))
	if c.reading && n > 0 {
		*list = make([]T, 0, min(n, 1<<20))
	}
	for i := range n {
		if c.err != nil {
			return
		}
		if c.reading {
			var zero T
			*list = append(*list, zero)
		}
		each(&(*list)[i])
	}
}

func (c *coder) runs(runs *[]Run) {
	codeList(c, runs, func(r *Run) {
		c.num(&r.First)
		c.num(&r.Rows)
	})
}

func (c *coder) segment(s *segment) {
	c.num(&s.from)
	c.num(&s.to)
	codeList(c, &s.points, func(p *point) {
		c.num(&p.batch)
		c.time(&p.newest)
		codeList(c, &p.rows, func(r *rowCount) {
			c.name(&r.table)
			c.num(&r.rows)
		})
	})
	codeList(c, &s.files, c.file)
	codeList(c, &s.removed, c.text)
	codeList(c, &s.pending, func(p *Pending) {
		c.text(&p.Name)
		for _, v := range []*int64{&p.Rows, &p.Bytes, &p.Of, &p.Batch} {
			c.num(v)
		}
		c.time(&p.Due)
	})
	c.num(&s.cleared)
	codeList(c, &s.gaps, func(g *gap) {
		c.name(&g.table)
		c.name(&g.dir)
		c.runs(&g.runs)
	})
}

func (c *coder) file(f *File) {
	c.name(&f.Table)
	c.name(&f.Dir)
	c.text(&f.Path)
	c.num(&f.Rows)
	c.num(&f.Bytes)
	c.num(&f.Batch)
	c.time(&f.Created)
	c.time(&f.First)
	c.time(&f.Last)
	schema := int64(f.Schema)
	c.num(&schema)
	f.Schema = int(schema)
	c.flag(&f.Compacted)
	c.runs(&f.Runs)
	stats := f.encodedStats()
	c.bytes(&stats)
	if c.reading {
		f.stats = stats
	}
}

// segmentHead begins the content of a segment; the number is that of its form.
const segmentHead = "skyfinch index 1\n"

// encode returns the content of a segment: the head, the zstd-compressed values, and
// the CRC-32 (IEEE) of both, the lowest byte first.
func (s *segment) encode() ([]byte, error) {
	var c coder
	c.segment(s)
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	data := z.EncodeAll(c.b, []byte(segmentHead))
	return binary.LittleEndian.AppendUint32(data, crc32.ChecksumIEEE(data)), nil
}

// maxSegment bounds the memory that a damaged segment can take.
const maxSegment = 4 << 30

// decodeSegment is the inverse of encode.
func decodeSegment(data []byte) (*segment, error) {
	n := len(data) - 4
	if n < len(segmentHead) || string(data[:len(segmentHead)]) != segmentHead {
		return nil, errors.New("it is not a segment of this version")
	}
	if crc32.ChecksumIEEE(data[:n]) != binary.LittleEndian.Uint32(data[n:]) {
		return nil, errors.New("its checksum is wrong")
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSegment))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	c := coder{reading: true}
	if c.b, err = z.DecodeAll(data[len(segmentHead):n], nil); err != nil {
		return nil, err
	}
	s := new(segment)
	if c.segment(s); c.err == nil && len(c.b) > 0 {
		c.err = fmt.Errorf("%d bytes follow it", len(c.b))
	}
	return s, c.err
}

// rowsNow returns the rows of the tables, sorted by table.
func (x *Index) rowsNow() (out []rowCount) {
	for _, name := range slices.Sorted(maps.Keys(x.tables)) {
		out = append(out, rowCount{name, x.tables[name].Rows})
	}
	return out
}
