package sink

import (
	"fmt"

	"github.com/skyfinch/skyfinch/stream"
)

// permanentf returns an error that a retry cannot fix, such as rows without a
// directory or a misconfigured sink.
func permanentf(format string, args ...any) error {
	return stream.Permanent(fmt.Errorf("sink: "+format, args...))
}

// wrongReceipt reports a receipt from another kind of sink. To ignore it would
// lose its rows.
func wrongReceipt(from, to string) error {
	return permanentf("receipt from %s given to %s: restart with the sinks that staged the batch", from, to)
}

// partsFrom returns the kind of sink that a receipt with parts is from.
func partsFrom(r stream.Receipt) string {
	if isFanOut(r) {
		return "a FanOut"
	}
	return fmt.Sprintf("a Tee of %d", len(r.Parts))
}
