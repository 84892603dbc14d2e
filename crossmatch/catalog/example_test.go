package catalog_test

import (
	"context"
	"fmt"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/catalog"
)

func ExampleOpen() {
	ctx := context.Background()
	join, err := catalog.Open(ctx, "messier=../table/testdata/messier.csv?radius=2&columns=Name", catalog.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer join.Close()
	at := crossmatch.Positions{RA: []float64{10.6847, 83.8}, Dec: []float64{41.2688, -5.4}}
	answer, err := join.Matcher.Nearest(ctx, at, join.Radius)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Rows.Release()
	for i, m := range answer.Matches {
		fmt.Println(m.Status, answer.Rows.Column(0).ValueStr(i))
	}
	// Output:
	// match M31
	// none (null)
}
