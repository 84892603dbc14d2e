// Package votable reads the rows of a VOTable as a stream: those of the first table
// with data, in TABLEDATA, BINARY or BINARY2.
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
// It does not interpret positions, convert to Arrow or know about services. A
// [Cell] is text, or the elements of a binary encoding, which [Field.AppendText]
// converts to text.
//
// # Whole documents
//
// Rows are returned before it is known whether the document is whole. Only io.EOF
// from [Reader.Next] means that it is: the document has ended as XML requires, all
// of it was read, and the service reported neither an error nor rows left out. Such
// a report is a [StatusError]. A truncated document is an error that wraps
// io.ErrUnexpectedEOF. So that no row is lost silently, rows in invalid places
// (outside of DATA, after the rows, in an unsupported encoding) are errors too.
//
// # Leniency
//
// The reader accepts UTF-8, ASCII, Latin-1 and Windows-1252 (which it takes for
// Latin-1), the entities of HTML, a STREAM without an encoding (which it takes for
// base64), hexadecimal integers, and fields without a datatype if rows are text.
//
// # Limits
//
// Rows of more than 64 MiB, more than 10,000 fields, and elements nested more than
// 64 deep are errors. A reader needs memory for one row. It grows with the data,
// not with what a header declares.
package votable
