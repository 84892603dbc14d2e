package archive

import (
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/index"
)

// choose returns the files of a directory to be merged; none if the directory is not
// quiet, or would have as many files afterwards.
func (c *compactor) choose(table, dir string) []index.File {
	files := c.index.Table(table).Dir(dir)
	var newest time.Time
	for _, f := range files {
		if !f.Compacted && f.Created.After(newest) {
			newest = f.Created
		}
	}
	if time.Since(newest) < c.Quiet {
		return nil
	}
	return chooseSmall(files, c.size(), c.Order != CommitOrder)
}

// largeFactor is how many times larger than all other small files together a
// compacted one must be to be left out.
const largeFactor = 4

// chooseSmall returns the files below half of a size that are to be merged. If they
// are to be sorted, a single one that is not compacted is.
func chooseSmall(files []index.File, size int64, sorted bool) (small []index.File) {
	var total int64
	largest := -1
	for _, f := range files {
		if f.Bytes >= size/2 {
			continue
		}
		if largest < 0 || f.Bytes > small[largest].Bytes {
			largest = len(small)
		}
		small, total = append(small, f), total+f.Bytes
	}
	if len(small) > 1 && len(small) == len(files) {
		if f := small[largest]; f.Compacted && f.Bytes > largeFactor*(total-f.Bytes) {
			small = append(small[:largest], small[largest+1:]...)
		}
	}
	switch {
	case len(small) == 1 && (!sorted || small[0].Compacted):
		return nil
	case len(small) == 2 && small[0].Compacted && small[0].Batch == small[1].Batch && total > size/2:
		return nil // one compaction made them of more than size
	}
	return small
}
