package table_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

func ExampleRead() {
	const text = `# from a table in print
Name ; RA          ; Dec         ; Mag
M31  ; 00 42 44.33 ; +41 16 07.5 ; 3.44
M33  ; 01 33 50.89 ; +30 39 36.6 ; 5.72
IC10 ; 00:20:17.3  ; +59:18:14   ;
`
	t, err := table.Read(strings.NewReader(text), int64(len(text)), "galaxies.csv", table.Options{Columns: []string{"Mag"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer t.Close()
	for rec, err := range t.Records(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		ra, dec := rec.Column(0).(*array.Float64), rec.Column(1).(*array.Float64)
		for i := range int(rec.NumRows()) {
			fmt.Printf("%.5f %.5f %s\n", ra.Value(i), dec.Value(i), rec.Column(2).ValueStr(i))
		}
	}
	// Output:
	// 10.68471 41.26875 3.44
	// 23.46204 30.66017 5.72
	// 5.07208 59.30389 (null)
}
