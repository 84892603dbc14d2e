package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/internal/cli"
)

// command runs the command as it is, and returns what it wrote.
func command(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return commandWith(t, t.Context(), args...)
}

func commandWith(t *testing.T, ctx context.Context, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	dir := t.TempDir()
	out, errOut := os.Stdout, os.Stderr
	defer func() { os.Stdout, os.Stderr = out, errOut }()
	for _, x := range []struct {
		name string
		f    **os.File
	}{{"out", &os.Stdout}, {"err", &os.Stderr}} {
		f, err := os.Create(filepath.Join(dir, x.name))
		require.NoError(t, err)
		defer f.Close()
		*x.f = f
	}
	err = run(ctx, args)
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(b)
	}
	return read("out"), read("err"), err
}

// file writes a file of the test's own.
func file(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestWrongUsage(t *testing.T) {
	for args, says := range map[string]string{
		"-radius 1":                                              "say whose positions",
		"-positions a.csv":                                       "say what to match with",
		"-catalog a.csv":                                         "say whose positions",
		"-positions a.csv -catalog b.csv x":                      "unexpected argument",
		"-positions a.csv -catalog b.csv -ra x":                  "-ra and -dec go together",
		"-positions a.csv -catalog b.csv -catalog c/b.csv":       `two catalogues are called "b"`,
		"-positions a.csv -catalog b.csv -o x.txt":               ".csv, .tsv or .parquet",
		"-positions a.csv -catalog b.csv -limit 3":               "-limit is of -all",
		"-positions a.csv -catalog b.csv -all -limit -3":         "must not be negative",
		"-positions a.csv -catalog b.csv -catalog c.csv -all":    "one -catalog",
		"-positions a.csv -catalog cds:simbad -all":              "-all is for a catalogue that is a file",
		"-positions a.csv -catalog b.csv -all -retry":            "do not go together",
		"-positions a.csv -catalog b.csv -retry -columns x":      "leave out -columns",
		"-positions a.csv -catalog b.csv -columns x,,y":          "empty name in -columns",
		"-positions a.csv -catalog b.csv -radius -1":             "no angle",
		"-positions a.csv -catalog b.csv -radius 181deg":         "no angle",
		"-positions a.csv -catalog b.csv -radius NaN":            "no angle",
		"-positions a.csv -catalog b.csv -progress x":            "use auto or off",
		"-positions a.csv -catalog b.csv -memory x":              "not a size",
		"-positions a.csv -catalog x=":                           "no catalogue",
		"-positions a.csv -catalog b.csv?colour=1":               "no such option: use radius",
		"-positions a.csv -catalog b.csv?radius=x":               "no angle",
		"-positions a.csv -catalog b.csv?radius":                 "no value",
		"-positions a.csv -catalog b.csv?ra=x":                   "ra and dec go together",
		"-positions a.csv -catalog b.csv?pmra=x&pmdec=y":         "pmra, pmdec and epoch go together",
		"-positions a.csv -catalog b.csv?epoch=2016":             "pmra, pmdec and epoch go together",
		"-positions a.csv -catalog b.csv?pmra=x&pmdec=y&epoch=0": "no Julian year",
		"-positions a.csv -catalog b.csv?size=r*0":               "must not be 0",
		"-positions a.csv -catalog b.csv?columns=a,":             "empty name in columns",
		"-positions a.csv -catalog cds:gaia":                     "write cds:simbad or",
		"-positions a.csv -catalog cds:vizier:":                  "write cds:simbad or",
		"-positions a.csv -catalog cds:simbad?radius=3arcmin1":   "no angle",
		"-positions a.csv -catalog cds:simbad?radius=4arcmin":    "up to 180 arcseconds",
		"-positions a.csv -catalog cds:simbad?ra=x&dec=y":        "only radius and columns",
		"-positions a.csv -catalog cds:simbad?columns=z:complex": "NAME or NAME:TYPE",
	} {
		_, err := parse(strings.Fields(args))
		var usage cli.UsageError
		if assert.ErrorAs(t, err, &usage, args) {
			assert.Contains(t, err.Error(), says, args)
		}
	}
}

func TestParseCatalog(t *testing.T) {
	none := catalogFlag{radius: -1, unit: angle(crossmatch.Arcsecond)}
	for text, want := range map[string]func(c *catalogFlag){
		"dir/gcvs.fits.gz":         func(c *catalogFlag) { c.name, c.where = "gcvs", "dir/gcvs.fits.gz" },
		"stars=dir/x=y.csv":        func(c *catalogFlag) { c.name, c.where = "stars", "dir/x=y.csv" },
		"./a=b.csv":                func(c *catalogFlag) { c.name, c.where = "a_b", "./a=b.csv" },
		"2mass-psc.csv":            func(c *catalogFlag) { c.name, c.where = "_2mass-psc", "2mass-psc.csv" },
		"sky/":                     func(c *catalogFlag) { c.name, c.where = "sky", "sky/" },
		"cds:simbad":               func(c *catalogFlag) { c.name, c.where = "simbad", "cds:simbad" },
		"cds:vizier:I/355/gaiadr3": func(c *catalogFlag) { c.name, c.where = "gaiadr3", "cds:vizier:I/355/gaiadr3" },
		"g=x.csv?radius=2mas&columns=a,b%26c,d+e": func(c *catalogFlag) {
			c.name, c.where, c.radius, c.columns = "g", "x.csv", angle(2*crossmatch.Milliarcsecond), []string{"a", "b&c", "d+e"}
		},
		"x.csv?ra=A&dec=D&pmra=p&pmdec=q&epoch=2015.5": func(c *catalogFlag) {
			c.name, c.where, c.ra, c.dec, c.pmra, c.pmdec, c.epoch = "x", "x.csv", "A", "D", "p", "q", 2015.5
		},
		"x.csv?size=Maj*Ax*0.5arcmin": func(c *catalogFlag) {
			c.name, c.where, c.size, c.unit = "x", "x.csv", "Maj*Ax", angle(crossmatch.Arcminute/2)
		},
	} {
		c := none
		want(&c)
		got, err := parseCatalog(text)
		require.NoError(t, err, text)
		assert.Equal(t, c, got, text)
	}
	o, err := parse([]string{"-positions", "x", "-radius", "2arcmin", "-catalog", "a.csv", "-catalog", "b.csv?radius=0"})
	require.NoError(t, err)
	assert.Equal(t, angle(2*crossmatch.Arcminute), o.catalogs[0].radius)
	assert.Equal(t, angle(0), o.catalogs[1].radius)
}

// Whatever somebody types is a catalogue with a name for its columns, or an error.
func FuzzParseCatalog(f *testing.F) {
	for _, text := range []string{"a=b.csv?radius=1.5arcsec&columns=a,b", "cds:vizier:I/355/gaiadr3?columns=Plx:float", "x?size=a*0.5arcmin", "?", "=", "/", "a=%zz", "x?columns=%zz"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCatalog(text)
		if err != nil {
			return
		}
		assert.True(t, isName(c.name), "%q", c.name)
		assert.NotEmpty(t, c.where)
		assert.True(t, c.radius == -1 || c.radius >= 0 && c.radius <= 180)
		_ = c.wrong()
	})
}

func TestManualNamesEachFlag(t *testing.T) {
	for _, name := range []string{"positions", "catalog", "radius", "columns", "ra", "epoch", "all", "limit", "retry", "o", "index", "memory", "cds-url", "progress"} {
		assert.Contains(t, manual, "\n    -"+name+" ", name)
	}
	for line := range strings.Lines(manual) {
		assert.LessOrEqual(t, len(line), 92, line)
	}
}

func TestDemo(t *testing.T) {
	out, _, err := command(t)
	require.NoError(t, err)
	for _, line := range []string{
		`A1 +\S+ +\S+ +match +0\.0\d\d" +Vega +none`,
		`A2 +\S+ +\S+ +match +0\.0\d\d" +Barnard's star +none`,
		`A3 +\S+ +\S+ +none +match +0\.000"`,
		`A4 +\S+ +\S+ +match +0\.0\d\d" +Polaris +match +1\.\d\d\d"`,
		`A5 +\S+ +\S+ +match +0\.1\d\d" +Sirius +none`,
		`A6 +\S+ +\S+ +none +none`,
		`A7 +\S+ +\S+ +invalid +invalid`,
	} {
		assert.Regexp(t, line, out)
	}
}
