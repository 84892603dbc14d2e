package index

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// segment is what the batches after from, through to, changed in an index. It is a
// pure function of the ledger through to.
type segment struct {
	from, to int64
	points   []point
	files    []File     // added and still live; in a decoded segment, see each
	counts   []rowCount // how many of them a table has
	removed  []string   // paths of files that were live before
	pending  []Pending  // added and not cleared
	cleared  int64      // those of batches through this one are no longer pending
	gaps     []gap      // added
	added    map[string]int

	encoded coder // of a decoded segment: continues with blocks
	blocks  []block
	zstd    *zstd.Decoder
}

func (s *segment) span() span { return span{s.from, s.to} }

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

// block is files of a segment, compressed. The statistics, which take most of the
// space and which few need, are on their own.
type block struct{ files, stats []byte }

// blockFiles is the number of files in a block, except the last one.
const blockFiles = 4096

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
	slices.SortFunc(s.files, func(a, b File) int { return cmp.Or(cmp.Compare(a.Table, b.Table), a.compare(&b)) })
	s.counts = nil
	for i := range s.files {
		if n := len(s.counts); n == 0 || s.counts[n-1].table != s.files[i].Table {
			s.counts = append(s.counts, rowCount{table: s.files[i].Table})
		}
		s.counts[len(s.counts)-1].rows++
	}
	slices.Sort(s.removed)
	s.added = nil
}

// join joins decoded segments, each of which begins where the one before it ends.
func join(parts []*segment) (*segment, error) {
	all := &segment{from: parts[0].from, to: parts[len(parts)-1].to}
	for _, s := range parts {
		for _, name := range s.removed {
			all.remove(name)
		}
		if err := s.each(func(f *File) { all.add(*f) }); err != nil {
			return nil, err
		}
		all.clear(s.cleared)
		all.pending = append(all.pending, s.pending...)
		all.gaps = append(all.gaps, s.gaps...)
		all.points = append(all.points, s.points...)
	}
	all.compact()
	return all, nil
}

// segmentHead begins the content of a segment; the number is that of its form.
const (
	segmentHead   = segmentFamily + "1\n"
	segmentFamily = "skyfinch index "
)

// encode returns the content of a segment: the head; frames, each a length in 4 bytes
// and as many bytes that Zstandard has compressed; and the CRC-32 (IEEE) of all this.
// Numbers of 4 bytes begin with the lowest. The first frame has all but the files. Two
// frames for each block of files follow.
func (s *segment) encode() ([]byte, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	data := []byte(segmentHead)
	frame := func(b []byte) {
		compressed := z.EncodeAll(b, nil)
		data = binary.LittleEndian.AppendUint32(data, uint32(len(compressed)))
		data = append(data, compressed...)
	}
	var c coder
	c.segment(s)
	frame(c.b)
	for files := range slices.Chunk(s.files, blockFiles) {
		c.b = nil
		c.files(files)
		frame(c.b)
		texts := make([][]byte, len(files))
		for i, f := range files {
			texts[i] = f.stats.text(f.place)
		}
		var stats coder
		codeList(&stats, &texts, stats.bytes)
		frame(stats.b)
	}
	return binary.LittleEndian.AppendUint32(data, crc32.ChecksumIEEE(data)), c.err
}

// ErrVersion reports a segment that another version has written.
var ErrVersion = errors.New("this version does not know its form; the ledger was read instead")

func newDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
}

// decodeSegment is the inverse of encode. The files are decoded by each.
func decodeSegment(data []byte, z *zstd.Decoder) (*segment, error) {
	n := len(data) - 4
	if n < len(segmentHead) || string(data[:len(segmentHead)]) != segmentHead {
		if bytes.HasPrefix(data, []byte(segmentFamily)) {
			return nil, ErrVersion
		}
		return nil, errors.New("it does not begin as a segment does")
	}
	if crc32.ChecksumIEEE(data[:n]) != binary.LittleEndian.Uint32(data[n:]) {
		return nil, errors.New("its checksum is wrong")
	}
	var frames [][]byte
	for rest := data[len(segmentHead):n]; len(rest) > 0; {
		if len(rest) < 4 || uint64(binary.LittleEndian.Uint32(rest)) > uint64(len(rest)-4) {
			return nil, errCut
		}
		size := binary.LittleEndian.Uint32(rest)
		frames, rest = append(frames, rest[4:4+size]), rest[4+size:]
	}
	if len(frames)%2 == 0 {
		return nil, errCut
	}
	s := &segment{zstd: z}
	s.encoded.reading = true
	if err := s.decode(frames[0], func(c *coder) { c.segment(s) }); err != nil {
		return nil, err
	}
	for i := 1; i < len(frames); i += 2 {
		s.blocks = append(s.blocks, block{frames[i], frames[i+1]})
	}
	return s, nil
}

// decode decodes a frame, all of it.
func (s *segment) decode(frame []byte, into func(*coder)) error {
	c := &s.encoded
	if c.b, c.err = s.zstd.DecodeAll(frame, nil); c.err != nil {
		return c.err
	}
	if into(c); c.err == nil && len(c.b) > 0 {
		c.err = fmt.Errorf("%d bytes follow it", len(c.b))
	}
	return c.err
}

// each yields the files of a decoded segment. A file is valid until each yields the next
// one. It may be called again: names that were decoded keep their numbers.
func (s *segment) each(yield func(*File)) error {
	files := make([]File, blockFiles)
	for i, b := range s.blocks {
		n := min(s.size()-int64(i)*blockFiles, blockFiles)
		if n <= 0 {
			return errCut
		}
		if err := s.decode(b.files, func(c *coder) { c.files(files[:n]) }); err != nil {
			return err
		}
		stats := &fileStats{compressed: b.stats, zstd: s.zstd}
		for k := range files[:n] {
			files[k].stats, files[k].place = stats, k
			yield(&files[k])
		}
	}
	if int64(len(s.blocks)) != (s.size()+blockFiles-1)/blockFiles {
		return errCut
	}
	return nil
}

// size returns the number of files.
func (s *segment) size() (n int64) {
	for _, t := range s.counts {
		n += t.rows
	}
	return n
}

func (c *coder) segment(s *segment) {
	c.num(&s.from)
	c.num(&s.to)
	codeList(c, &s.points, func(p *point) {
		c.num(&p.batch)
		c.time(&p.newest)
		codeList(c, &p.rows, c.rowCount)
	})
	codeList(c, &s.counts, c.rowCount)
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
	for _, t := range s.counts {
		if t.rows < 0 || t.rows > maxFiles {
			c.err = errCut
		}
	}
}

// maxFiles bounds what a damaged segment can take in memory.
const maxFiles = 1 << 30

func (c *coder) rowCount(r *rowCount) {
	c.name(&r.table)
	c.num(&r.rows)
}

// files codes files column by column, which takes less space and time than file by
// file.
func (c *coder) files(files []File) {
	c.last = ""
	var size, batch, created, first, last int64
	for i := range files {
		c.name(&files[i].Table)
	}
	for i := range files {
		c.name(&files[i].Dir)
	}
	for i := range files {
		c.text(&files[i].Path)
	}
	for i := range files {
		c.num(&files[i].Rows)
	}
	for i := range files {
		c.next(&files[i].Bytes, &size)
	}
	for i := range files {
		c.next(&files[i].Batch, &batch)
	}
	for i := range files {
		c.nextTime(&files[i].Created, &created)
	}
	for i := range files {
		c.nextTime(&files[i].First, &first)
	}
	for i := range files {
		c.nextTime(&files[i].Last, &last)
	}
	for i := range files {
		schema := int64(files[i].Schema)
		c.num(&schema)
		files[i].Schema = int(schema)
	}
	for i := range files {
		c.flag(&files[i].Compacted)
	}
	c.runsOf(files)
}

// runsOf codes the runs of files: how many each has, then all of them.
func (c *coder) runsOf(files []File) {
	var all []Run
	counts := make([]int, len(files))
	total := 0
	for i := range files {
		counts[i] = c.count(len(files[i].Runs))
		total += counts[i]
	}
	if !c.reading {
		for i := range files {
			all = append(all, files[i].Runs...)
		}
	} else if total > len(c.b) { // a run takes two bytes at least
		c.err, c.b, total = errCut, nil, 0
		clear(counts)
	}
	if c.reading {
		all = make([]Run, total)
	}
	var end int64
	for i := range all {
		c.next(&all[i].First, &end)
		c.num(&all[i].Rows)
		end += all[i].Rows
	}
	for i := range files {
		files[i].Runs, all = all[:counts[i]:counts[i]], all[counts[i]:]
		if len(files[i].Runs) == 0 {
			files[i].Runs = nil
		}
	}
}
