package ocf

// deflateRatio is how many bytes one deflated byte can become at the most: 258
// for two bits.
const deflateRatio = 1032

// Weight is what decoding a container of this size may take in memory, 0 if no
// more than it has now. Nobody inflates more than limit. A codec that is not
// known, or has no bound, is taken to go as far as that.
func Weight(codec string, size, limit int64) int64 {
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

// WeightOf is the Weight of a message: 0 unless it is a container.
func WeightOf(message []byte, limit int64) int64 {
	h, err := ParseHeader(message)
	if err != nil {
		return 0
	}
	return Weight(h.Codec, int64(len(message)), limit)
}
