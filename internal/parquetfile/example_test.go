package parquetfile_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
)

// Two of three alerts are written to a file that has one column more.
func Example() {
	alerts := arrow.NewSchema([]arrow.Field{{Name: "candid", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, alerts)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{11, 12, 13}, nil)
	record := b.NewRecord()
	defer record.Release()

	table := arrow.NewSchema([]arrow.Field{
		{Name: "candid", Type: arrow.PrimitiveTypes.Int64},
		{Name: "magpsf", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	}, nil)
	var out bytes.Buffer
	w, err := parquetfile.NewWriter(&out, table, parquetfile.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := w.WriteRowGroup([]parquetfile.Rows{{Record: record, Index: []int32{2, 0}}}); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	f, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(f.NumRows(), "rows of", f.MetaData().Schema.NumColumns(), "columns")
	// Output: 2 rows of 2 columns
}
