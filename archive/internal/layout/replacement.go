package layout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Replay is what the commit of a replay records as the Data of the rejects' receipt:
// the rejected files that it replaces, and what became of their messages.
type Replay struct {
	Replaces []ledger.ReplacedFile `json:"replaces"`
	Read     int64                 `json:"read"`     // messages in the replaced files
	Written  int64                 `json:"written"`  // of these, alerts now
	Rejected int64                 `json:"rejected"` // of these, still rejected
	Dropped  int64                 `json:"dropped,omitempty"`
}

// ReplayOf returns the Replay that a commit records, or nil if the commit is not
// that of a replay.
func ReplayOf(c *ledger.Commit) (*Replay, error) {
	if len(c.Rejects.Data) == 0 {
		return nil, nil
	}
	r := new(Replay)
	if err := json.Unmarshal(c.Rejects.Data, r); err != nil {
		return nil, fmt.Errorf("archive: commit of batch %d: what it replaces: %w", c.Batch, err)
	}
	return r, nil
}

// ReplacedBy returns the files that a commit replaces, and its Replay or nil.
// Replays of the first release name the files only in the Replay.
func ReplacedBy(c *ledger.Commit) ([]ledger.ReplacedFile, *Replay, error) {
	replay, err := ReplayOf(c)
	switch {
	case err != nil:
		return nil, nil, err
	case c.Replaces == nil && replay == nil:
		return nil, nil, nil
	case c.Replaces == nil:
		return replay.Replaces, replay, nil
	case replay != nil && !slices.Equal(replay.Replaces, c.Replaces.Files):
		return nil, nil, fmt.Errorf("archive: commit of batch %d: it names the files that it replaces twice, and not the same ones", c.Batch)
	}
	return c.Replaces.Files, replay, nil
}

// Rejects is the sink of the rejected messages. Its receipts may replace files
// of earlier batches, which Publish deletes once the new files are visible.
type Rejects struct {
	*sink.Parquet
}

// Publish implements stream.Sink.
func (s Rejects) Publish(ctx context.Context, id stream.BatchID, r ledger.Receipt) error {
	old, err := ReplayOf(&ledger.Commit{Batch: id.Number, Rejects: r})
	if err != nil {
		return stream.Permanent(err)
	}
	r.Data = nil
	if err := s.Parquet.Publish(ctx, id, r); err != nil || old == nil {
		return err
	}
	for _, f := range old.Replaces {
		if err := s.Store.Delete(ctx, f.Name); err != nil {
			return fmt.Errorf("archive: remove %s, which batch %d replaces: %w", f.Name, id.Number, err)
		}
	}
	return nil
}
