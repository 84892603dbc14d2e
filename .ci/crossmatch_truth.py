"""What is near what, by other means than the tool's: a k-d tree of unit vectors
finds candidates with room to spare, and the angles between them come from cross
and dot products or Vincenty's formula with 120 digits (mpmath). Coordinates are
taken for what their float64 says."""
import math
import multiprocessing

import numpy as np
from mpmath import atan2, cospi, hypot, mp, mpf, sinpi, sqrt
from scipy.spatial import cKDTree

mp.dps = 120
SAME = mpf(10) ** -70   # angles that differ by less, relatively, are equal
ROOM = 1e-12            # of the candidates: unit vectors of float64 are good to 1e-15
PER_DEGREE = mp.pi / 180
MAS = PER_DEGREE / 3600000


def valid(ra, dec):
    return np.isfinite(ra) & (np.abs(dec) <= 90)


def vectors(ra, dec):
    a, d = np.radians(np.fmod(ra, 360)), np.radians(dec)
    return np.column_stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])


class Place:
    """A position, with the sine and cosine of its declination."""
    __slots__ = ("ra", "sin", "cos")

    def __init__(self, ra, dec):
        self.ra, self.sin, self.cos = mpf(math.fmod(ra, 360)), sinpi(mpf(dec) / 180), cospi(mpf(dec) / 180)

    def vector(self):
        return self.cos * cospi(self.ra / 180), self.cos * sinpi(self.ra / 180), self.sin


def separation(a, b):
    """Returns the angle between two positions, in degrees (Vincenty)."""
    lon = (a.ra - b.ra) / 180
    s, c = sinpi(lon), cospi(lon)
    return atan2(hypot(b.cos * s, a.cos * b.sin - a.sin * b.cos * c), a.sin * b.sin + a.cos * b.cos * c) / PER_DEGREE


def moved(place, pmra, pmdec, years):
    """Returns the direction to a row after some years on a straight line through space."""
    c, s = cospi(place.ra / 180), sinpi(place.ra / 180)
    east, north = (-s, c, 0), (-place.sin * c, -place.sin * s, place.cos)
    a, d = mpf(pmra) * MAS * years, mpf(pmdec) * MAS * years
    return tuple(p + a * e + d * n for p, e, n in zip(place.vector(), east, north))


def between(v, w):
    """Returns the angle between two directions, in degrees."""
    cross = v[1] * w[2] - v[2] * w[1], v[2] * w[0] - v[0] * w[2], v[0] * w[1] - v[1] * w[0]
    return atan2(sqrt(sum(x * x for x in cross)), sum(x * y for x, y in zip(v, w))) / PER_DEGREE


def candidates(sky, widest):
    """Returns the pairs of a position and a row that may be within the radius, in the order of positions."""
    rows, places = np.flatnonzero(valid(sky.ra, sky.dec)), np.flatnonzero(valid(sky.qra, sky.qdec))
    if not len(rows) or not len(places):
        return np.empty((0, 2), np.int64)
    radius = np.full(len(rows), float(widest))
    if sky.size is not None:
        radius = np.where(np.isnan(sky.size[rows]), radius, sky.size[rows])
    chord = 2 * np.sin(np.radians(np.minimum(radius, 180)) / 2) + ROOM
    found = []
    for epoch in np.unique(sky.epochs[places]) if sky.moves else [None]:   # NaN is one
        there = places if epoch is None else places[sky.epochs[places] == epoch] if epoch == epoch else places[np.isnan(sky.epochs[places])]
        at = vectors(sky.ra[rows], sky.dec[rows])
        if sky.moves and epoch == epoch:
            at = drift(at, sky, rows, epoch - sky.epoch)
        near = cKDTree(vectors(sky.qra[there], sky.qdec[there])).query_ball_point(at, chord)
        n = np.array([len(x) for x in near])
        if n.sum():
            found.append(np.column_stack([there[np.concatenate([x for x in near if x]).astype(int)], np.repeat(rows, n)]))
    pairs = np.concatenate(found) if found else np.empty((0, 2), np.int64)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def drift(at, sky, rows, years):
    a, d = np.radians(np.fmod(sky.ra[rows], 360)), np.radians(sky.dec[rows])
    east = np.column_stack([-np.sin(a), np.cos(a), 0 * a])
    north = np.column_stack([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)])
    speed = np.radians(np.nan_to_num(np.column_stack([sky.pmra[rows], sky.pmdec[rows]])) / 3600e3 * years)
    speed[np.isnan(sky.pmra[rows]) | np.isnan(sky.pmdec[rows])] = 0
    at = at + speed[:, :1] * east + speed[:, 1:] * north
    return at / np.linalg.norm(at, axis=1)[:, None]


def measure(sky, pairs):
    """Returns the angle of each pair."""
    rows, last = {}, None
    for q, r in pairs.tolist():
        if r not in rows:
            rows[r] = Place(sky.ra[r], sky.dec[r])
        if q != last:
            last, place = q, Place(sky.qra[q], sky.qdec[q])
        if sky.moves and not math.isnan(sky.epochs[q]) and not math.isnan(sky.pmra[r] + sky.pmdec[r]):
            years = mpf(sky.epochs[q]) - mpf(sky.epoch)
            yield between(moved(rows[r], sky.pmra[r], sky.pmdec[r], years), place.vector())
        else:
            yield separation(rows[r], place)


def within(angle, radius):
    """Reports whether an angle is within a radius, the edge included."""
    return angle <= radius or angle - radius <= SAME * radius


def in_order(near):
    """Orders pairs by angle, ties by row."""
    near.sort()
    out, i = [], 0
    while i < len(near):
        j = i + 1
        while j < len(near) and near[j][0] - near[j - 1][0] <= SAME * near[j][0]:
            j += 1
        out += sorted(near[i:j], key=lambda x: x[1]) if j > i + 1 else near[i:j]
        i = j
    return out


def judge(work):
    """Returns, for each radius, the pairs within it: position, row, and the angle as float64."""
    sky, pairs, radii = work
    out = [[] for _ in radii]
    near, n = [], len(pairs)
    for i, angle in enumerate(measure(sky, pairs)):
        q, r = int(pairs[i, 0]), int(pairs[i, 1])
        near.append((angle, r))
        if i + 1 < n and pairs[i + 1, 0] == q:
            continue
        near = in_order(near)
        for k, radius in enumerate(radii):
            for angle, r in near:
                own = sky.size is not None and not math.isnan(sky.size[r])
                if within(angle, mpf(sky.size[r] if own else radius)):
                    out[k].append((q, r, float(angle)))
        near = []
    return out


def truth(sky, processes):
    """Returns, for each of a sky's radii, three arrays: positions, rows and angles of all pairs, in order."""
    pairs = candidates(sky, max(sky.radii))
    cuts = [0]
    while cuts[-1] < len(pairs):      # at the first pair of a position
        to = min(cuts[-1] + 4000, len(pairs))
        while to < len(pairs) and pairs[to, 0] == pairs[to - 1, 0]:
            to += 1
        cuts.append(to)
    works = [(sky, pairs[a:b], sky.radii) for a, b in zip(cuts, cuts[1:])]
    if len(works) > 1 and processes > 1:
        with multiprocessing.Pool(processes) as pool:
            parts = pool.map(judge, works, chunksize=1)
    else:
        parts = [judge(w) for w in works]
    out = []
    for k in range(len(sky.radii)):
        near = [x for p in parts for x in p[k]]
        out.append((np.array([x[0] for x in near], int), np.array([x[1] for x in near], int), np.array([x[2] for x in near], float)))
    return out
