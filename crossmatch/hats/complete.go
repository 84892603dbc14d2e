package hats

import (
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strconv"
	"strings"
)

// A partition missing from the list would look like empty sky. So the list is
// compared with everything that says what it should have.

// checkRows compares the rows of all partitions with those of the catalogue, if
// both are known.
func (d *directory) checkRows() error {
	text := d.properties["hats_nrows"]
	if text == "" {
		return nil
	}
	want, err := strconv.ParseInt(text, 10, 64)
	if err != nil || want < 0 {
		return fmt.Errorf("hats_nrows is %.20q in the properties", text)
	}
	rows := int64(0)
	for _, p := range d.partitions {
		if p.rows < 0 {
			return nil
		}
		rows += p.rows
	}
	if rows != want {
		return fmt.Errorf("it has %d rows in %d partitions, but hats_nrows is %d in the properties: the catalogue is incomplete", rows, len(d.partitions), want)
	}
	return nil
}

// checkFiles returns an error if a partition has files but is not in the list.
func (d *directory) checkFiles() error {
	listed := make(map[string]bool, len(d.partitions))
	for _, p := range d.partitions {
		listed[p.name()] = true
	}
	files, err := fs.Glob(os.DirFS(d.path), "dataset/Norder=*/Dir=*/Npix=*")
	if err != nil {
		return err
	}
	for _, file := range files {
		name, ok := strings.CutSuffix(file, strings.TrimSuffix(d.suffix, "/"))
		if _, err := strconv.ParseUint(name[strings.LastIndexByte(name, '=')+1:], 10, 64); ok && err == nil && !listed[name] {
			return fmt.Errorf("it has %d partitions, but not that of %s, which exists: the list is incomplete, or the file is left over", len(d.partitions), file)
		}
	}
	return nil
}

// checkMarginOf returns an error if a margin was made for other partitions: the
// rows of their neighbours would be missing. A margin may have partitions that the
// catalogue does not, and lacks those without a row near them.
func (d *directory) checkMarginOf(main *directory) error {
	for _, p := range d.partitions {
		i := sort.Search(len(main.partitions), func(i int) bool { return p.first() < main.partitions[i].end() })
		if i == len(main.partitions) || p.end() <= main.partitions[i].first() {
			continue
		}
		if m := main.partitions[i]; m.order != p.order {
			return fmt.Errorf("%s: the margin has %v, which overlaps %v of the catalogue: it was made for another one (%s is the catalogue without it)", d.path, p, m, main.path)
		}
	}
	return nil
}
