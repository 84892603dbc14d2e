"""Reads lines of a right ascension and a declination, in degrees, and prints
the nested HEALPix pixel of each at order 29, as astropy-healpix has it."""
import sys

import numpy as np
from astropy_healpix.healpy import ang2pix

ra, dec = np.loadtxt(sys.stdin, unpack=True)
for p in ang2pix(2**29, ra, dec, nest=True, lonlat=True):
    print(p)
