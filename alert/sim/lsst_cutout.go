package sim

import "math"

// cutouts appends the three cutouts as Rubin sends them: plain FITS with the
// image, its variance and the point spread function.
func (l *lsst) cutouts(b []byte, d *detection) []byte {
	l.stamps.draw(d, l.noise, lsstScale, 0)
	grain := l.stamps.pixelNoise(d, lsstScale)
	side := 41
	for _, m := range []*image{l.stamps.difference, l.stamps.science, l.stamps.template} {
		noise := grain
		if m == l.stamps.template {
			noise, side = grain/4, 43+2*int(d.object.seed%3)
		}
		l.fits.b = l.fits.b[:0]
		l.imageHDU(d, m)
		l.varianceHDU(m, noise)
		l.psfHDU(d, side)
		b = append(b, 2)
		b = appendText(b, l.fits.b)
	}
	return b
}

func (l *lsst) imageHDU(d *detection, m *image) {
	h := &l.fits
	h.shape(false, -32, lsstSide, lsstSide)
	h.card("EXTEND", "T", "")
	x, y := int(4072*d.x), int(4000*d.y)
	h.whole("CUTMINX", x-15, "")
	h.whole("CUTMINY", y-15, "")
	h.card("BUNIT", "'nJy     '", "")
	h.whole("WCSAXES", 2, "Number of coordinate axes")
	h.num("CRPIX1", 16.2, "Pixel coordinate of reference point")
	h.num("CRPIX2", 16.2, "Pixel coordinate of reference point")
	sin, cos := math.Sincos(2 * math.Pi * float64(d.exposure.seed%1024) / 1024)
	h.num("PC1_1", -lsstScale/3600*cos, "Coordinate transformation matrix element")
	h.num("PC1_2", lsstScale/3600*sin, "Coordinate transformation matrix element")
	h.num("PC2_1", lsstScale/3600*sin, "Coordinate transformation matrix element")
	h.num("PC2_2", lsstScale/3600*cos, "Coordinate transformation matrix element")
	h.num("CDELT1", 1, "Coordinate increment at reference point")
	h.num("CDELT2", 1, "Coordinate increment at reference point")
	h.card("CUNIT1", "'deg     '", "")
	h.card("CUNIT2", "'deg     '", "")
	h.card("CTYPE1", "'RA---TAN'", "")
	h.card("CTYPE2", "'DEC--TAN'", "")
	h.num("CRVAL1", d.ra, "Coordinate value at reference point")
	h.num("CRVAL2", d.dec, "Coordinate value at reference point")
	h.num("LATPOLE", 90, "[deg] Native latitude of celestial pole")
	h.num("MJDREF", 0, "[d] MJD of fiducial time")
	h.end()
	h.floats(m.pixels)
}

// varianceHDU is the variance of the background and of the collected light.
func (l *lsst) varianceHDU(m *image, grain float64) {
	for i, v := range m.pixels {
		l.vars[i] = float32(grain*grain) + 0.3*max(v, 0)
	}
	h := &l.fits
	h.shape(true, -32, lsstSide, lsstSide)
	h.card("UTYPE", "'VarianceUncertainty'", "")
	h.card("EXTNAME", "'UNCERT  '", "extension name")
	h.end()
	h.floats(l.vars)
}

// psfHDU is the point spread function: a slightly elongated core with wings.
func (l *lsst) psfHDU(d *detection, side int) {
	r := newRand(hash(d.exposure.seed, 15, uint64(d.detector), uint64(side)))
	sigma := d.seeing / lsstScale / 2.355
	ex, ey := 1+0.05*r.NormFloat64(), 1+0.05*r.NormFloat64()
	var x, y, wx, wy [64]float64
	for i := range side {
		u := float64(i - side/2)
		x[i], y[i] = math.Exp(-sq(u/sigma/ex)/2), math.Exp(-sq(u/sigma/ey)/2)
		wx[i], wy[i] = math.Exp(-math.Abs(u)/sigma/2.5), math.Exp(-math.Abs(u)/sigma/2.6)
	}
	l.psf = l.psf[:0]
	for j := range side {
		for i := range side {
			l.psf = append(l.psf, (x[i]*y[j]+0.02*wx[i]*wy[j])/(6.5*sigma*sigma))
		}
	}
	h := &l.fits
	h.shape(true, -64, side, side)
	h.card("EXTNAME", "'PSFIMAGE'", "extension name")
	h.end()
	h.doubles(l.psf)
}
