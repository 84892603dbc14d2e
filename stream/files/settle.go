package files

import (
	"io/fs"
	"sync"
	"time"
)

// trustedAge is the age from which a modification time alone shows that a file is
// complete. The clocks of a file server and of this machine may differ, and file
// systems may store local times, but not by a day.
const trustedAge = 24 * time.Hour

// unsettled remembers the files of the last day as they were first seen with
// their current size and time.
type unsettled struct {
	mu       sync.Mutex
	files    map[string]sighting
	listings int
}

type sighting struct {
	size    int64
	time    time.Time // of modification
	since   time.Time // when it was first seen so
	listing int       // the last one that found the file
}

// begin returns the number of a new listing.
func (u *unsettled) begin() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.listings++
	return u.listings
}

// settled reports whether a file has not changed for d, as far as listings show.
func (u *unsettled) settled(path string, info fs.FileInfo, listing int, now time.Time, d time.Duration) bool {
	if d <= 0 || now.Sub(info.ModTime()) >= max(d, trustedAge) {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	x, seen := u.files[path]
	if !seen || x.size != info.Size() || !x.time.Equal(info.ModTime()) {
		x = sighting{size: info.Size(), time: info.ModTime(), since: now}
	}
	x.listing = listing
	if u.files == nil {
		u.files = map[string]sighting{}
	}
	u.files[path] = x
	return now.Sub(x.since) >= d
}

// end forgets the files that neither this listing nor the one before has found.
func (u *unsettled) end(listing int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for path, x := range u.files {
		if x.listing < listing-1 {
			delete(u.files, path)
		}
	}
}
