package cds

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// checkFallback returns an error if a fallback's columns are not the client's.
// Whether they are nullable does not matter.
func checkFallback(own, other *arrow.Schema) error {
	mine, theirs := fieldsOf(own), fieldsOf(other)
	if !slices.EqualFunc(mine, theirs, func(a, b arrow.Field) bool { return a.Name == b.Name && arrow.TypeEqual(a.Type, b.Type) }) {
		return fmt.Errorf("the fallback's columns are %v instead of %v", theirs, mine)
	}
	return nil
}

// fallBack asks the fallback about the positions that failed in a, whose rows are
// given.
func (c *Client) fallBack(ctx context.Context, p crossmatch.Positions, radius crossmatch.Angle, a crossmatch.Answer, rows [][]any) (crossmatch.Answer, error) {
	var at []int32
	for i, m := range a.Matches {
		if m.Status == crossmatch.StatusFailed {
			at = append(at, int32(i))
		}
	}
	b, err := c.Fallback.Nearest(ctx, p.Pick(at), radius)
	if b.Rows != nil {
		defer b.Rows.Release()
	}
	switch {
	case ctx.Err() != nil:
		return crossmatch.Answer{}, ctx.Err()
	case err != nil: // the service's answers remain
		cause := fmt.Errorf("%w; and its fallback: %w", a.Cause, err)
		return crossmatch.Answer{Matches: a.Matches, Rows: c.record(rows), Cause: cause}, nil
	}
	if err := c.checkAnswer(b, len(at)); err != nil {
		return crossmatch.Answer{}, fmt.Errorf("cds: %s: %w", c.Table, err)
	}
	c.log.Warn("cds: used the fallback", "table", c.Table, "positions", len(at), "cause", a.Cause)
	for i, m := range b.Matches {
		m.Row = -1 // the service does not number its rows
		a.Matches[at[i]] = m
		if c.schema != nil && m.Status == crossmatch.StatusMatch {
			rows[at[i]] = rowOf(b.Rows, i)
		}
	}
	if b.Cause != nil {
		b.Cause = fmt.Errorf("%w; and its fallback: %w", a.Cause, b.Cause)
	}
	return crossmatch.Answer{Matches: a.Matches, Rows: c.record(rows), Cause: b.Cause}, nil
}

// checkAnswer returns an error if the answer of a fallback violates the contract
// of crossmatch.Matcher.
func (c *Client) checkAnswer(b crossmatch.Answer, n int) error {
	if len(b.Matches) != n {
		return fmt.Errorf("the fallback has %d answers for %d positions", len(b.Matches), n)
	}
	if c.schema == nil {
		return nil
	}
	if b.Rows == nil || b.Rows.NumRows() != int64(n) {
		return fmt.Errorf("the fallback does not have a row for each of %d positions", n)
	}
	return checkFallback(c.schema, b.Rows.Schema())
}
