package crossmatch

import (
	"context"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
)

// A Matcher finds the rows of a catalogue that are nearest to positions. It may be
// used concurrently, and may block, on a remote service for example.
type Matcher interface {
	// Nearest finds for each position the nearest row with a separation up to and
	// including radius. If the catalogue fails, the positions that it could not
	// match have the status StatusFailed, and Answer.Cause is the reason. The error
	// reports invalid arguments or a done context.
	Nearest(ctx context.Context, p Positions, radius Angle) (Answer, error)
	// Schema returns the schema of Answer.Rows; nil if the catalogue has no columns.
	Schema() *arrow.Schema
}

// An AllMatcher is a Matcher that can also find all rows within a radius. A type
// that embeds a Catalog is one.
type AllMatcher interface {
	Matcher
	// MatchAll is like Nearest, but finds all rows within the radius. For each
	// position it returns a Match for each such row, the nearest first, or a single
	// Match if there are none. The slice positions holds the number of each Match's
	// position, in ascending order. Limit is the maximum for each position; if zero,
	// it is unlimited. Columns are the columns of Answer.Rows, by number in Schema;
	// if nil, all.
	MatchAll(ctx context.Context, p Positions, radius Angle, limit int, columns []int) (a Answer, positions []int32, err error)
}

// Positions are positions on the sky, in ICRS degrees. Right ascension is taken
// modulo 360. A position is invalid if a coordinate is NaN or infinite, or the
// declination is not from -90 to 90.
type Positions struct {
	RA, Dec []float64
	// Epoch is when each position was observed, in Julian years (2026.5), for
	// catalogues with proper motions. Where it is NaN or not between 1000 and 3000,
	// and if Epoch is nil, the catalogue's own epoch is used.
	Epoch []float64
}

// Check returns an error if the slices differ in length, or the radius is not from
// 0 to 180 degrees.
func (p Positions) Check(radius Angle) error {
	switch {
	case len(p.RA) != len(p.Dec):
		return fmt.Errorf("crossmatch: %d right ascensions and %d declinations", len(p.RA), len(p.Dec))
	case p.Epoch != nil && len(p.Epoch) != len(p.RA):
		return fmt.Errorf("crossmatch: %d positions and %d epochs", len(p.RA), len(p.Epoch))
	case !(radius >= 0 && radius <= 180):
		return fmt.Errorf("crossmatch: radius of %v degrees: it must be from 0 to 180", radius.Degrees())
	case len(p.RA) > math.MaxInt32:
		return fmt.Errorf("crossmatch: %d positions: ask for fewer at a time", len(p.RA))
	}
	return nil
}

// Pick returns the positions with the given numbers.
func (p Positions) Pick(numbers []int32) Positions {
	pick := func(values []float64) []float64 {
		out := make([]float64, len(numbers))
		for k, i := range numbers {
			out[k] = values[i]
		}
		return out
	}
	out := Positions{RA: pick(p.RA), Dec: pick(p.Dec)}
	if p.Epoch != nil {
		out.Epoch = pick(p.Epoch)
	}
	return out
}

// Status is the outcome for a position.
type Status uint8

const (
	StatusFailed  Status = iota // the catalogue failed
	StatusNone                  // no row is within the radius
	StatusMatch                 // a row is
	StatusInvalid               // the position is invalid
)

// String returns failed, none, match or invalid.
func (s Status) String() string {
	switch s {
	case StatusNone:
		return "none"
	case StatusMatch:
		return "match"
	case StatusInvalid:
		return "invalid"
	default:
		return "failed"
	}
}

// Match is the outcome for a position: its status and, if that is StatusMatch, a row.
type Match struct {
	// Row is the number of the row in its catalogue, from 0. It is -1 if there is
	// no match, or if the catalogue does not number its rows.
	Row        int32
	Status     Status
	Separation Angle // from the row; NaN if there is no match
}

// Answer has a Match for each position.
type Answer struct {
	Matches []Match
	// Rows has a row for each Match: the catalogue's columns, or nulls without a
	// match. It is nil if the catalogue has no columns. The caller must release it.
	Rows arrow.Record
	// Cause is why positions are StatusFailed.
	Cause error
}
