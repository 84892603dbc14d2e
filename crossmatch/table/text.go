package table

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// appendText parses a value and appends it. s must be trimmed; if it is empty, the
// value is null.
func appendText(b array.Builder, s []byte) error {
	if len(s) == 0 {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		b.BinaryBuilder.Append(toUTF8(s))
		return nil
	case *array.Float64Builder:
		v, err := strconv.ParseFloat(string(s), 64)
		b.Append(v)
		return numberError(err)
	case *array.Float32Builder:
		v, err := strconv.ParseFloat(string(s), 32)
		b.Append(float32(v))
		return numberError(err)
	case *array.Int64Builder:
		v, err := votable.ParseInt(s, 64)
		b.Append(v)
		return numberError(err)
	case *array.Int32Builder:
		v, err := votable.ParseInt(s, 32)
		b.Append(int32(v))
		return numberError(err)
	case *array.Int16Builder:
		v, err := votable.ParseInt(s, 16)
		b.Append(int16(v))
		return numberError(err)
	case *array.Uint8Builder:
		v, err := votable.ParseInt(s, 16)
		b.Append(uint8(v))
		if err == nil && (v < 0 || v > 255) {
			err = strconv.ErrRange
		}
		return numberError(err)
	case *array.BooleanBuilder:
		return appendBool(b, s)
	}
	return errors.New("its type cannot be parsed")
}

// toUTF8 returns text in UTF-8. If s is not valid UTF-8, it is taken for Latin-1.
func toUTF8(s []byte) []byte {
	if utf8.Valid(s) {
		return s
	}
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
		return errors.New("not a boolean")
	}
	return nil
}

// numberError returns an error of strconv without the number, which the caller has.
func numberError(err error) error {
	if err == nil {
		return nil // before num is allocated
	}
	var num *strconv.NumError
	if !errors.As(err, &num) {
		return err
	}
	if num.Err == strconv.ErrRange {
		return errors.New("out of range")
	}
	return errors.New("not a number")
}
