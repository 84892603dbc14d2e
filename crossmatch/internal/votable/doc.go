// Package votable reads the rows of a VOTable as a stream: the first table that
// has some, in TABLEDATA, BINARY or BINARY2.
//
//	r, err := votable.NewReader(from)
//	if err != nil { … }
//	for {
//		row, err := r.Next()
//		if err == io.EOF { break } // the document is whole
//		if err != nil { … }
//		// row[i] is the cell of r.Fields()[i]
//	}
//
// It knows nothing of positions, Arrow or services: what cells become is the
// caller's. A [Cell] is text, or the elements that a binary encoding has, which
// [Field.AppendText] writes as text for those who want only that.
//
// # Whole documents
//
// Rows come before it is known whether the document is whole. That is what the
// io.EOF of [Reader.Next] says, and nothing else does: the document has ended
// where XML lets it, all of it was read, and no service said that it is in
// error or left rows out, which is a [StatusError]. A document that is cut is an
// error that wraps io.ErrUnexpectedEOF. So that no row is lost silently, rows
// where none can be (outside of DATA, behind the end of others, in an encoding
// that is not read) are errors, too.
//
// # What is forgiven
//
// Text in UTF-8, ASCII, Latin-1 or Windows-1252 (which is taken for Latin-1),
// the entities of HTML, a STREAM that does not name its encoding (it is taken
// for base64), integers in hexadecimal, and fields without a datatype, where
// rows are text.
//
// # Limits
//
// Rows of more than 64 MiB, more than 10,000 fields and elements that are nested
// more than 64 deep are errors. Memory is that of a row, and grows with the
// bytes that come, not with what a header claims.
package votable
