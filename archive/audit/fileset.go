package audit

import (
	"hash/fnv"
	"slices"
	"sort"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// fileSet holds the files that were listed under the tables' roots, and the live
// files: those that a commit names and no later one replaces. It takes 12 bytes of
// memory for each listed file, and about twice as much for each live file that was
// not listed.
type fileSet struct {
	names []uint64 // hashes of the listed names, sorted
	// marks holds, for each name, its state in the lowest two bits and above
	// them a digest: of the size that was listed, and from the file's commit on
	// of its rows and bytes.
	marks    []uint32
	unlisted map[uint64]struct{} // by entryHash
}

// The states of a listed file.
const (
	unnamed  = 0 // no commit names it
	live     = 1
	replaced = 2

	stateBits = 3
)

func hash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// mix spreads the bits of a number over 64 bits, as splitmix64 does.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func sizeDigest(bytes int64) uint32 { return uint32(mix(uint64(bytes))) &^ stateBits }

func entryDigest(rows, bytes int64) uint32 {
	return uint32(mix(mix(uint64(rows))+uint64(bytes))) &^ stateBits
}

// entryHash is a hash of a file as a commit describes it.
func entryHash(name string, rows, bytes int64) uint64 {
	return mix(hash(name) + mix(mix(uint64(rows))+uint64(bytes)))
}

// sumOf returns what a file adds to a sum over files, given its name's hash and the
// digest of its size.
func sumOf(name uint64, size uint32) uint64 { return mix(name + mix(uint64(size))) }

// list adds a listed file. sort must be called after the last one.
func (s *fileSet) list(name string, size int64) {
	s.names = append(s.names, hash(name))
	s.marks = append(s.marks, sizeDigest(size))
}

func (s *fileSet) sort() {
	sort.Sort(byName{s})
	s.unlisted = map[uint64]struct{}{}
}

type byName struct{ *fileSet }

func (s byName) Len() int           { return len(s.names) }
func (s byName) Less(i, j int) bool { return s.names[i] < s.names[j] }
func (s byName) Swap(i, j int) {
	s.names[i], s.names[j] = s.names[j], s.names[i]
	s.marks[i], s.marks[j] = s.marks[j], s.marks[i]
}

// commit marks a file that a commit names as live, and reports whether an earlier
// commit names it.
func (s *fileSet) commit(f ledger.File) (before bool) {
	if i, ok := slices.BinarySearch(s.names, hash(f.Path)); ok {
		if s.marks[i]&stateBits != unnamed {
			return true
		}
		s.marks[i] = entryDigest(f.Rows, f.Bytes) | live
		return false
	}
	key := entryHash(f.Path, f.Rows, f.Bytes)
	_, before = s.unlisted[key]
	s.unlisted[key] = struct{}{}
	return before
}

// replace marks a live file as replaced. It reports false if no live file has the
// name, rows and bytes.
func (s *fileSet) replace(f ledger.ReplacedFile) bool {
	if i, ok := slices.BinarySearch(s.names, hash(f.Name)); ok {
		if s.marks[i] != entryDigest(f.Rows, f.Bytes)|live {
			return false
		}
		s.marks[i] = entryDigest(f.Rows, f.Bytes) | replaced
		return true
	}
	key := entryHash(f.Name, f.Rows, f.Bytes)
	_, ok := s.unlisted[key]
	delete(s.unlisted, key)
	return ok
}

// state returns the state of a file, and whether it was listed. If it was not,
// it is live or unnamed.
func (s *fileSet) state(name string, rows, bytes int64) (state uint32, listed bool) {
	if i, ok := slices.BinarySearch(s.names, hash(name)); ok {
		return s.marks[i] & stateBits, true
	}
	if _, ok := s.unlisted[entryHash(name, rows, bytes)]; ok {
		return live, false
	}
	return unnamed, false
}

// isLive reports whether a file of a commit is live.
func (s *fileSet) isLive(f ledger.File) bool {
	state, _ := s.state(f.Path, f.Rows, f.Bytes)
	return state == live
}

// wasListed reports whether a file was listed.
func (s *fileSet) wasListed(name string) bool {
	_, ok := slices.BinarySearch(s.names, hash(name))
	return ok
}

// hasUnnamed reports whether a file was listed that no commit names.
func (s *fileSet) hasUnnamed() bool {
	return slices.ContainsFunc(s.marks, func(m uint32) bool { return m&stateBits == unnamed })
}

// isUnnamed reports whether a file was listed and no commit names it.
func (s *fileSet) isUnnamed(name string) bool {
	i, ok := slices.BinarySearch(s.names, hash(name))
	return ok && s.marks[i]&stateBits == unnamed
}
