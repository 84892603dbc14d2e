package inspect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"github.com/skyfinch/skyfinch/internal/thrift"
)

// statistics is what a footer says about the values of a column chunk. The
// indices are Parquet's field ids.
type statistics struct {
	number [9]int64
	text   [9][]byte
	set    [9]bool
	index  bool // there is a page index or a Bloom filter
}

// Parquet's field ids of the statistics. Readers fall back to the old bounds.
const (
	statOldUpper = 1
	statOldLower = 2
	statNulls    = 3
	statUpper    = 5
	statLower    = 6
)

// readStatistics reads the statistics of all column chunks, by row group and
// column. Arrow's reader hides whether a field is set.
func readStatistics(f File) (map[[2]int]*statistics, error) {
	var tail [8]byte // the length of the metadata, and magic
	if err := readAt(f, tail[:], f.Size()-int64(len(tail))); err != nil {
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint32(tail[:]))
	if size > f.Size()-int64(len(tail)) {
		return nil, errors.New("footer: longer than the file")
	}
	buf := make([]byte, size)
	if err := readAt(f, buf, f.Size()-int64(len(tail))-size); err != nil {
		return nil, err
	}
	all := map[[2]int]*statistics{}
	_, err := thrift.Walk(buf, func(path []int, number int64, text []byte) {
		// row_groups (4), its index, columns (1), its index, and a field of the
		// chunk; or meta_data (3) and a field of it; or statistics (12) there.
		if len(path) < 5 || path[0] != 4 || path[2] != 1 {
			return
		}
		s := all[[2]int{path[1], path[3]}]
		if s == nil {
			s = &statistics{}
			all[[2]int{path[1], path[3]}] = s
		}
		switch in := path[4:]; {
		case len(in) == 1:
			s.index = s.index || in[0] >= 4 && in[0] <= 7
		case len(in) == 2 && in[0] == 3:
			s.index = s.index || in[1] == 14 || in[1] == 15
		case len(in) == 3 && in[0] == 3 && in[1] == 12 && in[2] > 0 && in[2] < len(s.set):
			s.number[in[2]], s.text[in[2]], s.set[in[2]] = number, text, true
		}
	})
	if err != nil {
		return nil, fmt.Errorf("footer: %w", err)
	}
	return all, nil
}

// check compares the statistics with the values found. The bounds of a skyfinch
// file are exact.
func (s *statistics) check(v *values) error {
	if s == nil {
		return nil
	}
	if s.index {
		return errors.New("has a page index or a Bloom filter, which cannot be verified and which no file of an archive has")
	}
	if s.set[statNulls] && (s.text[statNulls] != nil || s.number[statNulls] != v.nulls) {
		return fmt.Errorf("its statistics count %d nulls, and it has %d", s.number[statNulls], v.nulls)
	}
	lower, upper, known := v.bounds()
	for _, b := range []struct {
		field int
		name  string
		value []byte
	}{{statLower, "least", lower}, {statOldLower, "least", lower}, {statUpper, "greatest", upper}, {statOldUpper, "greatest", upper}} {
		switch {
		case !s.set[b.field]:
		case !known:
			return fmt.Errorf("its statistics have a %s value, and it has none", b.name)
		case s.text[b.field] == nil || !bytes.Equal(s.text[b.field], b.value):
			return fmt.Errorf("its statistics say that the %s value is %x, and it is %x", b.name, s.text[b.field], b.value)
		}
	}
	return nil
}

// hasOrder reports whether extremes are found in the order of a column.
func hasOrder(c *schema.Column) bool {
	switch c.PhysicalType() {
	case parquet.Types.ByteArray:
		return c.SortOrder() == schema.SortUNSIGNED
	case parquet.Types.FixedLenByteArray:
		return c.SortOrder() != schema.SortUNKNOWN
	}
	return c.SortOrder() == schema.SortSIGNED
}
