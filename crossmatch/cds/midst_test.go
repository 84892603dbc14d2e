package cds

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds/cdstest"
)

// patient is a context that is done after a number of calls of Err.
type patient struct {
	context.Context
	end  context.CancelFunc
	left atomic.Int64
}

func patience(ctx context.Context, n int64) *patient {
	p := &patient{}
	p.Context, p.end = context.WithCancel(ctx)
	p.left.Store(n)
	return p
}

func (p *patient) Err() error {
	if p.left.Add(-1) < 0 {
		p.end()
	}
	return p.Context.Err()
}

// Wherever a call is cancelled, or its fallback fails, all rows are released, the
// breaker is free, and the next call succeeds.
func TestEndsInTheMidst(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		sick := false
		s.Fault = func(n int) cdstest.Fault {
			if sick && n%3 == 0 {
				return cdstest.Refuse(400, "no")
			}
			return nil
		}
		c := connect(t, s)
		c.Batch, c.Cache = 1, -1
		backup := &local{Client: connect(t, s)}
		backup.Schema()
		p := places(10, 20, math.NaN(), 0, 0, 0, 50, 50, 60, 60)
		ended := 0
		for _, sick = range []bool{false, true} {
			if c.Fallback = nil; sick {
				c.Fallback = backup
			}
			for n := range int64(200) {
				ctx := patience(t.Context(), n)
				a, err := c.Nearest(ctx, p, 2*crossmatch.Arcsecond)
				ctx.end()
				if err == nil {
					assert.EqualValues(t, 5, a.Rows.NumRows())
					release(a.Rows)
					break
				}
				ended++
				require.ErrorIs(t, err, context.Canceled)
				require.Nil(t, a.Rows)
			}
			u, err := c.Service.parse()
			require.NoError(t, err)
			require.Empty(t, breakerOf(u).turn)
		}
		assert.Greater(t, ended, 10)
		for _, change := range []func(){
			func() { backup.err = errors.New("no") }, func() { backup.err, backup.lost = nil, 1 },
			func() { backup.lost, backup.cause = 0, errors.New("disk on fire") },
		} {
			change()
			for range 3 { // one of which is refused
				a, _ := c.Nearest(t.Context(), p, 2*crossmatch.Arcsecond)
				release(a.Rows)
			}
		}
	})
}

// Wherever a reply breaks off, positions answered before it have rows, the others
// nulls, and no memory leaks.
func TestBreaksInTheMidst(t *testing.T) {
	for _, encoding := range []string{"TABLEDATA", "BINARY", "BINARY2"} {
		inTime(t, func(t *testing.T) {
			for i := range 40 {
				s := serve()
				s.Encoding = encoding
				s.Fault = func(n int) cdstest.Fault {
					if n == 1 {
						return nil
					}
					return cdstest.Cut(float64(i) / 40)
				}
				c := connect(t, s)
				c.Batch = 2
				a := nearest(t, c, 50, 50, 10, 20, 0, 0, 359.9999, -45.5)
				require.Equal(t, "none match failed failed", statuses(a))
				require.Error(t, a.Cause)
				require.Equal(t, 3, a.Rows.Column(0).NullN())
			}
		})
	}
}
