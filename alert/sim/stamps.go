package sim

import "math"

// stamps are the three cutouts of a detection, in one unit of flux.
type stamps struct {
	science, template, difference *image
	scale                         float64 // units of flux per nJy
}

func newStamps(side int, scale float64) stamps {
	return stamps{newImage(side), newImage(side), newImage(side), scale}
}

// draw makes the cutouts of a detection with pixels of arcsec arcseconds.
func (s *stamps) draw(d *detection, n noise, arcsec, level float64) {
	sigma := d.seeing / arcsec / 2.355
	noise := s.pixelNoise(d, arcsec)
	r := newRand(hash(d.seed, 9))
	s.science.sky(n, r, level, noise)
	s.template.sky(n, r, level, noise/4)
	s.difference.sky(n, r, 0, 1.05*noise)

	c := float64(s.science.side/2) + 0.2
	flux, base := d.flux*s.scale, d.base*s.scale
	field := s.scale * nanojansky(d.object.mag)
	for _, m := range []*image{s.science, s.template} {
		if d.class == supernova {
			m.host(d.object.seed, c, c, base, sigma)
		} else {
			m.gaussian(c, c, base, sigma, sigma)
		}
		m.neighbours(d.object.seed, field, sigma)
	}
	if d.class == bogus {
		s.artifact(d, c, flux, sigma)
		return
	}
	s.science.gaussian(c, c, flux, sigma, sigma)
	s.difference.gaussian(c, c, flux, sigma, sigma)
}

// artifact draws the trace of a cosmic ray, or the dipole of misaligned images.
func (s *stamps) artifact(d *detection, c, flux, sigma float64) {
	if d.seed&1 == 0 {
		s.science.gaussian(c, c, flux, 0.4, 3*sigma)
		s.difference.gaussian(c, c, flux, 0.4, 3*sigma)
		return
	}
	s.difference.gaussian(c-sigma, c, flux, sigma, sigma)
	s.difference.gaussian(c+sigma, c, -0.9*flux, sigma, sigma)
}

// pixelNoise returns the noise of a pixel that gives the error of a flux.
func (s *stamps) pixelNoise(d *detection, arcsec float64) float64 {
	area := 4 * math.Pi * sq(d.seeing/arcsec/2.355)
	return s.scale * nanojansky(d.limit) / minSNR / math.Sqrt(area)
}
