package sim

import "math"

// stamps are the three images around a detection, in one unit of flux.
type stamps struct {
	science, template, difference *image
	scale                         float64 // of a flux in nJy
}

func newStamps(side int, scale float64) stamps {
	return stamps{newImage(side), newImage(side), newImage(side), scale}
}

// draw makes the images of a detection in pixels of so many arcseconds.
func (s *stamps) draw(d *detection, n noise, arcsec, level float64) {
	sigma := d.seeing / arcsec / 2.355
	grain := s.grain(d, arcsec)
	r := dice(hash(d.seed, 9))
	s.science.sky(n, r, level, grain)
	s.template.sky(n, r, level, grain/4)
	s.difference.sky(n, r, 0, 1.05*grain)

	c := float64(s.science.side/2) + 0.2
	flux, base := d.flux*s.scale, d.base*s.scale
	field := s.scale * nanojansky(d.object.mag)
	for _, m := range []*image{s.science, s.template} {
		if d.class == supernova {
			m.home(d.object.seed, c, c, base, sigma)
		} else {
			m.blob(c, c, base, sigma, sigma)
		}
		m.neighbours(d.object.seed, field, sigma)
	}
	if d.class == bogus {
		s.flaw(d, c, flux, sigma)
		return
	}
	s.science.blob(c, c, flux, sigma, sigma)
	s.difference.blob(c, c, flux, sigma, sigma)
}

// flaw draws what is no star: the trace of a cosmic ray, or a dipole where the
// images were not aligned.
func (s *stamps) flaw(d *detection, c, flux, sigma float64) {
	if d.seed&1 == 0 {
		s.science.blob(c, c, flux, 0.4, 3*sigma)
		s.difference.blob(c, c, flux, 0.4, 3*sigma)
		return
	}
	s.difference.blob(c-sigma, c, flux, sigma, sigma)
	s.difference.blob(c+sigma, c, -0.9*flux, sigma, sigma)
}

// grain is the noise of a pixel, of which the error of a flux is made.
func (s *stamps) grain(d *detection, arcsec float64) float64 {
	area := 4 * math.Pi * sq(d.seeing/arcsec/2.355)
	return s.scale * nanojansky(d.limit) / least / math.Sqrt(area)
}
