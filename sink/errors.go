package sink

import (
	"fmt"

	"github.com/skyfinch/skyfinch/stream"
)

// permanentf makes an error of what no retry mends: rows that cannot be filed,
// sinks that are wired wrong.
func permanentf(format string, args ...any) error {
	return stream.Permanent(fmt.Errorf("sink: "+format, args...))
}

// foreign says that a receipt came from another kind of sink: to publish
// nothing of it, as if there were nothing, would lose the rows.
func foreign(from, to string) error {
	return permanentf("a receipt of %s for %s: start with the sinks that the batch was staged with", from, to)
}
