package catalog

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Spec{
		"dir/gcvs.fits.gz":         {Name: "gcvs", Where: "dir/gcvs.fits.gz"},
		"stars=dir/x=y.csv":        {Name: "stars", Where: "dir/x=y.csv"},
		"./a=b.csv":                {Name: "a_b", Where: "./a=b.csv"},
		"2mass-psc.csv":            {Name: "_2mass-psc", Where: "2mass-psc.csv"},
		"sky/":                     {Name: "sky", Where: "sky/"},
		"cds:simbad":               {Name: "simbad", Where: "cds:simbad"},
		"cds:vizier:I/355/gaiadr3": {Name: "gaiadr3", Where: "cds:vizier:I/355/gaiadr3"},
		"g=x.csv?radius=2mas&columns=a,b%26c,d+e": {
			Name: "g", Where: "x.csv", Radius: 2 * crossmatch.Milliarcsecond, HasRadius: true, Columns: []string{"a", "b&c", "d+e"},
		},
		"x.csv?radius=0": {Name: "x", Where: "x.csv", HasRadius: true},
		"x.csv?ra=A&dec=D&pmra=p&pmdec=q&epoch=2015.5": {
			Name: "x", Where: "x.csv", RA: "A", Dec: "D", PMRA: "p", PMDec: "q", Epoch: 2015.5,
		},
		"x.csv?size=Maj*Ax*0.5arcmin": {Name: "x", Where: "x.csv", Size: "Maj*Ax", SizeUnit: crossmatch.Arcminute / 2},
	} {
		got, err := Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	_, err := Parse("x.csv?colums=a")
	assert.EqualError(t, err, `option "colums=a": unknown option, did you mean "columns"?: use radius, columns, ra, dec, pmra, pmdec, epoch, size`)
}

// Any text is a catalogue with a name for its columns, or an error.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"a=b.csv?radius=1.5arcsec&columns=a,b", "cds:vizier:I/355/gaiadr3?columns=Plx:float", "x?size=a*0.5arcmin", "?", "=", "/", "a=%zz", "x?columns=%zz"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		assert.True(t, isName(s.Name), "%q", s.Name)
		assert.NotEmpty(t, s.Where)
		assert.True(t, s.Radius >= 0 && s.Radius <= 180)
	})
}
