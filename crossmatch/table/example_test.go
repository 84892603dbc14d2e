package table_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/catalog"
	"github.com/skyfinch/skyfinch/crossmatch/table"
)

func ExampleNewReader() {
	const text = `# from a table in print
Name ; RA          ; Dec         ; Mag
M31  ; 00 42 44.33 ; +41 16 07.5 ; 3.44
M33  ; 01 33 50.89 ; +30 39 36.6 ; 5.72
IC10 ; 00:20:17.3  ; +59:18:14   ;
`
	t, err := table.NewReader(strings.NewReader(text), int64(len(text)), "galaxies.csv", table.Options{Columns: []string{"Mag"}})
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

// A table becomes a catalogue, which finds what is near positions. catalog.Open does
// it in one call.
func ExampleOpen() {
	t, err := table.Open("testdata/messier.csv", table.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer t.Close()
	c, err := catalog.Spec{}.Load(context.Background(), t)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	at := crossmatch.Positions{RA: []float64{10.6847, 83.8}, Dec: []float64{41.2688, -5.4}}
	answer, err := c.Nearest(context.Background(), at, 2*crossmatch.Arcsecond)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Rows.Release()
	for i, m := range answer.Matches {
		fmt.Printf("%v %.2f %s\n", m.Status, m.Separation.Arcseconds(), answer.Rows.Column(0).ValueStr(i))
	}
	// Output:
	// match 0.18 M31
	// none NaN (null)
}
