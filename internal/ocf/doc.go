// Package ocf parses Avro object container files without decoding their records.
//
// A container is a header (magic, metadata map, sync marker) and blocks of
// records, each followed by the same marker. All functions work on bytes in memory
// and return slices of their input, since copying alerts, containers of 40 to 300
// KB each, would be a broker's largest cost.
//
//	h, err := ocf.ParseHeader(data)
//	rest := data[h.Size:]
//	for {
//		b, next, err := ocf.NextBlock(rest, h.Sync)
//		if err == io.EOF {
//			break
//		}
//		…
//		datums, err := ocf.Decompress(nil, h.Codec, b.Data, 64<<20)
//		rest = next
//	}
//
// Producers repeat the same header in every message, except for the sync marker,
// its last 16 bytes. A reader of many containers can therefore keep
// data[:h.Size-ocf.SyncSize] of one: a container that begins with the same bytes
// has the same schema, codec and header size.
//
// Lengths and counts are checked against the bytes present, so hostile input costs
// no more memory than valid input of its size. Only [Decompress] allocates more,
// up to its caller's limit.
package ocf
