package fink_test

import (
	"fmt"
	"log"

	"github.com/skyfinch/skyfinch/alert/filter/fink"
)

func ExampleFilters() {
	filters, err := fink.Filters()
	if err != nil {
		log.Fatal(err)
	}
	f := filters[0]
	fmt.Printf("%d filters, such as %s (%s): %s\n", len(filters), f.Name, f.Survey, f.Where)
	// Output: 33 filters, such as blazar (ztf): cdsxmatch IN blazars
}
