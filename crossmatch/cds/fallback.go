package cds

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// checkFallback tells whether a fallback's columns are the client's.
func checkFallback(own, other *arrow.Schema) error {
	var mine, theirs []arrow.Field
	if own != nil {
		mine = own.Fields()
	}
	if other != nil {
		theirs = other.Fields()
	}
	same := len(mine) == len(theirs)
	for i := 0; same && i < len(mine); i++ {
		same = mine[i].Name == theirs[i].Name && arrow.TypeEqual(mine[i].Type, theirs[i].Type)
	}
	if !same {
		return fmt.Errorf("the fallback's columns are %v instead of %v", theirs, mine)
	}
	return nil
}

// fallBack has the fallback answer what failed in a, whose rows these are.
func (c *Client) fallBack(ctx context.Context, p crossmatch.Positions, radius crossmatch.Angle, a crossmatch.Answer, rows [][]any) (crossmatch.Answer, error) {
	at := failed(a.Matches)
	b, err := c.Fallback.Nearest(ctx, p.Pick(at), radius)
	defer release(b.Rows)
	switch {
	case ctx.Err() != nil:
		return crossmatch.Answer{}, ctx.Err()
	case err != nil: // what the service has answered stays
		cause := fmt.Errorf("%w; and its fallback: %w", a.Cause, err)
		return crossmatch.Answer{Matches: a.Matches, Rows: c.record(rows), Cause: cause}, nil
	}
	if err := c.checkAnswer(b, len(at)); err != nil {
		return crossmatch.Answer{}, fmt.Errorf("cds: %s: %w", c.Table, err)
	}
	c.log.Warn("cds: the fallback answers", "table", c.Table, "positions", len(at), "cause", a.Cause)
	for i, m := range b.Matches {
		m.Row = -1 // its numbers are not the service's, which has none
		a.Matches[at[i]] = m
		if c.schema != nil && m.Status == crossmatch.Matched {
			rows[at[i]] = rowOf(b.Rows, i)
		}
	}
	if b.Cause != nil {
		b.Cause = fmt.Errorf("%w; and its fallback: %w", a.Cause, b.Cause)
	}
	return crossmatch.Answer{Matches: a.Matches, Rows: c.record(rows), Cause: b.Cause}, nil
}

// checkAnswer tells whether a fallback has kept to the contract.
func (c *Client) checkAnswer(b crossmatch.Answer, n int) error {
	if len(b.Matches) != n {
		return fmt.Errorf("the fallback has %d answers for %d positions", len(b.Matches), n)
	}
	if c.schema == nil {
		return nil
	}
	if b.Rows == nil || b.Rows.NumRows() != int64(n) {
		return fmt.Errorf("the fallback has no row for each of %d positions", n)
	}
	return checkFallback(c.schema, b.Rows.Schema())
}

func rowOf(r arrow.Record, i int) []any {
	row := make([]any, r.NumCols())
	for j, column := range r.Columns() {
		row[j] = valueAt(column, i)
	}
	return row
}

// failed returns which have failed.
func failed(matches []crossmatch.Match) (at []int32) {
	for i, m := range matches {
		if m.Status == crossmatch.Failed {
			at = append(at, int32(i))
		}
	}
	return at
}

func release(r arrow.Record) {
	if r != nil {
		r.Release()
	}
}
