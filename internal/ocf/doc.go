// Package ocf takes Avro object container files apart without decoding what
// is in them.
//
// A container is a header (magic, metadata map, sync marker) and blocks of
// records, each closed by the same marker. All functions work on bytes in
// memory and hand back slices of their input: a survey's alert is one
// container of 40 to 300 KB, and copying it once more is what a broker
// can least afford.
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
// Producers repeat the same metadata in every message, and only the sync
// marker, which is its last 16 bytes, differs. A reader of many containers
// therefore keeps data[:h.Size-ocf.SyncSize] of the last one, and when the next
// begins with the same bytes it knows its schema, codec and size already.
//
// No length or count is believed before the bytes are there, so hostile input
// costs no more memory than honest input of its size; only [Decompress] makes
// more of its input, up to the limit its caller sets.
package ocf
