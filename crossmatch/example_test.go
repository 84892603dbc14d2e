package crossmatch_test

import (
	"fmt"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// bright is three stars, two of them near each other.
var bright = crossmatch.Rows{
	RA:  []float64{219.902058, 219.896096, 279.234735},
	Dec: []float64{-60.833993, -60.837528, 38.783689},
}

var names = []string{"α Cen A", "α Cen B", "Vega"}

func ExampleCatalog_AppendNearest() {
	catalog, err := crossmatch.NewCatalog(bright)
	if err != nil {
		fmt.Println(err)
		return
	}
	positions := crossmatch.Positions{
		RA:  []float64{-140.0980, 279.2350, 10},
		Dec: []float64{-60.8341, 38.7837, 91},
	}
	matches, err := catalog.AppendNearest(nil, positions, 1.5*crossmatch.Arcsecond)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range matches {
		if m.Status == crossmatch.StatusMatch {
			fmt.Printf("%s, %.2f\"\n", names[m.Row], m.Separation.Arcseconds())
		} else {
			fmt.Println(m.Status)
		}
	}
	// Output:
	// α Cen A, 0.40"
	// Vega, 0.74"
	// invalid
}

func ExampleCatalog_Cone() {
	catalog, err := crossmatch.NewCatalog(bright)
	if err != nil {
		fmt.Println(err)
		return
	}
	pairs, err := catalog.Cone(219.9, -60.835, 1*crossmatch.Arcminute, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range pairs {
		fmt.Printf("%s, %.1f\"\n", names[p.Row], p.Separation.Arcseconds())
	}
	// Output:
	// α Cen A, 5.1"
	// α Cen B, 11.4"
}
