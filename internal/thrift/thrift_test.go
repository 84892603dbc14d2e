package thrift

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// header is the header of a Parquet data page of 3 values.
var header = []byte{0x15, 0, 0x15, 20, 0x15, 22, 0x2c, 0x15, 6, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0}

func ExampleNumbers() {
	size, err := Numbers(header, func(outer, field int16, value int64) {
		if field == 1 || field == 2 {
			fmt.Println(outer, field, value)
		}
	})
	fmt.Println(size, err)
	// Output:
	// 0 1 0
	// 0 2 10
	// 5 1 3
	// 5 2 0
	// 17 <nil>
}

func TestErrors(t *testing.T) {
	for n := range header {
		_, err := Numbers(header[:n], nil)
		assert.ErrorIs(t, err, ErrShort, "the first %d bytes", n)
	}
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"unknown type":        {[]byte{0x1b, 0}, ErrInvalid},
		"varint of 11 bytes":  {[]byte{0x15, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0}, ErrInvalid},
		"long bytes":          {[]byte{0x18, 100, 0}, ErrShort},
		"long list":           {[]byte{0x19, 0xf5, 100, 0}, ErrShort},
		"deep structs":        {append(bytesOf(0x1c, 40), bytesOf(0, 41)...), ErrInvalid},
		"a list of booleans":  {[]byte{0x19, 0x21, 1, 2, 0}, nil},
		"a field id":          {[]byte{0x05, 0x80, 0x01, 2, 0}, nil},
		"a double and a set":  {[]byte{0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 0x13, 9, 0}, nil},
		"a list of structs":   {[]byte{0x19, 0x2c, 0x15, 2, 0, 0, 0}, nil},
		"bytes after the end": {[]byte{0, 1, 2}, nil},
	} {
		_, err := Numbers(c.b, func(outer, field int16, value int64) {})
		assert.ErrorIs(t, err, c.want, name)
	}
}

func bytesOf(b byte, n int) (out []byte) {
	for range n {
		out = append(out, b)
	}
	return out
}

// Numbers reports the length of a list, no number from within it, and none from
// deeper structs.
func TestDepth(t *testing.T) {
	var calls []string
	_, err := Numbers([]byte{0x19, 0x15, 2, 0x1c, 0x1c, 0x15, 2, 0, 0, 0}, func(outer, field int16, value int64) {
		calls = append(calls, fmt.Sprint(outer, field, value))
	})
	assert.NoError(t, err)
	assert.Equal(t, []string{"0 1 1"}, calls)
}

func FuzzNumbers(f *testing.F) {
	f.Add(header)
	f.Fuzz(func(t *testing.T, b []byte) {
		if size, _ := Numbers(b, nil); size > len(b) {
			t.Errorf("%d of %d bytes", size, len(b))
		}
	})
}

func ExampleWalk() {
	// Field 1 is 7, field 2 a list of two structs, whose field 3 is a string.
	b := []byte{0x15, 14, 0x19, 0x2c, 0x38, 1, 'a', 0, 0x38, 2, 'b', 'c', 0, 0}
	size, err := Walk(b, func(path []int, number int64, text []byte) {
		fmt.Printf("%v %d %q\n", path, number, text)
	})
	fmt.Println(size, err)
	// Output:
	// [1] 7 ""
	// [2 0 3] 0 "a"
	// [2 1 3] 0 "bc"
	// 14 <nil>
}
