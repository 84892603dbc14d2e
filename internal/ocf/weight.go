package ocf

// deflateRatio bounds the bytes that a deflated byte can become: 258 for two bits.
const deflateRatio = 1032

// Weight returns the bytes of memory that decompressing a container of size bytes
// may take: 0 if it is not compressed, and limit if its codec is unknown or
// unbounded. limit is the one that Decompress is called with.
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

// WeightOf returns the Weight of a message, 0 if it is not a container.
func WeightOf(message []byte, limit int64) int64 {
	h, err := ParseHeader(message)
	if err != nil {
		return 0
	}
	return Weight(h.Codec, int64(len(message)), limit)
}
