package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// This file holds all that the archive knows of the names of the ledger's
// records.

const headerPath = Ledger + "/ledger.json"

// exists returns an error that wraps fs.ErrNotExist if a store has no ledger.
func exists(ctx context.Context, st store.Records) error {
	_, err := st.Get(ctx, headerPath)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no archive: %s is missing: %w", headerPath, fs.ErrNotExist)
	}
	return err
}

// SchemaDir is where the ledger keeps the schemas of the tables.
const SchemaDir = Ledger + "/schema"

// RecordPath returns the path of a batch's record; kind is "plan" or "commit".
func RecordPath(batch int64, kind string) string {
	return path.Join(Ledger, fmt.Sprintf("%012d.%s", batch, kind))
}

// LastRecord returns the highest number of a batch that has a record of its own,
// or 0.
func LastRecord(ctx context.Context, st store.Records) (last int64, err error) {
	for e, err := range st.List(ctx, Ledger+"/") {
		if err != nil {
			return 0, err
		}
		if n, ok := ledger.RecordBatch(strings.TrimPrefix(e.Name, Ledger+"/")); ok {
			last = max(last, n)
		}
	}
	return last, nil
}
