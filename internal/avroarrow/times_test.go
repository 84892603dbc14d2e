package avroarrow

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// One value that a reader cannot represent makes DuckDB fail on the whole file.
func TestTimesThatReadersCanRepresent(t *testing.T) {
	const years, hours = "avroarrow: x: time outside the years 1 to 9999", "avroarrow: x: time of day outside 0 to 24 hours"
	for typ, c := range map[string]struct {
		from, to int64 // the values that are accepted
		cause    string
	}{
		`"int","logicalType":"date"`:                    {-719162, 2932896, years},
		`"long","logicalType":"timestamp-millis"`:       {-62135596800000, 253402300799999, years},
		`"long","logicalType":"local-timestamp-micros"`: {-62135596800000000, 253402300799999999, years},
		`"int","logicalType":"time-millis"`:             {0, 86399999, hours},
		`"long","logicalType":"time-micros"`:            {0, 86399999999, hours},
		`"long","logicalType":"timestamp-nanos"`:        {math.MinInt64, math.MaxInt64, ""},
	} {
		s := parsed(t, one(`["null",{"type":`+typ+`}]`))
		mem := checked(t)
		b := NewBuilder(mem, s.Arrow())
		add := func(v int64) error { return appendTo(b, s, cat(vint(1), vint(v))) }
		assert.NoError(t, add(c.from), typ)
		assert.NoError(t, add(c.to), typ)
		if c.cause != "" {
			for _, v := range []int64{c.from - 1, c.to + 1, math.MinInt64, math.MaxInt64, 1 << 62} {
				assert.EqualError(t, add(v), c.cause, "%s %d", typ, v)
			}
		}
		assert.Equal(t, 2, b.Len())
		b.Release()
	}
}
