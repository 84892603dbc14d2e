"""Runs the crossmatch tool on skies that are hard to match, and compares every row
that it writes with crossmatch_truth: see .ci/crossmatch.

    crossmatch.py exact TOOL PUREGO TMP POSITIONS SEED
"""
import os
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import crossmatch_skies
from crossmatch_truth import truth, valid

PROCESSES = os.cpu_count()
ROUND = 40_000      # about the positions of the largest sky; a round has each sky once


class Wrong(Exception):
    pass


def run(tool, out, *flags):
    """Runs the tool and returns its output."""
    p = subprocess.run([tool, "-progress", "off", "-o", out, *flags], capture_output=True, text=True)
    if p.returncode:
        raise Wrong(f"{' '.join(p.args)}: exit status {p.returncode}: {p.stderr}")
    return pq.read_table(out) if out.endswith(".parquet") else None


def column(x, rng):
    """Returns x with each NaN kept or made null, at random."""
    return pa.array(x, mask=np.isnan(x) & (rng.random(len(x)) < 0.5))


def write(path, **columns):
    pq.write_table(pa.table({k: v for k, v in columns.items() if v is not None}), path, compression="none")
    return path


def values(array):
    """Returns a column of numbers, with NaN for null."""
    return array.to_numpy().astype(float) if array.null_count == 0 else array.to_pandas().to_numpy(dtype=float, na_value=np.nan)


def expected(sky, near, limit):
    """Returns the expected output: positions, rows (-1 without a match), angles and statuses. Limit 0 means all."""
    q, r, angle = near
    rank = np.arange(len(q)) - np.searchsorted(q, q)
    keep = rank < (limit or len(q))
    without = np.setdiff1d(np.arange(len(sky.qra)), q)
    q = np.concatenate([q[keep], without])
    order = np.argsort(q, kind="stable")
    q = q[order]
    r = np.concatenate([r[keep], np.full(len(without), -1)])[order]
    angle = np.concatenate([angle[keep], np.full(len(without), np.nan)])[order]
    return q, r, angle, np.where(~valid(sky.qra, sky.qdec)[q], "invalid", np.where(r < 0, "none", "match"))


class Errors:
    """Returns the largest absolute (degrees) and relative errors of separations."""

    def __init__(self):
        self.absolute = self.relative = 0.

    def add(self, got, angle):
        if len(got):
            self.absolute = max(self.absolute, np.max(np.abs(got - angle)))
            some = angle > 1e-12
            self.relative = max([self.relative, *(np.abs(got - angle)[some] / angle[some])])


def compare(what, sky, got, want, errors):
    q, r, angle, status = want
    n, row, separation = (values(got[k]) for k in ("n", "cat_row", "cat_separation"))
    row = np.where(np.isnan(row), -1, row)
    if len(n) != len(q):
        raise Wrong(f"{what}: {len(n)} rows, not {len(q)}")
    if got["cat_cause"].null_count < len(q):
        raise Wrong(f"{what}: failed: {got['cat_cause'].drop_null()[0]}")
    separation = separation / 3600
    far = np.abs(separation - angle) > np.maximum(1e-9 * angle, 1e-12)
    wrong = (n != q) | (row != r) | (got["cat_match"].to_numpy().astype(str) != status) | far | (np.isnan(separation) != np.isnan(angle))
    for name, want in (("ra", sky.qra[q]), ("dec", sky.qdec[q])):
        have = values(got[name])
        wrong |= (have != want) & ~(np.isnan(have) & np.isnan(want)) | (np.signbit(have) != np.signbit(want)) & (want == 0)
    if wrong.any():
        i = np.flatnonzero(wrong)
        lines = [f"  position {q[k]} ({float(sky.qra[q[k]])!r}, {float(sky.qdec[q[k]])!r}): {status[k]} row {r[k]}{at(sky, r[k])} at {float(angle[k])!r} degrees, "
                 f"and not {got['cat_match'][k]} row {int(row[k])}{at(sky, int(row[k]))} at {float(separation[k])!r}" for k in i[:5]]
        raise Wrong(f"{what}: {len(i)} of {len(q)} rows are wrong:\n" + "\n".join(lines))
    errors.add(separation[r >= 0], angle[r >= 0])
    return len(q)


def at(sky, r):
    if r < 0:
        return ""
    more = "" if sky.size is None else f", radius {float(sky.size[r])!r}"
    return f" ({float(sky.ra[r])!r}, {float(sky.dec[r])!r}{more})"


def one(sky, tool, purego, tmp, rng):
    """Runs the tool on a sky in every way."""
    begun = time.time()
    near = truth(sky, PROCESSES)
    took, errors, checked = time.time() - begun, Errors(), 0
    rows = write(f"{tmp}/rows.parquet", row=np.arange(len(sky.ra)), ra=column(sky.ra, rng), dec=column(sky.dec, rng),
                 size=None if sky.size is None else column(sky.size, rng),
                 pmra=column(sky.pmra, rng) if sky.moves else None, pmdec=column(sky.pmdec, rng) if sky.moves else None)
    places = {"n": np.arange(len(sky.qra)), "ra": column(sky.qra, rng), "dec": column(sky.qdec, rng)}
    times = [lambda y: y, lambda y: (y - 2000) * 365.25 + 51544.5, lambda y: (y - 2000) * 365.25 + 2451545] if sky.moves else [None]
    catalog = f"cat={rows}?columns=row" + ("&size=size*1deg" if sky.size is not None else "") + (f"&pmra=pmra&pmdec=pmdec&epoch={sky.epoch!r}" if sky.moves else "")
    out = f"{tmp}/out.parquet"
    for k, radius in enumerate(sky.radii):
        time_of = times[k % len(times)]
        positions = write(f"{tmp}/positions.parquet", **places, epoch=column(time_of(sky.epochs), rng) if sky.moves else None)
        flags = ["-positions", positions, "-catalog", catalog, "-radius", f"{radius!r}deg"] + (["-epoch", "epoch"] if sky.moves else [])
        for limit, more in ((1, []), (0, ["-all"]), (2, ["-all", "-limit", "2"])):
            what = f"{sky.name} within {radius!r} degrees {' '.join(more)}"
            got = run(tool, out, *flags, *more)
            checked += compare(what, sky, got, expected(sky, near[k], limit), errors)
            # the same from a new and from an existing index, and without assembly
            for binary, also in ((purego, []), (tool, ["-index", f"{tmp}/index"])) if k == 0 else ():
                again = run(binary, out, *flags, *more, *also)
                if not same(got, again):
                    compare(f"{what} {' '.join(also) or 'with purego'}", sky, again, expected(sky, near[k], limit), errors)
                    raise Wrong(f"{what}: otherwise with {also or 'purego'}")
    print(f"    {sky.name:16} {len(sky.ra):8,} rows {len(sky.qra):8,} positions {sum(len(x[0]) for x in near):9,} pairs, {checked:9,} rows right; "
          f"separations to {errors.relative:.1e}, {errors.absolute:.1e} degrees ({took:.1f} s and {time.time() - begun - took:.1f} s)", flush=True)
    return len(sky.qra), checked


def same(a, b):
    return a.schema.equals(b.schema) and a.num_rows == b.num_rows and all(
        x.is_null().equals(y.is_null()) and bits(x) == bits(y) for x, y in zip(a.combine_chunks().columns, b.combine_chunks().columns))


def bits(column):
    return column.drop_null().to_numpy().tobytes() if not pa.types.is_string(column.type) else column.drop_null().to_pylist()


def exact(tool, purego, tmp, positions, seed):
    positions, seed = int(positions), int(seed)
    done = checked = turn = 0
    while done < positions:
        n = min(ROUND, (positions - done) // 2 if positions - done < 2 * ROUND else ROUND)
        for make in crossmatch_skies.ALL:
            rng = np.random.default_rng([seed, turn, crossmatch_skies.ALL.index(make)])
            sky = make(rng, max(n, 1000))
            p, c = one(sky, tool, purego, tmp, rng)
            done, checked = done + p, checked + c
        turn += 1
    print(f"    {done:,} positions: {checked:,} rows are what 120 digits say")


if __name__ == "__main__":
    try:
        {"exact": exact}[sys.argv[1]](*sys.argv[2:])
    except Wrong as e:
        sys.exit(f"crossmatch: {e}")
