package sim

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// The distributions of fields that the simulation does not model, as "name mean
// deviation"; "+" marks fields that cannot be negative.
const ztfPlausible = `chipsf 1.3 .3 +, sigmagap .1 .02 +, magnr 19 1 +, sigmagnr .02 .005 +, chinr .6 .2 +, sharpnr 0 .05,
	sky .1 .3, aimage 1 .15 +, bimage .9 .1 +, aimagerat .45 .05 +, bimagerat .4 .05 +, elong 1.15 .1 +,
	nneg 2 2 +, nbad 0 0, sumrat .95 .03 +, sigmagapbig .12 .02 +,
	sgmag1 19 1 +, srmag1 18.6 1 +, simag1 18.4 1 +, szmag1 18.2 1 +, sgscore1 .6 .3 +, distpsnr1 3 2 +,
	sgmag2 21 1 +, srmag2 20.6 1 +, simag2 20.4 1 +, szmag2 20.3 1 +, sgscore2 .5 .3 +, distpsnr2 12 3 +,
	sgmag3 22 1 +, srmag3 21.5 1 +, simag3 21.2 1 +, szmag3 21 1 +, sgscore3 .4 .2 +, distpsnr3 19 4 +,
	nframesref 20 4 +, dsnrms 3 1 +, ssnrms 8 2 +, dsdiff -5 2, magzpsciunc 5e-5 1e-5 +, magzpscirms .04 .01 +,
	nmatches 400 80 +, clrcoeff -.05 .02, clrcounc 1e-4 2e-5 +, zpclrcov -6e-5 1e-5, clrmed .65 .05 +, clrrms .28 .03 +,
	neargaia 8 4 +, maggaia 18.5 1 +, neargaiabright -999 0, maggaiabright -999 0, tooflag 0 0`

const lsstPlausible = `raErr 2e-5 5e-6 +, decErr 2e-5 5e-6 +, ra_dec_Cov 0 1e-10, xErr .3 .1 +, yErr .3 .1 +, psfChi2 1700 60 +,
	psfNdata 1681 0, dipoleNdata 0 0, ixx .3 .1 +, iyy .28 .1 +, ixy 0 .05, ixxPSF .3 .03 +, iyyPSF .29 .03 +,
	ixyPSF 0 .02, extendedness .5 .3 +, bboxSize 20 4 +`

// distribution is the distribution of one field.
type distribution struct {
	index    int // of the field
	mean, sd float64
	positive bool
}

// plausible reads a table of distributions, leaving out fields that r lacks.
func (r *record) plausible(table string) []distribution {
	var all []distribution
	for entry := range strings.SplitSeq(table, ",") {
		words := strings.Fields(entry)
		i, ok := r.at[words[0]]
		if !ok {
			continue
		}
		s := distribution{index: i, positive: len(words) > 3}
		s.mean, _ = strconv.ParseFloat(words[1], 64)
		s.sd, _ = strconv.ParseFloat(words[2], 64)
		all = append(all, s)
	}
	return all
}

// fill draws values for fields from their distributions.
func (r row) fill(all []distribution, d *rand.Rand) {
	for _, s := range all {
		x := s.mean
		if s.sd != 0 {
			x += s.sd * d.NormFloat64()
			if s.positive {
				x = math.Abs(x)
			}
		}
		r.values[s.index] = value{set: true, x: x, n: int64(x)}
	}
}
