package archive

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/internal/healpix"
	"github.com/skyfinch/skyfinch/stream"
)

// Order is the order of the rows of a compacted file. Whatever it is, a Source yields
// them in the order in which they were committed.
type Order int

const (
	// CommitOrder is that in which the rows were committed, nearly that of time.
	CommitOrder Order = iota
	// ObjectOrder is that of object_id and then event_time, rows without an object
	// last. It makes the alerts of an object quick to find.
	ObjectOrder
	// SkyOrder is that of the HEALPix pixels of ra and dec in the nested scheme, rows
	// without a position last. It makes the alerts in a part of the sky quick to find.
	SkyOrder
)

var orderNames = [...]string{CommitOrder: "time", ObjectOrder: "object", SkyOrder: "sky"}

// String returns the order's name.
func (o Order) String() string {
	if o < 0 || int(o) >= len(orderNames) {
		return fmt.Sprintf("Order(%d)", int(o))
	}
	return orderNames[o]
}

// ParseOrder returns the order named time, object or sky.
func ParseOrder(name string) (Order, error) {
	if i := slices.Index(orderNames[:], name); i >= 0 {
		return Order(i), nil
	}
	return 0, fmt.Errorf("unknown order %q: it is one of %s", name, strings.Join(orderNames[:], ", "))
}

// columns returns the columns that determine the order.
func (o Order) columns() []string {
	switch o {
	case ObjectOrder:
		return []string{"object_id", "event_time"}
	case SkyOrder:
		return []string{"ra", "dec"}
	}
	return nil
}

// sortKey is what a row is sorted by. Equal rows keep their order.
type sortKey struct {
	text   string
	number uint64
	null   bool
}

func (a sortKey) compare(b sortKey) int {
	switch {
	case a.null != b.null && a.null:
		return 1
	case a.null != b.null:
		return -1
	}
	return cmp.Or(strings.Compare(a.text, b.text), cmp.Compare(a.number, b.number))
}

// appendKeys appends the keys of the rows of a record.
func (o Order) appendKeys(keys []sortKey, r arrow.Record) []sortKey {
	n := int(r.NumRows())
	switch o {
	case ObjectOrder:
		ids, _ := stream.Field(r, "object_id").(*array.String)
		times, _ := stream.Field(r, "event_time").(*array.Timestamp)
		for i := range n {
			k := sortKey{null: ids == nil || ids.IsNull(i)}
			if !k.null {
				k.text = strings.Clone(ids.Value(i))
			}
			if times != nil && times.IsValid(i) {
				k.number = uint64(times.Value(i)) ^ 1<<63
			}
			keys = append(keys, k)
		}
	case SkyOrder:
		ra, dec := stream.Float64s(stream.Field(r, "ra")), stream.Float64s(stream.Field(r, "dec"))
		for i := range n {
			k := sortKey{null: true}
			if ra != nil && dec != nil {
				a, ok := ra(i)
				d, ok2 := dec(i)
				if ok && ok2 && !math.IsNaN(a) && !math.IsInf(a, 0) && d >= -90 && d <= 90 {
					k = sortKey{number: healpix.Nested(a, d)}
				}
			}
			keys = append(keys, k)
		}
	default:
		keys = append(keys, make([]sortKey, n)...)
	}
	return keys
}
