package index

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Table is the state of one table.
type Table struct {
	Name string
	Rows int64 // the numbers of its rows are below it
	// Files are the live files, sorted by directory and first row number.
	Files  []File
	Pruned []Gap // sorted by directory

	added []File // to be merged into Files by settle
}

// File is a live file. Its Stats are nil; see Stat.
type File struct {
	ledger.File
	Dir       string    // below the table's directory, such as 2026/09/18/03
	Batch     int64     // that committed it
	Created   time.Time // of the commit
	Compacted bool      // a rewrite has moved its rows there
	// Runs are the numbers of its rows, ascending and not touching.
	Runs []Run

	stats *fileStats // of this file and others; nil if there are none
	place int        // of this file in stats
}

// Gap is the rows of a directory that were pruned.
type Gap struct {
	Dir  string
	Runs []Run
}

// fileStats holds Stats of files as JSON. Those of segments are decompressed when they
// are needed.
type fileStats struct {
	once       sync.Once
	compressed []byte
	zstd       *zstd.Decoder
	texts      [][]byte
}

// text returns the Stats of a file as JSON, or nil if there are none.
func (s *fileStats) text(place int) []byte {
	if s == nil {
		return nil
	}
	s.once.Do(func() {
		if s.compressed == nil {
			return
		}
		c := coder{reading: true}
		if c.b, c.err = s.zstd.DecodeAll(s.compressed, nil); c.err == nil {
			codeList(&c, &s.texts, c.bytes)
		}
		if s.compressed = nil; c.err != nil {
			s.texts = nil // unknown; the segment's checksum is right, so it does not happen
		}
	})
	if place >= len(s.texts) {
		return nil
	}
	return s.texts[place]
}

// Stat returns the least and the greatest value of a column as in ledger.File.Stats. It
// may be called concurrently.
func (f *File) Stat(column string) (bounds [2]json.RawMessage, ok bool) {
	var all map[string][2]json.RawMessage
	if text := f.stats.text(f.place); len(text) > 0 && json.Unmarshal(text, &all) != nil {
		return bounds, false
	}
	bounds, ok = all[column]
	return bounds, ok
}

// packStats replaces the parsed Stats by their JSON, which is a tenth of the size.
func (f *File) packStats() {
	if len(f.Stats) > 0 {
		text, _ := json.Marshal(f.Stats) // it was parsed from JSON
		f.stats, f.place = &fileStats{texts: [][]byte{text}}, 0
	}
	f.Stats = nil
}

// settle merges the added files into Files. A back-fill adds to many directories at
// once: inserting files one by one would move the others each time.
func (t *Table) settle() {
	n, k := len(t.Files), len(t.added)
	if k == 0 {
		return
	}
	sortFiles(t.added)
	t.Files = slices.Grow(t.Files, k)[:n+k]
	for i, at := n, n+k-1; k > 0; at-- { // from the end: what does not move is not touched
		if i > 0 && t.Files[i-1].compare(&t.added[k-1]) > 0 {
			i--
			t.Files[at] = t.Files[i]
		} else {
			k--
			t.Files[at] = t.added[k]
		}
	}
	clear(t.added)
	t.added = t.added[:0]
}

// sort sorts the files, which are those of segments one after another.
func (t *Table) sort() {
	if areSorted(t.Files) {
		return
	}
	counts := map[string]int{}
	for i := range t.Files {
		counts[t.Files[i].Dir]++
	}
	next, at := make(map[string]int, len(counts)), 0
	dirs := slices.Sorted(maps.Keys(counts))
	for _, dir := range dirs {
		next[dir], at = at, at+counts[dir]
	}
	sorted := make([]File, len(t.Files))
	for i := range t.Files {
		dir := t.Files[i].Dir
		sorted[next[dir]] = t.Files[i]
		next[dir]++
	}
	for _, dir := range dirs {
		sortFiles(sorted[next[dir]-counts[dir] : next[dir]])
	}
	t.Files = sorted
}

// prune adds to the gaps of a table.
func (t *Table) prune(dir string, runs []Run) {
	at, found := slices.BinarySearchFunc(t.Pruned, dir, func(g Gap, dir string) int { return cmp.Compare(g.Dir, dir) })
	if !found {
		t.Pruned = slices.Insert(t.Pruned, at, Gap{Dir: dir})
	}
	t.Pruned[at].Runs = merge(append(t.Pruned[at].Runs, runs...))
}

// dir returns the positions of the files of a directory.
func (t *Table) dir(dir string) (from, to int) {
	from, _ = slices.BinarySearchFunc(t.Files, dir, func(f File, dir string) int { return cmp.Compare(f.Dir, dir) })
	for to = from; to < len(t.Files) && t.Files[to].Dir == dir; to++ {
	}
	return from, to
}

// Dir returns the files of a directory, sorted by first row number.
func (t *Table) Dir(dir string) []File {
	from, to := t.dir(dir)
	return slices.Clone(t.Files[from:to])
}

// compare compares the places of files of one table in the order of Files.
func (f *File) compare(g *File) int {
	if f.Dir != g.Dir {
		return cmp.Compare(f.Dir, g.Dir)
	}
	if n := cmp.Compare(f.first(), g.first()); n != 0 {
		return n
	}
	return cmp.Compare(f.Path, g.Path)
}

// first returns the number of the first row.
func (f *File) first() int64 {
	if len(f.Runs) == 0 {
		return 0
	}
	return f.Runs[0].First
}

func areSorted(files []File) bool {
	for i := 1; i < len(files); i++ {
		if files[i-1].compare(&files[i]) > 0 {
			return false
		}
	}
	return true
}

func sortFiles(files []File) {
	if !areSorted(files) {
		slices.SortFunc(files, func(a, b File) int { return a.compare(&b) })
	}
}
