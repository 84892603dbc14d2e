package avroarrow_test

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/skyfinch/skyfinch/internal/avroarrow"
)

func Example() {
	// Real schemas have defaults of the wrong type, which are ignored.
	s, err := avroarrow.Parse([]byte(`{"type": "record", "name": "alert", "namespace": "ztf", "fields": [
		{"name": "candid", "type": "long"},
		{"name": "magpsf", "type": ["float", "null"], "default": null},
		{"name": "ra", "type": "double"}]}`), "ra", "dec")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Name())

	b := avroarrow.NewBuilder(memory.DefaultAllocator, s.Arrow())
	defer b.Release()
	for _, datum := range []string{
		"\x0e\x00\x00\x00\x90\x41\x00\x00\x00\x00\x00\x80\x66\x40", // 7, 18.0, 180.0
		"\x10\x02\x00\x00\x00\x00\x00\x00\x00\x00",                 // 8, null, 0.0
		"\x10\x04\x00\x00\x00\x00\x00\x00\x00\x00",                 // a third branch
	} {
		if err := b.Append(s, memory.NewBufferBytes([]byte(datum)), 0, len(datum)); err != nil {
			fmt.Println(err)
		}
	}

	candid := b.Column("candid")
	for i := range b.Len() {
		fmt.Println(candid.Int64(i))
	}
	r := b.NewRecord()
	defer r.Release()
	for i, f := range r.Schema().Fields() {
		fmt.Println(f.Name, f.Type, r.Column(i))
	}
	// Output:
	// ztf.alert
	// avroarrow: magpsf: union branch out of range
	// 7 true
	// 8 true
	// candid int64 [7 8]
	// magpsf float32 [18 (null)]
	// ra_ float64 [180 0]
}
