package gather_test

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/gather"
)

func ExampleRecords() {
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	in, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[{"n":1},{"n":2},{"n":3}]`))
	if err != nil {
		fmt.Println(err)
	}
	defer in.Release()
	out, err := gather.Records(memory.DefaultAllocator, schema, gather.Rows{Record: in, Index: []int32{2, 0}})
	if err != nil {
		fmt.Println(err)
	}
	defer out.Release()
	fmt.Println(out.Column(0))
	// Output: [3 1]
}
