package layout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/skyfinch/skyfinch/stream/store"
)

// This file holds all that the archive knows of the ledger's own files.

const headerPath = Ledger + "/ledger.json"

// Settings returns the settings that the first run of an archive fixed, or an
// error that wraps fs.ErrNotExist if the store holds no archive.
func Settings(ctx context.Context, st store.Records) (map[string]string, error) {
	data, err := st.Get(ctx, headerPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no archive: %s is missing: %w", headerPath, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	var header struct {
		Settings map[string]string `json:"settings"`
	}
	if err := json.Unmarshal(data, &header); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", headerPath, err)
	}
	return header.Settings, nil
}

// SchemaDir is where the ledger keeps the schema chains.
const SchemaDir = Ledger + "/schema"

// RecordPath returns the path of a batch's record; kind is "plan", "commit" or
// "done".
func RecordPath(batch int64, kind string) string {
	return path.Join(Ledger, fmt.Sprintf("%012d.%s", batch, kind))
}

// LastRecord returns the highest number of a batch that has any record of its
// own, or 0.
func LastRecord(ctx context.Context, st store.Records) (last int64, err error) {
	for e, err := range st.List(ctx, Ledger+"/") {
		if err != nil {
			return 0, err
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(e.Name, Ledger+"/"), ".")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && len(number) == 12 {
			last = max(last, n)
		}
	}
	return last, nil
}
