package files

// How many bytes one stored byte can become at the most.
const (
	deflateRatio = 1032 // 258 bytes for two bits
	snappyRatio  = 22   // 64 bytes for three
)

// weight is what decoding a container of this size may take in memory, 0 if no
// more than it has now. Nobody inflates more than limit. A codec that is not
// known, or has no bound, is taken to go as far as that.
func weight(codec string, size, limit int64) int64 {
	switch codec {
	case "null":
		return 0
	case "deflate":
		return min(limit, deflateRatio*size)
	case "snappy":
		return min(limit, snappyRatio*size)
	}
	return limit
}
