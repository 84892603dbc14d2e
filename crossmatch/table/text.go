package table

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// appendText appends a value that is written as text, which is trimmed. Empty
// is null.
func appendText(b array.Builder, s []byte) error {
	if len(s) == 0 {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		appendString(b, s)
		return nil
	case *array.Float64Builder:
		v, err := strconv.ParseFloat(string(s), 64)
		b.Append(v)
		return cause(err)
	case *array.Float32Builder:
		v, err := strconv.ParseFloat(string(s), 32)
		b.Append(float32(v))
		return cause(err)
	case *array.Int64Builder:
		v, err := votable.ParseInt(s, 64)
		b.Append(v)
		return cause(err)
	case *array.Int32Builder:
		v, err := votable.ParseInt(s, 32)
		b.Append(int32(v))
		return cause(err)
	case *array.Int16Builder:
		v, err := votable.ParseInt(s, 16)
		b.Append(int16(v))
		return cause(err)
	case *array.Uint8Builder:
		v, err := votable.ParseInt(s, 16)
		b.Append(uint8(v))
		if err == nil && (v < 0 || v > 255) {
			err = strconv.ErrRange
		}
		return cause(err)
	case *array.BooleanBuilder:
		return appendBool(b, s)
	}
	return errors.New("no text can be this")
}

func appendString(b *array.StringBuilder, s []byte) {
	if utf8.Valid(s) {
		b.BinaryBuilder.Append(s)
		return
	}
	b.BinaryBuilder.Append(latin1(s))
}

// latin1 makes UTF-8 of bytes that are none.
func latin1(s []byte) []byte {
	out := make([]byte, 0, len(s)+len(s)/8+8)
	for _, c := range s {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

func appendBool(b *array.BooleanBuilder, s []byte) error {
	switch string(s) {
	case "T", "t", "1", "true", "TRUE", "True":
		b.Append(true)
	case "F", "f", "0", "false", "FALSE", "False":
		b.Append(false)
	case "?":
		b.AppendNull()
	default:
		b.AppendNull()
		return errors.New("no boolean")
	}
	return nil
}

// cause is what strconv has against a number, without the number.
func cause(err error) error {
	if err == nil {
		return nil // before num, which is on the heap
	}
	var num *strconv.NumError
	if !errors.As(err, &num) {
		return err
	}
	if num.Err == strconv.ErrRange {
		return errors.New("beyond its type")
	}
	return errors.New("no number")
}

// latinIfNot returns what a text is in UTF-8, nil if it is that.
func latinIfNot(s []byte) []byte {
	if utf8.Valid(s) {
		return nil
	}
	return latin1(s)
}
