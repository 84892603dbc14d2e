"""Catalogues and positions that are hard to match, made from a seed."""
import dataclasses

import numpy as np

from crossmatch_truth import Place, separation

ARCSEC = 1 / 3600
ULPS = (0, 1, -1, 2, -2)


@dataclasses.dataclass
class Sky:
    name: str
    ra: np.ndarray                  # of the rows
    dec: np.ndarray
    qra: np.ndarray                 # of the positions
    qdec: np.ndarray
    radii: tuple                    # of the queries, in degrees
    size: np.ndarray = None         # radii of the rows, in degrees
    pmra: np.ndarray = None
    pmdec: np.ndarray = None
    epoch: float = 2016.
    epochs: np.ndarray = None       # of the positions

    @property
    def moves(self):
        return self.pmra is not None


def sky(name, rows, places, radii, **more):
    (ra, dec), (qra, qdec) = (np.array(x, float).reshape(-1, 2).T.copy() for x in (rows, places))
    return Sky(name, ra, dec, qra, qdec, tuple(radii), **more)


def anywhere(rng, n):
    return np.column_stack([rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))])


def about(rng, places, distance):
    """Returns a random position at about a distance, in degrees, from each place."""
    bearing = rng.uniform(0, 2 * np.pi, len(places))
    ra, dec = places.T
    dec2 = dec + distance * np.cos(bearing)
    ra2 = ra + distance * np.sin(bearing) / np.maximum(np.cos(np.radians(dec)), 1e-9)
    over = np.abs(dec2) > 90
    return np.column_stack([np.where(over, ra2 + 180, ra2), np.where(over, np.copysign(180, dec2) - dec2, dec2)])


def steps(x, n):
    """Returns the float64 that is n steps further."""
    for _ in range(abs(n)):
        x = np.nextafter(x, np.copysign(np.inf, n))
    return float(x)


def far(rng, n, low, high):
    return 10 ** rng.uniform(np.log10(low), np.log10(high), n)


def random(rng, n):
    rows = anywhere(rng, n)
    near = about(rng, rows[rng.integers(0, n, 2 * n // 3)], far(rng, 2 * n // 3, 1e-6, 5) * ARCSEC)
    return sky("random", rows, rng.permutation(np.concatenate([near, anywhere(rng, n - len(near))])), [1.5 * ARCSEC, 0.05 * ARCSEC])


def clustered(rng, n):
    """Clusters of half an arcminute, with a dozen to thousands of rows, in a galactic plane."""
    k = max(n // 400, 4)
    centres = np.column_stack([rng.uniform(0, 360, k), rng.normal(0, 3, k)])
    weight = rng.pareto(1.2, k) + 0.05
    which = rng.choice(k, n // 2, p=weight / weight.sum())
    rows = about(rng, centres[which], np.abs(rng.normal(0, 30, n // 2)) * ARCSEC * np.sqrt(np.bincount(which, minlength=k)[which] / 100))
    places = np.concatenate([about(rng, rows[rng.integers(0, len(rows), n // 2)], far(rng, n // 2, 1e-2, 20) * ARCSEC), anywhere(rng, n // 8)])
    return sky("clustered", rows, rng.permutation(places), [2 * ARCSEC, 0.3 * ARCSEC])


def invalid(rng, n):
    """Invalid rows and positions among valid ones."""
    no = [(np.nan, 0), (0, np.nan), (np.inf, 0), (-np.inf, 10), (10, np.inf), (10, -np.inf), (10, steps(90, 1)), (10, steps(-90, -1)),
          (10, 91), (10, -1e300), (np.nan, np.nan)]
    good = anywhere(rng, n // 20)
    bad = np.array(no)[rng.integers(0, len(no), n // 20)]
    rows, places = np.concatenate([good, bad]), np.concatenate([good, about(rng, good, far(rng, len(good), 1e-3, 2) * ARCSEC), bad])
    return sky("invalid", rng.permutation(rows), rng.permutation(places), [1.5 * ARCSEC])


def poles(rng, n):
    decs = [90, steps(90, -1), steps(90, -2), 90 - 1e-12, 90 - 1e-9, 90 - 1e-7, 90 - 1e-5, 90 - 1e-4, 89.999]
    ras = lambda k: rng.choice([0, -0.0, 45, 90, 180, 270, 360, -90, 1e6 + .25, 123.456, 303.456, steps(360, -1)], k) + rng.choice([0, 0, 360, -720, 1e-13], k)
    some = lambda k: np.column_stack([ras(k), rng.choice(decs, k) * rng.choice([1, -1], k)])
    return sky("poles", some(24), np.concatenate([some(n // 60), about(rng, some(n // 60), far(rng, n // 60, 1e-9, 3) * ARCSEC)]),
               [0, 1e-11, 1e-7, 1e-4 + 1e-7])


def wrap(rng, n):
    """Right ascensions near 0, written in many ways."""
    zero = [0, -0.0, 360, -360, 720, -720, 3600, steps(360, -1), steps(360, 1), steps(-360, 1), 1e-13, -1e-13, 1e-300, -1e-300, 5e-324, -5e-324,
            360 - 1e-10, -1e-10, 1e-5, -1e-5, 360 + 1e-5, 360e9, 360e9 + 2**-12, 359.9999, 2.0**60 * 45, 1e308]
    rows, places = [], []
    for dec in np.concatenate([[0, -0.0, 45, -60], anywhere(rng, n // 60)[:, 1]]):
        rows += [(a, dec) for a in rng.choice(zero, 4)]
        places += [(a, dec) for a in rng.choice(zero, 4)] + [(rng.choice(zero), dec + rng.normal() * 1e-5)]
    half = [(a, d) for d in (1., -30.) for a in (180, -180, 540, steps(180, 1), steps(180, -1), steps(-180, 1), 180 - 1e-6, 900)]
    return sky("wrap", rng.permutation(rows + half), rng.permutation(places + half), [0, 1e-10, 1e-4])


def ties(rng, n):
    """Rows that mirror each other or coincide, and rows that nearly do."""
    grid = 2.0**-22
    rows, places = [], []
    for _ in range(n // 40):
        ra, dec = np.round(anywhere(rng, 1)[0] / grid) * grid
        if rng.random() < 0.2:
            dec = 0.
        if rng.random() < 0.2:
            ra = float(rng.choice([0, 360, 180]))
        d = grid * rng.integers(1, 200)
        mirror = [(ra + d, dec), (ra - d, dec), (ra, dec + d), (ra, dec - d), (ra + d + 360, dec), (ra - d - 360, dec), (ra, dec + d), (ra + 2 * d, dec), (ra + d, dec + d), (ra - d, dec + d)]
        some = [mirror[i] for i in rng.integers(0, len(mirror), rng.integers(2, 6))]
        if rng.random() < 0.3:
            some[0] = (steps(some[0][0], rng.choice(ULPS)), steps(some[0][1], rng.choice(ULPS)))
        rows += some
        places += [(ra, dec), (ra - 360, dec)][:rng.integers(1, 3)] + some[:1]
    pole = [(a, s * (90 - 2.0**-10)) for s in (1, -1) for a in (0, 90, 13.7, 280.1, 193.7, -13.7)] * 2
    return sky("ties", rng.permutation(rows + pole), rng.permutation(places + [(12, 90), (200, -90), (0, 90)]), [1.5 * ARCSEC, 2.0**-9])


def radius0(rng, n):
    here = np.concatenate([anywhere(rng, n // 20), [(7, 90), (200, -90), (0, 0), (360, 0), (-0.0, -0.0), (180, 30), (-180, 30)]])
    beside = [(steps(a, rng.choice(ULPS)), steps(d, rng.choice(ULPS))) for a, d in here]
    rows = np.concatenate([here, here[: n // 60], beside])
    places = [(a + rng.choice([0, 0, 360, -360]), d) for a, d in here] + [(99, 90), (1, -90), (5e-324, 0), (0, 5e-324)]
    return sky("radius 0", rng.permutation(rows), rng.permutation([p for p in places if abs(p[1]) <= 90]), [0])


def edge(rng, n):
    """Rows exactly at the radius, and one float64 step from it."""
    radius, grid = 2.0**-11, 2.0**-22
    rows, places = [], []
    for ra, dec in np.round(anywhere(rng, n // 30) / grid) * grid:
        for k in rng.choice(ULPS, 2):
            match rng.integers(0, 4):
                case 0:     # along the meridian
                    rows.append((ra, steps(dec + radius * rng.choice([1, -1]), k)))
                    places.append((ra + rng.choice([0, 360, -360]), dec))
                case 1:     # along the equator
                    rows.append((steps(ra + radius * rng.choice([1, -1]), k), 0))
                    places.append((ra, 0))
                case 2:     # over right ascension 0
                    rows.append((steps(360 - radius / 2, k), 0))
                    places.append((rng.choice([radius / 2, radius / 2 - 360]), rng.choice([0., -0.0, 1e-13])))
                case 3:     # over the pole
                    ra = np.round(ra)
                    pole = rng.choice([1, -1])
                    rows.append((ra + 180, pole * steps(90 - radius / 2, k)))
                    places.append((ra, pole * (90 - radius / 2)))
    few = [i for i in range(len(rows)) if abs(places[i][1]) < 89 and places[i][0] > 1]
    some = few + [i for i in range(len(rows)) if i not in set(few)][:60]   # those near one position
    return sky("edge", rng.permutation([rows[i] for i in some]), rng.permutation([places[i] for i in some]), [radius, steps(radius, -1), steps(radius, 1)])


def edges(rng, n):
    """Rows whose own radius is the rounded distance of a position, or one step from it."""
    rows = anywhere(rng, n // 15)
    rows[::50, 1] = 90 - far(rng, len(rows[::50]), 1e-9, 1)
    places = about(rng, rows, far(rng, len(rows), 1e-7, 20000) * ARCSEC)
    angle = [float(separation(Place(*r), Place(*p))) for r, p in zip(rows, places)]
    size = np.array([steps(x, rng.choice((0, 0, 0, 1, -1))) for x in angle])
    return sky("edges of rows", rows, places, [1 * ARCSEC], size=size)


def sizes(rng, n):
    rows = anywhere(rng, n // 6)
    size = far(rng, len(rows), 1e-6, 2)
    size[rng.random(len(rows)) < 0.3] = np.nan
    size[rng.random(len(rows)) < 0.05] = 0
    size[:3] = 20, 5, 90
    there = np.minimum(np.nan_to_num(size, nan=1e-3), 3) * rng.uniform(0, 1.3, len(rows))
    return sky("sizes", rows, np.concatenate([about(rng, rows, there), rows[:100]]), [2 * ARCSEC, 0], size=size)


def tiny(rng, n):
    """Separations of 1e-12 to 1e-3 arcseconds, where float64 can represent them."""
    rows, places = [], []

    def group(ra, dec, dra, ddec, k):
        offset = lambda: far(rng, 1, 1e-12, 1e-3)[0] * ARCSEC * rng.choice([1, -1])
        for to in (rows, places):
            to += [(ra + dra * offset(), min(dec + ddec * offset(), 90)) for _ in range(k)]

    group(0, 0, 1, 1, 20)
    group(180, 0, 0, 1, 10)
    group(0, 90, 1e6, 1, 10)
    for ra, dec in anywhere(rng, n // 60):
        group(0, dec, 1, 0, 2)
        group(ra, 0, 0, 1, 2)
        group(ra, dec, 1, 1, 2)
    return sky("tiny", rng.permutation(rows), rng.permutation(places), [2e-3 * ARCSEC, 1e-6 * ARCSEC, 1e-9 * ARCSEC])


def large(rng, n):
    """Radii of degrees, up to that of the whole sky, and rows near the antipodes of positions."""
    rows = np.concatenate([anywhere(rng, 40), [(0, 90), (0, -90), (0, 0), (180, 0), (360, 0)]])
    opposite = np.column_stack([rows[:, 0] + 180, -rows[:, 1]])
    places = np.concatenate([opposite, about(rng, opposite, far(rng, len(rows), 1e-12, 5)), about(rng, opposite, far(rng, len(rows), 1e-4, 1) * ARCSEC),
                             anywhere(rng, n // 500)])
    return sky("large", rng.permutation(rows), rng.permutation(places), [5, 30, 90, steps(180, -1), 180])


def fives(rng, n):
    """Radii of five degrees on a denser sky."""
    rows = np.concatenate([anywhere(rng, n // 60), about(rng, np.array([(0, 90.)] * 20), far(rng, 20, 1e-3, 10))])
    return sky("5 degrees", rows, np.concatenate([anywhere(rng, n // 60), about(rng, np.array([(0, -90.)] * 20), far(rng, 20, 1e-3, 10))]), [5, 1])


def motions(rng, n):
    """Rows that move to the epochs of the positions, over poles and right ascension 0 too."""
    rows = anywhere(rng, n // 10)
    k = len(rows) // 20
    rows[:k] = np.column_stack([rng.uniform(0, 360, k), rng.choice([1, -1], k) * (90 - far(rng, k, 1e-7, 1e-2))])
    rows[k:2 * k, 0] = rng.choice([0, 360, 359.99999, 1e-5, -1e-5], k)
    speed, way = far(rng, len(rows), 1e-2, 1e4), rng.uniform(0, 2 * np.pi, len(rows))
    pmra, pmdec = speed * np.cos(way), speed * np.sin(way)
    still = rng.random(len(rows))
    pmra[still < 0.1], pmdec[still < 0.05] = np.nan, np.nan
    pmra[still > 0.95] = pmdec[still > 0.95] = 0
    epochs = rng.choice([2016, 2026.5, 1991.25, 1950, 2116, np.nan, 2016.000001], 3 * len(rows))
    which = rng.integers(0, len(rows), len(epochs))
    from crossmatch_truth import drift, vectors
    at = vectors(*rows.T)
    out = Sky("motions", *rows.T, None, None, (1.5 * ARCSEC, 12 * ARCSEC), pmra=pmra, pmdec=pmdec, epochs=epochs)
    v = np.array([drift(at[[r]], out, [r], np.nan_to_num(e - 2016))[0] for r, e in zip(which, epochs)])
    there = np.degrees(np.column_stack([np.arctan2(v[:, 1], v[:, 0]), np.arctan2(v[:, 2], np.hypot(v[:, 0], v[:, 1]))]))
    there = about(rng, there, far(rng, len(there), 1e-5, 15) * ARCSEC)
    out.qra, out.qdec = there.T.copy()
    return out


def resting(rng, n):
    """Rows that coincide and move together: the lower one is nearest."""
    one = motions(rng, n // 3)
    twice = rng.permutation(np.repeat(np.arange(len(one.ra)), 2))
    for name in ("ra", "dec", "pmra", "pmdec"):
        setattr(one, name, getattr(one, name)[twice])
    one.name, one.radii = "moving together", (12 * ARCSEC,)
    return one


ALL = [random, clustered, invalid, poles, wrap, ties, radius0, edge, edges, sizes, tiny, large, fives, motions, resting]
