package filter_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/alert/filter"
)

const novae = `
name: bright_nova
survey: ztf
version: 1
where: candidate.magpsf < 18 AND cdsxmatch IN ('Galaxy', 'G') AND NOT any(prv_candidates, magpsf < 17)
pass:
  - {cdsxmatch: G, candidate: {magpsf: 17.5}}
fail:
  - {cdsxmatch: G, candidate: {magpsf: 17.5}, prv_candidates: [{magpsf: 16.5}]}
`

func Example() {
	filters, err := filter.Parse("bright_nova.yml", []byte(novae))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := filters[0].Test(ctx); err != nil { // its own tests
		log.Fatal(err)
	}

	// The rows of an archive's file, a batch of a Source, or what a Transform gets.
	magnitude := []arrow.Field{{Name: "magpsf", Type: arrow.PrimitiveTypes.Float32, Nullable: true}}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "alert_id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "cdsxmatch", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "candidate", Type: arrow.StructOf(magnitude...), Nullable: true},
		{Name: "prv_candidates", Type: arrow.ListOf(arrow.StructOf(magnitude...)), Nullable: true},
	}, nil)
	alerts, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[
		{"alert_id": 1, "cdsxmatch": "G", "candidate": {"magpsf": 17.5}, "prv_candidates": null},
		{"alert_id": 2, "cdsxmatch": "Star", "candidate": {"magpsf": 12.5}, "prv_candidates": []},
		{"alert_id": 3, "cdsxmatch": "G", "candidate": {"magpsf": 17.9}, "prv_candidates": [{"magpsf": 16.8}]}]`))
	if err != nil {
		log.Fatal(err)
	}
	defer alerts.Release()

	set, err := filter.Compile(filters, schema)
	if err != nil {
		log.Fatal(err)
	}
	verdicts, err := set.Eval(ctx, alerts)
	if err != nil {
		log.Fatal(err)
	}
	for i, f := range set.Filters() {
		for row := range int(alerts.NumRows()) {
			fmt.Println(f.Name, row, verdicts.Passes(i, row))
		}
	}
	why, err := set.Why("bright_nova", alerts, 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(why)
	// Output:
	// bright_nova 0 true
	// bright_nova 1 false
	// bright_nova 2 false
	// false  candidate.magpsf < 18 AND cdsxmatch IN ('Galaxy', 'G') AND NOT any(prv_candidates, magpsf < 17)
	//     true   candidate.magpsf < 18
	//         17.899999618530273  candidate.magpsf
	//     true   cdsxmatch IN ('Galaxy', 'G')
	//         "G"    cdsxmatch
	//     false  NOT any(prv_candidates, magpsf < 17)
	//         true   any(prv_candidates, magpsf < 17)
}
