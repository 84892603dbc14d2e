package sink

import (
	"strconv"
	"strings"
)

// StagedBatch returns the number of the batch for which a Parquet with the
// default Staging staged a file, and whether it belongs to the ledger.
func StagedBatch(ledger, name string) (batch int64, ok bool) {
	rest, ok := strings.CutPrefix(name, "staging/"+ledger+"/")
	if !ok {
		return 0, false
	}
	number, _, _ := strings.Cut(rest, "/")
	batch, err := strconv.ParseInt(number, 10, 64)
	return batch, err == nil
}
