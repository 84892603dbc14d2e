//go:build killpoints

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream"
)

// errnos are the errors that can be asked for.
var errnos = map[string]error{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, "EROFS": syscall.EROFS}

// parseFaults makes operations fail: SKYFINCH_FAULT="write,close ENOSPC 40 7"
// each 40th of the writes and closes with ENOSPC, in turn before and after it
// was done, beginning with the 7th before that.
func parseFaults(text string) (point, error) {
	if text == "" {
		return point{nothing, nothing}, nil
	}
	var names, errno string
	var n, seed uint64
	if _, err := fmt.Sscan(text, &names, &errno, &n, &seed); err != nil || n == 0 || errnos[errno] == nil {
		return point{}, fmt.Errorf("SKYFINCH_FAULT=%q is not KIND,… ERRNO EVERY SEED, with one of %v", text, slices.Sorted(maps.Keys(errnos)))
	}
	var kinds []faultstore.Kind
	for name := range strings.SplitSeq(names, ",") {
		kinds = append(kinds, faultstore.Kind(name))
	}
	before, after := faultstore.Every(n, seed, errnos[errno], kinds...)
	return point{before, after}, nil
}

// poison is a transform that kills the process when it meets the alert whose id
// is in SKYFINCH_POISON, as a packet does that takes all memory.
func poison() (stream.Transform, bool) {
	id, err := strconv.ParseInt(os.Getenv("SKYFINCH_POISON"), 10, 64)
	if err != nil {
		return nil, false
	}
	return stream.TransformFunc(func(_ context.Context, in stream.Rows) (stream.Result, error) {
		ids := stream.Field(in.Record, "alert_id").(*array.Int64)
		if slices.Contains(ids.Int64Values(), id) {
			return stream.Result{}, kill()
		}
		return stream.Pass(in), nil
	}), true
}
