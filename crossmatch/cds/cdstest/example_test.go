package cdstest_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds"
	"github.com/skyfinch/skyfinch/crossmatch/cds/cdstest"
)

// A service that bans its client.
func ExampleServer() {
	server := httptest.NewServer(&cdstest.Server{
		Table: "simbad",
		Rows:  []cdstest.Row{{RA: 83.63321, Dec: 22.01446}},
		Fault: cdstest.Always(cdstest.Plain(403, "too many jobs in parallel")),
	})
	defer server.Close()
	client := &cds.Client{Table: "simbad", Service: cds.Service{URL: server.URL}}
	answer, err := client.Nearest(context.Background(), crossmatch.Positions{RA: []float64{83.6332}, Dec: []float64{22.0145}}, crossmatch.Arcsecond)
	fmt.Println(answer.Matches[0].Status, err, answer.Cause != nil)
	// Output:
	// failed <nil> true
}
