package hats

import (
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strconv"
	"strings"
)

// What a list of partitions lost would read as empty sky. So all that tells what
// should be in it is looked at.

// hasAllRows compares the rows of all partitions with those of the catalogue, if
// both are said.
func (d *directory) hasAllRows() error {
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
		return fmt.Errorf("it has %d rows in %d partitions, but hats_nrows is %d in the properties: the catalogue is not whole", rows, len(d.partitions), want)
	}
	return nil
}

// hasAllFiles returns an error if there are files of partitions that are not
// listed.
func (d *directory) hasAllFiles() error {
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
			return fmt.Errorf("it has %d partitions, but not that of %s, which is there: the list is not whole, or that is left over", len(d.partitions), file)
		}
	}
	return nil
}

// isBeside returns an error if a margin was made for other partitions, whose
// neighbours' rows would be missing. It may have some where the catalogue has no
// rows, and none of those that nothing is near.
func (d *directory) isBeside(main *directory) error {
	for _, p := range d.partitions {
		i := sort.Search(len(main.partitions), func(i int) bool { return p.first() < main.partitions[i].end() })
		if i == len(main.partitions) || p.end() <= main.partitions[i].first() {
			continue
		}
		if m := main.partitions[i]; m.order != p.order {
			return fmt.Errorf("%s: the margin has %v, which lies across %v of the catalogue: it was made for another one (%s is the catalogue without it)", d.path, p, m, main.path)
		}
	}
	return nil
}
