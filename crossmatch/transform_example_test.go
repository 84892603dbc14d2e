package crossmatch_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch"
)

func ExampleTransform() {
	stars := record(`[{"name": "Vega"}, {"name": "Barnard's star"}]`, arrow.Field{Name: "name", Type: arrow.BinaryTypes.String})
	defer stars.Release()
	catalog, err := crossmatch.NewCatalog(crossmatch.Rows{
		RA:      []float64{279.234735, 269.452077},
		Dec:     []float64{38.783689, 4.693365},
		PMRA:    []float64{200.94, -801.55}, // mas/yr, with the factor cos(dec)
		PMDec:   []float64{286.23, 10362.39},
		Epoch:   2000,
		Columns: stars,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer catalog.Close()
	t := &crossmatch.Transform{
		Joins: []crossmatch.Join{{Name: "star", Matcher: catalog, Radius: 1.5 * crossmatch.Arcsecond}},
		Epoch: "mjd",
	}

	alerts := record(`[
		{"ra": 269.446157, "dec": 4.769644, "mjd": 61223.625},
		{"ra": 269.452077, "dec": 4.693365, "mjd": 61223.625},
		{"ra": null,       "dec": 4.693365, "mjd": 61223.625}]`,
		arrow.Field{Name: "ra", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		arrow.Field{Name: "dec", Type: arrow.PrimitiveTypes.Float64},
		arrow.Field{Name: "mjd", Type: arrow.PrimitiveTypes.Float64})
	defer alerts.Release()
	matched, err := t.Match(context.Background(), alerts)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer matched.Release()
	column := func(name string) arrow.Array { return matched.Column(matched.Schema().FieldIndices(name)[0]) }
	match, name := column("star_match").(*array.String), column("star_name")
	separation := column("star_separation").(*array.Float64)
	for i := range match.Len() {
		if match.Value(i) == crossmatch.StatusMatch.String() {
			fmt.Printf("%s: %s, %.2f\"\n", match.Value(i), name.ValueStr(i), separation.Value(i))
		} else {
			fmt.Println(match.Value(i))
		}
	}
	// Output:
	// match: Barnard's star, 0.00"
	// none
	// invalid
}

func record(json string, fields ...arrow.Field) arrow.Record {
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(json))
	if err != nil {
		panic(err)
	}
	return rec
}
