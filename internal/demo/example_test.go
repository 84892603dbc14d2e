package demo_test

import (
	"context"
	"fmt"

	"github.com/skyfinch/skyfinch/internal/demo"
)

func Example() {
	d, err := demo.Start(context.Background(), demo.Night{ZTF: 20, LSST: 10, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	fmt.Println(d.Topics, d.Wait())
	// Output: [ztf_20260915_programid1 lsst-alerts-v9] <nil>
}
