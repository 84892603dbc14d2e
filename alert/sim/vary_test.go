package sim

import "testing"

func FuzzCutout(f *testing.F) {
	l := newLSST(1)
	k := newSky(&Simulator{Survey: LSST})
	d := k.alert(k.exposure(0, 0), 0)
	l.cutouts(nil, &d)
	f.Add(l.fits.b)
	f.Add([]byte("SIMPLE  =                    T"))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < minCutout {
			return
		}
		n := len(b)
		newVariation(Vary{}, 1).cutout(b)
		if len(b) != n {
			t.Error("another size")
		}
	})
}
