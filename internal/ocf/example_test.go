package ocf_test

import (
	"encoding/base64"
	"fmt"
	"io"

	"github.com/skyfinch/skyfinch/internal/ocf"
)

func Example() {
	// A container with two records of the schema "int", compressed by deflate.
	data, _ := base64.StdEncoding.DecodeString(
		"T2JqAQQWYXZyby5zY2hlbWEKImludCIUYXZyby5jb2RlYw5kZWZsYXRlADAxMjM0NTY3ODlhYmNkZWYECGNiAQAwMTIzNDU2Nzg5YWJjZGVm")
	h, err := ocf.ParseHeader(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s\n", h.Codec, h.Schema)
	for rest := data[h.Size:]; ; {
		b, next, err := ocf.NextBlock(rest, h.Sync)
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		datums, err := ocf.Decompress(nil, h.Codec, b.Data, 1<<20)
		fmt.Println(b.Count, "records:", datums, err)
		rest = next
	}
	// Output:
	// deflate "int"
	// 2 records: [2 4] <nil>
}
