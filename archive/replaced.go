package archive

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// replacement is what the commit of a replay keeps beside its files, as the
// Data of the rejects' receipt: the rejected files that they replace, and what
// became of the messages in these.
type replacement struct {
	Replaces []replacedFile `json:"replaces"`
	Read     int64          `json:"read"`     // messages in the replaced files
	Written  int64          `json:"written"`  // that are alerts now
	Rejected int64          `json:"rejected"` // that are rejected still
	Dropped  int64          `json:"dropped,omitempty"`
}

type replacedFile struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// replacementOf returns what a commit replaces, or nil: most replace nothing.
func replacementOf(c *ledger.Commit) (*replacement, error) {
	if c == nil || len(c.Rejects.Data) == 0 {
		return nil, nil
	}
	r := new(replacement)
	if err := json.Unmarshal(c.Rejects.Data, r); err != nil {
		return nil, fmt.Errorf("archive: commit of batch %d: what it replaces: %w", c.Batch, err)
	}
	return r, nil
}

// rejectFiles is the sink of the rejects. Its receipts may replace files of
// earlier batches, which then go as soon as the new ones stand.
type rejectFiles struct {
	*sink.Parquet
}

// Publish implements stream.Sink.
func (s rejectFiles) Publish(ctx context.Context, id stream.BatchID, r stream.Receipt) error {
	old, err := replacementOf(&ledger.Commit{Batch: id.Number, Rejects: r})
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

// publish makes a committed batch visible and clears its staging, as an engine
// does. Any process may, at any time: what was done before is left as it is.
func publish(ctx context.Context, st store.Store, ledger string, c *ledger.Commit) error {
	id := stream.BatchID{Ledger: ledger, Number: c.Batch}
	files := &sink.Parquet{Store: st}
	if err := files.Publish(ctx, id, c.Rows); err != nil {
		return err
	}
	if err := (rejectFiles{files}).Publish(ctx, id, c.Rejects); err != nil {
		return err
	}
	return files.Sweep(ctx, id)
}
