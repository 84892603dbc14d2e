package crossmatch

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sky "github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/internal/cli"
)

// command runs the command and returns its output.
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
	err = Run(ctx, args)
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(b)
	}
	return read("out"), read("err"), err
}

// file writes a file to a new directory.
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
		"-positions a.csv -catalog b.csv -limit 3":               "-limit is for -all",
		"-positions a.csv -catalog b.csv -all -limit -3":         "must not be negative",
		"-positions a.csv -catalog b.csv -catalog c.csv -all":    "one -catalog",
		"-positions a.csv -catalog cds:simbad -all":              "-all is for a catalogue that is a file",
		"-positions a.csv -catalog b.csv -all -retry":            "do not go together",
		"-positions a.csv -catalog b.csv -retry -columns x":      "leave out -columns",
		"-positions a.csv -catalog b.csv -columns x,,y":          "empty name in -columns",
		"-positions a.csv -catalog b.csv -radius -1":             "not an angle",
		"-positions a.csv -catalog b.csv -radius 181deg":         "not an angle",
		"-positions a.csv -catalog b.csv -radius NaN":            "not an angle",
		"-positions a.csv -catalog b.csv -progress x":            "use auto or off",
		"-positions a.csv -catalog b.csv -memory x":              "not a size",
		"-positions a.csv -catalog x=":                           "not a catalogue",
		"-positions a.csv -catalog b.csv?colour=1":               "unknown option: use radius",
		"-positions a.csv -catalog b.csv?radius=x":               "not an angle",
		"-positions a.csv -catalog b.csv?radius":                 "no value",
		"-positions a.csv -catalog b.csv?ra=x":                   "ra and dec go together",
		"-positions a.csv -catalog b.csv?pmra=x&pmdec=y":         "pmra, pmdec and epoch go together",
		"-positions a.csv -catalog b.csv?epoch=2016":             "pmra, pmdec and epoch go together",
		"-positions a.csv -catalog b.csv?pmra=x&pmdec=y&epoch=0": "not a Julian year",
		"-positions a.csv -catalog b.csv?size=r*0":               "must not be 0",
		"-positions a.csv -catalog b.csv?columns=a,":             "empty name in columns",
		"-positions a.csv -catalog cds:gaia":                     "write cds:simbad or",
		"-positions a.csv -catalog cds:vizier:":                  "write cds:simbad or",
		"-positions a.csv -catalog cds:simbad?radius=3arcmin1":   "not an angle",
		"-positions a.csv -catalog cds:simbad?radius=4arcmin":    "up to 180 arcseconds",
		"-positions a.csv -radius 4arcmin -catalog cds:simbad":   "-catalog cds:simbad: the CDS accepts radii up to 180 arcseconds, not 240",
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

func TestRadius(t *testing.T) {
	o, err := parse([]string{"-positions", "x", "-radius", "2arcmin", "-catalog", "a.csv", "-catalog", "b.csv?radius=0"})
	require.NoError(t, err)
	assert.Equal(t, 2*sky.Arcminute, o.catalogs[0].Radius)
	assert.Zero(t, o.catalogs[1].Radius)
}

func TestManualNamesEachFlag(t *testing.T) {
	for _, name := range []string{"positions", "catalog", "radius", "columns", "ra", "epoch", "all", "limit", "retry", "o", "format", "index", "memory", "cds-url", "progress"} {
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
