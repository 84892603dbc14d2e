package cds

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds/cdstest"
)

// local is a catalogue of one object, L, that matches all of the north.
type local struct {
	*Client // for its schema
	err     error
	cause   error
	lost    int // rows missing from its answers
	got     crossmatch.Positions
}

func (l *local) Nearest(_ context.Context, p crossmatch.Positions, _ crossmatch.Angle) (crossmatch.Answer, error) {
	l.got = p
	if l.err != nil {
		return crossmatch.Answer{}, l.err
	}
	a := crossmatch.Answer{Cause: l.cause}
	for _, dec := range p.Dec {
		m := crossmatch.Match{Row: -1, Status: crossmatch.StatusNone, Separation: crossmatch.Angle(math.NaN())}
		if l.cause != nil {
			m.Status = crossmatch.StatusFailed
		} else if dec > 0 {
			m = crossmatch.Match{Row: 17, Status: crossmatch.StatusMatch, Separation: 0.5 * crossmatch.Arcsecond}
		}
		a.Matches = append(a.Matches, m)
	}
	rows := make([][]any, len(p.Dec))
	for i, m := range a.Matches {
		if m.Status == crossmatch.StatusMatch {
			rows[i] = []any{"L", int64(i), nil}
		}
	}
	a.Rows = l.record(rows[:len(rows)-l.lost])
	return a, nil
}

func TestFallback(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		s.Fault = func(n int) cdstest.Fault {
			if n == 1 {
				return nil
			}
			return cdstest.Plain(500, "")
		}
		c := connect(t, s)
		c.Batch = 2
		backup := &local{Client: connect(t, s)}
		backup.Schema()
		c.Fallback = backup
		p := places(0, 0, 10, 20, math.NaN(), 0, 50, -50, 60, 50, 60, 50)
		p.Epoch = []float64{1, 2, 3, 4, 5, 6}
		a, err := c.Nearest(context.Background(), p, crossmatch.Arcsecond)
		require.NoError(t, err)
		defer release(a.Rows)
		assert.NoError(t, a.Cause)
		assert.Equal(t, "match match invalid none match match", statuses(a))
		assert.Equal(t, []float64{50, 60, 60}, backup.got.RA, "only positions that the service did not answer")
		assert.Equal(t, []float64{4, 5, 6}, backup.got.Epoch)
		require.EqualValues(t, 6, a.Rows.NumRows())
		assert.Equal(t, "Galaxy", otype(t, a, 0))
		assert.Equal(t, "RR*", otype(t, a, 1))
		assert.Equal(t, "L", otype(t, a, 5))
		assert.EqualValues(t, 2, a.Rows.Column(1).(*array.Int64).Value(5))
		assert.EqualValues(t, 1, a.Rows.Column(1).(*array.Int64).Value(4))
		assert.True(t, a.Rows.Column(2).(*array.Float64).IsNull(5))
		assert.True(t, a.Rows.Column(0).IsNull(3))
		assert.EqualValues(t, -1, a.Matches[5].Row)

		s.Fault = nil
		b := nearest(t, c, 60, 50)
		assert.Equal(t, "none", statuses(b), "the fallback's answers are not cached")
	})
}

func TestFallbackThatFails(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		s.Fault = cdstest.Always(cdstest.Plain(403, ""))
		c := connect(t, s)
		backup := &local{Client: connect(t, s), cause: errors.New("disk on fire")}
		c.Fallback = backup
		a := nearest(t, c, 10, 20)
		assert.Equal(t, "failed", statuses(a))
		assert.ErrorContains(t, a.Cause, "403")
		assert.ErrorContains(t, a.Cause, "disk on fire")

		backup.cause, backup.lost = nil, 1
		_, err := c.Nearest(context.Background(), places(10, 20), crossmatch.Arcsecond)
		assert.ErrorContains(t, err, "not have a row for each of 1 positions")

		backup.err = errors.New("it is closed")
		_, err = c.Nearest(context.Background(), places(10, 20), 1)
		assert.ErrorContains(t, err, "beyond the 180")
		a = nearest(t, c, 10, 20)
		assert.Equal(t, "failed", statuses(a))
		assert.ErrorIs(t, a.Cause, backup.err)
		assert.ErrorIs(t, a.Cause, ErrUnavailable)
	})
}

func TestFallbackOfOtherColumns(t *testing.T) {
	one := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)
	two := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int32}}, nil)
	required := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	assert.NoError(t, checkFallback(nil, nil))
	assert.NoError(t, checkFallback(one, required))
	assert.Error(t, checkFallback(one, two))
	assert.Error(t, checkFallback(nil, one))
	assert.Error(t, checkFallback(one, nil))
}

// Values of a fallback's rows have the same types as the service's.
func TestValueAt(t *testing.T) {
	row := []any{"s", true, int16(-1), int32(2), int64(3), float32(4.5), 5.25}
	c := &Client{Memory: checked(t)}
	for _, kind := range []arrow.DataType{
		arrow.BinaryTypes.String, arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32,
		arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
	} {
		require.NoError(t, checkField(arrow.Field{Name: "x", Type: kind}))
		c.Fields = append(c.Fields, arrow.Field{Name: kind.Name(), Type: kind})
	}
	c.Schema()
	r := c.record([][]any{nil, row})
	defer r.Release()
	assert.Equal(t, row, rowOf(r, 1))
	assert.Equal(t, make([]any, len(row)), rowOf(r, 0))
}
