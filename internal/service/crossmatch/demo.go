package crossmatch

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	sky "github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/catalog"
	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// brightStars were copied by hand from SIMBAD: J2000, proper motions in mas a
// year.
const brightStars = `name,ra,dec,pmra,pmdec
Sirius,101.287155,-16.716116,-546.01,-1223.07
Vega,279.234735,38.783689,200.94,286.23
Arcturus,213.915300,19.182409,-1093.39,-2000.06
Betelgeuse,88.792939,7.407064,27.54,11.30
Rigel,78.634467,-8.201638,1.31,0.50
Procyon,114.825498,5.224988,-714.59,-1036.80
Altair,297.695827,8.868321,536.23,385.29
Aldebaran,68.980163,16.509302,63.45,-188.94
Polaris,37.954561,89.264109,44.48,-11.85
Proxima Centauri,217.428942,-62.679490,-3781.74,769.47
61 Cygni A,316.724748,38.749417,4164.21,3249.61
Barnard's star,269.452077,4.693365,-801.55,10362.39
`

// demoAlerts are invented.
const demoAlerts = `id,ra,dec,epoch
A1,279.236632,38.785796,2026.5
A2,269.446157,4.769644,2026.5
A3,269.452077,4.693365,2026.5
A4,37.9801,89.264022,2026.5
A5,-258.71700,-16.725119,2026.5
A6,150,2.2,2026.5
A7,12,95,2026.5
`

const demoIntro = `Seven alerts of mid-2026, matched within 2" with a dozen bright stars (copied by hand,
J2000), which are moved by their proper motions, and then as if they stood still:

`

const demoEnd = `
A2 is Barnard's star, 4.6' north of where it was in 2000; A3 is where it was. A7 has an
invalid position. With tables of your own, in CSV, Parquet, FITS or VOTable:

    crossmatch -positions mine.csv -catalog theirs.fits -o matched.csv
    crossmatch -positions mine.csv -catalog cds:simbad          asks the CDS
    crossmatch -h                                               the manual
`

// demonstrate matches demoAlerts with brightStars.
func demonstrate(ctx context.Context, w io.Writer) error {
	t, err := openText(brightStars)
	if err != nil {
		return err
	}
	stars, err := catalog.Spec{PMRA: "pmra", PMDec: "pmdec", Epoch: 2000}.Load(ctx, t)
	if err != nil {
		return err
	}
	defer stars.Close()
	if t, err = openText(demoAlerts); err != nil {
		return err
	}
	rec, err := t.ReadAll(ctx)
	if err != nil {
		return err
	}
	defer func() { rec.Release() }()
	for _, join := range []struct{ name, epoch string }{{"star", "epoch"}, {"still", ""}} { // without an epoch no row is moved
		t := &sky.Transform{Epoch: join.epoch, Joins: []sky.Join{{Name: join.name, Matcher: stars, Radius: 2 * sky.Arcsecond, Columns: []string{"name"}}}}
		matched, err := t.Match(ctx, rec)
		if err != nil {
			return err
		}
		rec.Release()
		rec = matched
	}
	fmt.Fprint(w, demoIntro)
	if err := printDemo(w, rec); err != nil {
		return err
	}
	_, err = fmt.Fprint(w, demoEnd)
	return err
}

func openText(csv string) (*table.Table, error) {
	return table.NewReader(strings.NewReader(csv), int64(len(csv)), "demo.csv", table.Options{})
}

// printDemo prints what was matched as a table.
func printDemo(w io.Writer, rec arrow.Record) error {
	column := func(name string) arrow.Array { return rec.Column(rec.Schema().FieldIndices(name)[0]) }
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(tw, "    id\tra\tdec\tstar_match\tstar_separation\tstar_name\tstill_match\tstill_separation")
	separation := func(name string, i int) string {
		if a := column(name).(*array.Float64); a.IsValid(i) {
			return fmt.Sprintf("%.3f\"", a.Value(i))
		}
		return ""
	}
	for i := range int(rec.NumRows()) {
		name := column("star_name").(*array.String)
		fmt.Fprintf(tw, "    %s\t%.6f\t%.6f\t%s\t%s\t%s\t%s\t%s\n", column("id").ValueStr(i),
			column("ra").(*array.Float64).Value(i), column("dec").(*array.Float64).Value(i),
			column("star_match").ValueStr(i), separation("star_separation", i), name.Value(i),
			column("still_match").ValueStr(i), separation("still_separation", i))
	}
	return tw.Flush()
}
