package crossmatch

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
)

// A Matcher finds what a catalogue has at positions. It may be used
// concurrently.
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
	// whose rows move. Nil, or NaN: the catalogue's own epoch is taken.
	Epoch []float64
}

// Status tells what became of a position.
type Status uint8

// What may become of a position.
const (
	None    Status = iota // nothing is within the radius
	Matched               // a row is
	Invalid               // it is no position
	Failed                // the catalogue did not answer
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
