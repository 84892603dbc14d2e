//go:build unix

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

// errnos are the errors that can be injected.
var errnos = map[string]error{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, "EROFS": syscall.EROFS}

// parseFaults parses "KIND,… ERRNO EVERY SEED". With "write,close ENOSPC 40 7"
// each 40th write or close fails with ENOSPC, in turn before and after it is
// done; the seed 7 shifts which.
func parseFaults(text string) (hooks, error) {
	if text == "" {
		return hooks{nothing, nothing}, nil
	}
	var names, errno string
	var n, seed uint64
	if _, err := fmt.Sscan(text, &names, &errno, &n, &seed); err != nil || n == 0 || errnos[errno] == nil {
		return hooks{}, fmt.Errorf("SKYFINCH_FAULT=%q is not KIND,… ERRNO EVERY SEED, with one of %v", text, slices.Sorted(maps.Keys(errnos)))
	}
	var kinds []faultstore.Kind
	for name := range strings.SplitSeq(names, ",") {
		kinds = append(kinds, faultstore.Kind(name))
	}
	before, after := faultstore.Every(n, seed, errnos[errno], kinds...)
	return hooks{before, after}, nil
}

// poison returns a transform that kills the process when it meets the alert
// whose id is SKYFINCH_POISON, as a packet does that takes all memory.
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
