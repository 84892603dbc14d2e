package crossmatch

import (
	"context"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
)

// A Matcher finds what a catalogue has at positions. It may be used
// concurrently, and may take its time: a service, for example.
type Matcher interface {
	// Nearest finds for each position the nearest row within the radius, which
	// is included. A catalogue that fails is no error but the status Failed of
	// the positions that it did not answer, with the cause in the answer. An
	// error is of a call that makes no sense, or the context's.
	Nearest(ctx context.Context, p Positions, radius Angle) (Answer, error)
	// Schema is that of Answer.Rows; nil if the catalogue has no columns.
	Schema() *arrow.Schema
}

// Positions are places on the sky, in ICRS degrees. Right ascension is taken
// modulo 360. A position that is NaN or infinite, or whose declination is
// beyond a pole, is answered with Invalid.
type Positions struct {
	RA, Dec []float64
	// Epoch is when each was observed, in Julian years (2026.5), for catalogues
	// whose rows move. Nil, NaN or beyond a million years: not known, and the
	// catalogue's own epoch is taken.
	Epoch []float64
}

// Check returns an error if the positions and a radius make no question: if slices
// differ in length, or the radius is not from 0 to 180 degrees.
func (p Positions) Check(radius Angle) error {
	switch {
	case len(p.RA) != len(p.Dec):
		return fmt.Errorf("crossmatch: %d right ascensions and %d declinations", len(p.RA), len(p.Dec))
	case p.Epoch != nil && len(p.Epoch) != len(p.RA):
		return fmt.Errorf("crossmatch: %d positions and %d epochs", len(p.RA), len(p.Epoch))
	case !(radius >= 0 && radius <= 180):
		return fmt.Errorf("crossmatch: radius of %v degrees: it is to be from 0 to 180", radius.Degrees())
	case len(p.RA) > math.MaxInt32:
		return fmt.Errorf("crossmatch: %d positions: ask for fewer at a time", len(p.RA))
	}
	return nil
}

// Pick returns some of the positions, by number.
func (p Positions) Pick(some []int32) Positions {
	out := Positions{RA: make([]float64, len(some)), Dec: make([]float64, len(some))}
	if p.Epoch != nil {
		out.Epoch = make([]float64, len(some))
	}
	for k, i := range some {
		out.RA[k], out.Dec[k] = p.RA[i], p.Dec[i]
		if p.Epoch != nil {
			out.Epoch[k] = p.Epoch[i]
		}
	}
	return out
}

// Valid reports whether a right ascension and a declination are a position.
func Valid(ra, dec float64) bool { return valid(ra, dec) }

// Status tells what became of a position.
type Status uint8

// What may become of a position.
const (
	Failed  Status = iota // the catalogue did not answer
	None                  // nothing is within the radius
	Matched               // a row is
	Invalid               // the position is invalid
)

// String returns none, match, invalid or failed.
func (s Status) String() string {
	switch s {
	case None:
		return "none"
	case Matched:
		return "match"
	case Invalid:
		return "invalid"
	default:
		return "failed"
	}
}

// Match is the answer to one position.
type Match struct {
	// Row is the number of the row in its catalogue, from 0; -1 without a match,
	// or where a catalogue has no numbers.
	Row        int32
	Status     Status
	Separation Angle // of the match; NaN without one
}

// Answer has a Match for each position.
type Answer struct {
	Matches []Match
	// Rows has a row for each position: the catalogue's columns of its match, or
	// nulls. Nil if the catalogue has no columns. Whoever asked releases it.
	Rows arrow.Record
	// Cause is why some are Failed.
	Cause error
}
