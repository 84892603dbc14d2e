package cds_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds"
	"github.com/skyfinch/skyfinch/crossmatch/cds/cdstest"
)

func ExampleClient() {
	// A stand-in for the service, so that this runs anywhere. Without a URL a
	// client asks the CDS.
	server := httptest.NewServer(&cdstest.Server{
		Table:   "simbad",
		Columns: []cdstest.Column{{Name: "main_id", Datatype: "char"}, {Name: "otype", Datatype: "char"}},
		Rows: []cdstest.Row{
			{RA: 83.63321, Dec: 22.01446, Values: []string{"M 1", "SNR"}},
			{RA: 187.277915, Dec: 2.052388, Values: []string{"3C 273", "BLL"}},
		},
	})
	defer server.Close()

	simbad := &cds.Client{
		Table:   "simbad",
		Fields:  []arrow.Field{{Name: "main_id"}, {Name: "otype"}},
		Service: cds.Service{URL: server.URL},
	}
	answer, err := simbad.Nearest(context.Background(), crossmatch.Positions{
		RA:  []float64{187.2779, 10, 83.6333},
		Dec: []float64{2.0524, 10, 22.0145},
	}, 1*crossmatch.Arcsecond)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Rows.Release()
	if answer.Cause != nil {
		fmt.Println("some positions are to be matched again later:", answer.Cause)
	}
	name := answer.Rows.Column(0).(*array.String)
	otype := answer.Rows.Column(1).(*array.String)
	for i, m := range answer.Matches {
		if m.Status == crossmatch.StatusMatch {
			fmt.Printf("%s: %s, %s, %.2f\"\n", m.Status, name.Value(i), otype.Value(i), m.Separation.Arcseconds())
		} else {
			fmt.Println(m.Status)
		}
	}
	// Output:
	// match: 3C 273, BLL, 0.07"
	// none
	// match: M 1, SNR, 0.33"
}
