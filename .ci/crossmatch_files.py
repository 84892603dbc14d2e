"""What .ci/crossmatch asks of formats, HATS directories and archives.

    crossmatch_files.py readers TOOL TMP SEED
    crossmatch_files.py hats TOOL TMP SEED
    crossmatch_files.py archive TOOL TMP SEED ARCHIVE CATALOGUES
"""
import csv
import gzip
import os
import sys
import warnings
from fractions import Fraction

import astropy.table
import astropy_healpix.healpy as healpy
import duckdb
import numpy as np
import pandas
import polars
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from astropy.io.votable import from_table
from astropy_healpix import HEALPix

import crossmatch_skies
from crossmatch import Errors, Wrong, bits, compare, expected, run
from crossmatch_skies import ARCSEC, about, anywhere, far, sky
from crossmatch_truth import truth

warnings.simplefilter("ignore")


# Formats

def angles(rng, n):
    """Returns positions that sexagesimal text can represent, in whole 64ths of seconds, and their float64."""
    ra, dec = rng.integers(0, 86400 * 64, n), rng.integers(-90 * 3600 * 64, 90 * 3600 * 64, n)
    degrees = [(float(Fraction(int(a), 64 * 240)), float(Fraction(int(d), 64 * 3600))) for a, d in zip(ra, dec)]
    return np.array(degrees), list(zip(ra.tolist(), dec.tolist()))


def sexagesimal(k, marks, sign=False):
    s = ("-" if k < 0 else "+") if sign else ""
    k = abs(k)
    return f"{s}{k // 230400:02d}{marks[0]}{k // 3840 % 60:02d}{marks[1]}{k % 3840 / 64:09.6f}{marks[2]}"


def catalogue(rng, rows, nulls):
    """Returns columns of many types, with null integers only where all formats have them."""
    n = len(rows)
    names = ["", "M 31", "a, b; c | d", "<&> 'x' \"y\"", "NGC 5128", "x" * 30]
    some = lambda p: rng.random(n) < p
    return {
        "row": np.arange(n), "ra": rows[:, 0], "dec": rows[:, 1],
        "name": np.array([names[i] for i in rng.integers(0, len(names), n)]),
        "mag": np.where(some(0.2), np.nan, rng.normal(18, 3, n)).astype(np.float32),
        "flux": np.where(some(0.1), np.nan, far(rng, n, 1e-30, 1e30) * rng.choice([1, -1], n)),
        "source": rng.integers(2**53, 2**63 - 1, n), "seen": some(0.5),
        "flag": np.ma.masked_array(rng.integers(-2**14, 2**14, n).astype(np.int16), some(0.3) if nulls else False),
    }


def arrow(columns, empty=None):
    """Makes NaN and empty text null, as they are in all formats but Parquet."""
    out = {}
    for name, x in columns.items():
        if name == "name":
            out[name] = pa.array([v or empty for v in x.tolist()], pa.string())
        else:
            out[name] = pa.array(np.ma.getdata(x), mask=np.isnan(x) if x.dtype.kind == "f" else np.ma.getmaskarray(x))
    return pa.table(out)


def write_parquet(dir, columns):
    t = arrow(columns)
    for codec in ("none", "snappy", "gzip", "brotli", "zstd"):
        for version in ("1.0", "2.0"):
            pq.write_table(t, f"{dir}/{codec}-{version}.parquet", compression=codec, data_page_version=version, use_dictionary=version == "1.0", row_group_size=700)
    pq.write_table(arrow(columns, ""), f"{dir}/empty-text.parquet", store_schema=False)
    frame = t.to_pandas(types_mapper={pa.int16(): pandas.Int16Dtype(), pa.int64(): pandas.Int64Dtype(), pa.bool_(): pandas.BooleanDtype()}.get)
    frame.to_parquet(f"{dir}/pandas.parquet")
    polars.from_arrow(t).write_parquet(f"{dir}/polars.parquet")
    duckdb.sql(f"COPY t TO '{dir}/duckdb.parquet' (FORMAT parquet)")


def write_astropy(dir, columns, nulls):
    t = astropy.table.Table({k: astropy.table.MaskedColumn(v) if np.ma.is_masked(v) else np.ma.getdata(v) for k, v in columns.items()})
    t["ra"].unit = t["dec"].unit = "deg"
    t.write(f"{dir}/table.fits")
    for kind in ("tabledata", "binary2") + (() if nulls else ("binary",)):
        from_table(t).to_xml(f"{dir}/{kind}.xml", tabledata_format=kind)
    for name in ("table.fits", "tabledata.xml"):
        with open(f"{dir}/{name}", "rb") as f, gzip.open(f"{dir}/{name}.gz", "wb", 1) as to:
            to.write(f.read())


def write_text(dir, columns, parts):
    text = lambda v: "" if v is np.ma.masked or v != v else str(v).lower() if isinstance(v, np.bool_) else str(v)
    lines = [[text(x) for x in row] for row in zip(*columns.values())]
    names = list(columns)
    at = names.index("ra"), names.index("dec")

    def save(name, mark, before="", after="", marks=None):
        with open(f"{dir}/{name}", "w", newline="") as f:
            f.write(before)
            w = csv.writer(f, delimiter=mark, lineterminator="\r\n" if mark == ";" else "\n")
            w.writerow(names)
            f.write(after)
            for line, (ra, dec) in zip(lines, parts):
                if marks:
                    line = list(line)
                    line[at[0]], line[at[1]] = sexagesimal(ra, marks[0]), sexagesimal(dec, marks[1], True)
                w.writerow(line)

    save("comma.csv", ",")
    save("semicolon.csv", ";", "# made of a seed\n#\n# ra; dec\n")
    save("bar.txt", "|", "\n")
    units_of = "\t".join("deg" if n in ("ra", "dec") else "" for n in names) + "\n" + "\t".join("---" for _ in names) + "\n"
    save("vizier.tsv", "\t", "#\n#   VizieR\n#Column\tra\n\n", units_of)
    save("colons.csv", ",", "# sexagesimal\n", marks=((":", ":", ""), (":", ":", "")))
    save("blanks.tsv", "\t", marks=((" ", " ", ""), (" ", " ", "")))
    save("letters.csv", ",", marks=(("h", "m", "s"), ("d", "m", "s")))
    with open(f"{dir}/comma.csv", "rb") as f, gzip.open(f"{dir}/comma.csv.gz", "wb") as to:
        to.write(f.read())


def lines_of(path):
    """Returns the cells of a CSV, with NaN as missing."""
    with open(path, newline="") as f:
        return [["" if c == "NaN" else c for c in line] for line in csv.reader(f)]


def in_degrees(lines, path):
    """Returns lines with the degrees that were added for sexagesimal text in its place, after checking that the text is the file's."""
    if "ra_deg" not in lines[0]:
        return lines
    ra, dec, ra_deg, dec_deg = (lines[0].index(name) for name in ("ra", "dec", "ra_deg", "dec_deg"))
    with open(path) as f:
        text = f.read()
    for cell in {line[i] for line in lines for i in (ra, dec)}:
        if cell not in text:
            raise Wrong(f"{path}: {cell!r} was written as a position, which is not in the file")
    for line in lines[1:]:
        line[ra], line[dec] = line[ra_deg], line[dec_deg]
    return [[c for i, c in enumerate(line) if i not in (ra_deg, dec_deg)] for line in lines]


def readers(tool, tmp, seed):
    rng = np.random.default_rng([int(seed), 100])
    for nulls in (False, True):
        dir = f"{tmp}/formats-{nulls}"
        os.mkdir(dir)
        rows, parts = angles(rng, 3000)
        columns = catalogue(rng, rows, nulls)
        write_parquet(dir, columns)
        write_astropy(dir, columns, nulls)
        write_text(dir, columns, parts)
        places = np.concatenate([about(rng, rows, far(rng, len(rows), 1e-4, 4) * ARCSEC), rows[:500], anywhere(rng, 300)])
        all = sky("formats", rows, places, [1.5 * ARCSEC])
        pq.write_table(pa.table({"n": np.arange(len(places)), "ra": all.qra, "dec": all.qdec}), f"{dir}.places.parquet")
        flags = lambda name: ["-positions", f"{dir}.places.parquet", "-catalog", f"cat={dir}/{name}?columns=row,name,mag,flux,source,seen,flag"]
        got = run(tool, f"{tmp}/out.parquet", *flags("none-1.0.parquet"))
        compare("none-1.0.parquet", all, got, expected(all, truth(all, 1)[0], 1), Errors())
        row = got["cat_row"].drop_null().to_numpy()
        for name, want in arrow(columns).to_pydict().items():
            have = got.filter(got["cat_row"].is_valid())["cat_" + name].to_pylist() if name not in ("ra", "dec") else [want[i] for i in row]
            if have != [want[i] for i in row]:
                raise Wrong(f"none-1.0.parquet: column {name} is {have[:5]}…, and not {[want[i] for i in row[:5]]}…")
        wanted = {}
        names = sorted(os.listdir(dir), key=lambda name: name != "none-1.0.parquet")
        for name in names:
            as_positions = ["-positions", f"{dir}/{name}", "-catalog", f"cat={dir}/none-1.0.parquet?columns=row", "-all", "-radius", "500"]
            for way, f in (("catalogue", flags(name)), ("positions", as_positions)):
                run(tool, f"{tmp}/out.csv", *f)
                have = in_degrees(lines_of(f"{tmp}/out.csv"), f"{dir}/{name}")
                want = wanted.setdefault(way, have)
                if have != want:
                    i = next((i for i, (a, b) in enumerate(zip(have, want)) if a != b), min(len(have), len(want)))
                    raise Wrong(f"{name} as {way} gives {len(have)} lines, and Parquet {len(want)}; line {i + 1}:\n  {have[i:i + 1]}\n  {want[i:i + 1]}")
        print(f"    {len(names)} files of one catalogue{' with nulls' if nulls else ''}, as catalogue and as positions: {len(wanted['catalogue']) - 1:,} and {len(wanted['positions']) - 1:,} equal rows")
    print("    " + ", ".join(names))
    wild = np.concatenate([np.column_stack([x.qra, x.qdec]) for x in (crossmatch_skies.invalid(rng, 2000), crossmatch_skies.wrap(rng, 2000))])
    pq.write_table(arrow(catalogue(rng, wild, True)), f"{tmp}/wild.parquet")
    flags = ["-positions", f"{tmp}/wild.parquet", "-catalog", f"cat={tmp}/wild.parquet?columns=name,mag,flux,source,seen,flag"]
    outputs(tool, tmp, flags, run(tool, f"{tmp}/matched.parquet", *flags))


# HATS

def borders(rng, n):
    """Returns positions at the poles, and near corners and edges of pixels of several orders."""
    k = n // 5
    out = [np.column_stack([rng.uniform(0, 360, k), rng.choice([1, -1], k) * (90 - far(rng, k, 1e-7, 1e-2))]), np.array([(0., 90.), (77., -90.), (90., 90.)])]
    for order in (0, 1, 2):
        side = 2**order
        pixels = rng.integers(0, 12 * side**2, n)
        lon, lat = HEALPix(side, order="nested").boundaries_lonlat(pixels, 8)
        k = rng.integers(0, 32, n)
        k[::2] = k[::2] // 8 * 8   # corners
        out.append(np.column_stack([lon.deg[np.arange(n), k], lat.deg[np.arange(n), k]]))
    out.append(np.column_stack([rng.choice([0, 45, 90, 180, 270, 315], n), rng.uniform(-90, 90, n).round(3)]))
    return np.concatenate(out)


def write_hats(dir, rows, pixel29, threshold):
    """Writes a collection with partitions of orders 0 to 2, and a margin in degrees."""
    order = np.choose(pixel29 >> 58 >> 2, [0, 1, 2])
    pixel = pixel29 >> 2 * (29 - order)
    table = pa.table({"_healpix_29": pixel29, "ra": rows[:, 0], "dec": rows[:, 1], "row": np.arange(len(rows))})
    beside = {}
    for k in range(3) if threshold else ():     # the rows beside each pixel
        touched = healpy.ang2pix(2**k, *around(rows, 1.05 * threshold), nest=True, lonlat=True)
        for r, found in enumerate(touched):
            for p in set(found.tolist()) - {int(pixel[r]) if order[r] == k else -1}:
                beside.setdefault((k, p), []).append(r)
    parts = {p: np.flatnonzero((order == p[0]) & (pixel == p[1])) for p in set(zip(order.tolist(), pixel.tolist()))}

    def save(sub, parts, **properties):
        for (k, p), some in parts.items():
            path = f"{dir}/{sub}/dataset/Norder={k}/Dir={p // 10000 * 10000}"
            os.makedirs(path, exist_ok=True)
            pq.write_table(table.take(some), f"{path}/Npix={p}.parquet")
        with open(f"{dir}/{sub}/partition_info.csv", "w") as f:
            f.write("Norder,Npix,num_rows\n" + "".join(f"{k},{p},{len(some)}\n" for (k, p), some in parts.items()))
        with open(f"{dir}/{sub}/hats.properties", "w") as f:
            f.write("#HATS catalog\nhats_col_ra=ra\nhats_col_dec=dec\nhats_npix_suffix=.parquet\n" + "".join(f"{k}={v}\n" for k, v in properties.items()))

    save("stars", parts, dataproduct_type="object")
    if threshold:
        save("margin", {p: some for p, some in beside.items() if p in parts}, dataproduct_type="margin", hats_margin_threshold=threshold * 3600)
    with open(f"{dir}/collection.properties", "w") as f:
        f.write("hats_primary_table_url=stars\n" + ("default_margin=margin\n" if threshold else ""))
    return len(parts), sum(len(some) for p, some in beside.items() if p in parts)


def around(rows, distance):
    """Returns longitudes and latitudes on a circle around each row. Pixels are larger, so one that comes within the circle crosses it."""
    a, d = np.radians(rows.T[:, :, None])
    way, distance = np.linspace(0, 2 * np.pi, 256, False), np.radians(distance)
    north, east = np.sin(distance) * np.cos(way), np.sin(distance) * np.sin(way)
    flat, z = np.cos(distance) * np.cos(d) - north * np.sin(d), np.cos(distance) * np.sin(d) + north * np.cos(d)
    return np.degrees(a + np.arctan2(east, flat)) % 360, np.degrees(np.arctan2(z, np.hypot(flat, east)))


def hats(tool, tmp, seed):
    rng = np.random.default_rng([int(seed), 200])
    rows = borders(rng, 250)
    rows = np.concatenate([about(rng, rows, far(rng, len(rows), 0.1, 60) * ARCSEC), rows[::5], anywhere(rng, 1000)])
    d = 2.0**-10
    for ra, dec in zip(rng.choice([90, 180, 270], 60), rng.integers(-80, 80, 60)):   # ties over a border
        rows = np.concatenate([rows, [(ra - d, dec), (ra + d, dec)]])
    rows[:, 0] = np.mod(rows[:, 0], 360)
    pixel29 = healpy.ang2pix(2**29, rows[:, 0], rows[:, 1], nest=True, lonlat=True).astype(np.int64)
    order = np.argsort(pixel29, kind="stable")
    rows, pixel29 = rows[order], pixel29[order]
    places = np.concatenate([about(rng, rows, far(rng, len(rows), 1e-3, 15) * ARCSEC), about(rng, rows, far(rng, len(rows), 16, 55) * ARCSEC), borders(rng, 150), np.column_stack([np.round(rows[:, 0]), np.round(rows[:, 1])])])
    all = sky("hats", rows, places, [5 * ARCSEC, 12 * ARCSEC, 60 * ARCSEC, 1])
    near = truth(all, 2)
    pq.write_table(pa.table({"n": np.arange(len(places)), "ra": all.qra, "dec": all.qdec}), f"{tmp}/places.parquet")
    checked = 0
    for name, threshold in (("without", 0), ("with", 15 * ARCSEC)):
        dir = f"{tmp}/hats-{name}"
        parts, beside = write_hats(dir, rows, pixel29, threshold)
        for more in ([], ["-memory", "100KiB"]):
            for k, radius in enumerate(all.radii):
                got = run(tool, f"{tmp}/out.parquet", "-positions", f"{tmp}/places.parquet", "-catalog", f"cat={dir}?columns=row", "-radius", f"{radius!r}deg", *more)
                checked += compare(f"HATS {name} margin within {radius!r} degrees {' '.join(more)}", all, got, expected(all, near[k], 1), Errors())
        print(f"    {parts} partitions of {len(rows):,} rows, {beside:,} beside them {name} a margin: {len(places):,} positions")
    q, r, _ = near[1]
    across = np.sum((pixel29[r] >> 54) != healpy.ang2pix(2**2, all.qra[q], all.qdec[q], nest=True, lonlat=True))
    print(f"    {checked:,} rows right; of {len(q):,} pairs within 12\" {across:,} are over a border of pixels of order 2")
    if across < 100:
        raise Wrong("too few pairs over borders")


# Archives

def archive(tool, tmp, seed, out, catalogues):
    rng = np.random.default_rng([int(seed), 300])
    hours = f"{out}/alerts"
    db = duckdb.connect()
    db.sql(f"CREATE VIEW a AS SELECT topic, partition, \"offset\", alert_id, event_time, ra, dec FROM read_parquet('{hours}/**/*.parquet', union_by_name = true, hive_partitioning = false)")
    alerts = db.sql("SELECT * FROM a").to_arrow_table()
    n = alerts.num_rows
    places = np.column_stack([alerts["ra"].to_numpy(), alerts["dec"].to_numpy()]).astype(float)
    good = places[np.isfinite(places).all(1)]
    rows = np.concatenate([about(rng, good, far(rng, len(good), 1e-3, 4) * ARCSEC), anywhere(rng, 500)])
    pq.write_table(pa.table({"row": np.arange(len(rows)), "ra": rows[:, 0], "dec": rows[:, 1]}), f"{tmp}/near.parquet")
    flags = ["-positions", hours, "-columns", "topic,partition,offset,alert_id,event_time", "-radius", "1.5",
             "-catalog", f"cat={tmp}/near.parquet?columns=row", "-catalog", f"gcvs={catalogues}/gcvs.parquet?columns=ra,dec,VarType&radius=60"]
    got = run(tool, f"{tmp}/matched.parquet", *flags)
    db.sql(f"CREATE VIEW m AS SELECT * FROM '{tmp}/matched.parquet'")
    db.sql(f"CREATE VIEW g AS SELECT * FROM '{catalogues}/gcvs.parquet'")
    db.sql("""CREATE MACRO apart(a1, d1, a2, d2) AS 2 * 3600 * degrees(asin(least(1, sqrt(sin(radians(d2 - d1) / 2) ** 2 + cos(radians(d1)) * cos(radians(d2)) * sin(radians(a2 - a1) / 2) ** 2))))""")

    def none(what, query):
        found = db.sql(query).fetchall()
        if found:
            raise Wrong(f"archive: {what}: {len(found)}: {found[:3]}")

    key = "topic, partition, \"offset\""
    none("rows that are not of the archive", f"SELECT {key}, alert_id, event_time, ra, dec FROM m EXCEPT ALL SELECT {key}, alert_id, event_time, ra, dec FROM a")
    none("alerts without a row", f"SELECT {key}, alert_id, event_time, ra, dec FROM a EXCEPT ALL SELECT {key}, alert_id, event_time, ra, dec FROM m")
    none("matches that are not in the catalogue, or not at their separation", """SELECT m.ra, m.dec, gcvs_separation FROM m LEFT JOIN g
        ON g.ra = m.gcvs_ra AND g.dec = m.gcvs_dec AND g.VarType IS NOT DISTINCT FROM m.gcvs_VarType
        WHERE gcvs_match = 'match' AND (g.ra IS NULL OR NOT abs(apart(m.ra, m.dec, g.ra, g.dec) - gcvs_separation) < 1e-6)""")
    none("nearer rows, or rows near positions without a match", """SELECT m.ra, m.dec, gcvs_match, gcvs_separation, min(apart(m.ra, m.dec, g.ra, g.dec)) AS s FROM m JOIN g
        ON abs(g.dec - m.dec) < 0.017 WHERE gcvs_match <> 'invalid' GROUP BY ALL HAVING NOT s > coalesce(gcvs_separation, 60) - 1e-6""")
    none("columns without a match", "SELECT * FROM m WHERE (gcvs_match = 'match') <> (gcvs_separation IS NOT NULL) OR gcvs_match <> 'match' AND (gcvs_ra IS NOT NULL OR gcvs_VarType IS NOT NULL) OR gcvs_cause IS NOT NULL")
    # the synthetic catalogue in 120 digits, in the order of the written rows
    ordered = sky("archive", rows, np.column_stack([got["ra"].to_numpy(), got["dec"].to_numpy()]).astype(float), [1.5 * ARCSEC])
    compare("archive", ordered, got.append_column("n", pa.array(np.arange(n))), expected(ordered, truth(ordered, 2)[0], 1), Errors())
    count = lambda c: {s["values"]: s["counts"] for s in got[c].value_counts().to_pylist()}
    print(f"    {n:,} alerts of an archive's hours: {count('cat_match')}, GCVS {count('gcvs_match')}: each once, with its own columns, says DuckDB")
    outputs(tool, tmp, flags, got)


def outputs(tool, tmp, flags, parquet):
    """Checks that CSV and TSV equal Parquet, bit for bit."""
    for ending, mark in (("csv", ","), ("tsv", "\t")):
        run(tool, f"{tmp}/matched.{ending}", *flags)
        text = pa.csv.read_csv(f"{tmp}/matched.{ending}", parse_options=pa.csv.ParseOptions(delimiter=mark, newlines_in_values=True), convert_options=pa.csv.ConvertOptions(
            column_types=dict(zip(parquet.column_names, parquet.schema.types)), strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]))
        if text.column_names != parquet.column_names or text.num_rows != parquet.num_rows:
            raise Wrong(f"{ending}: {text.num_rows} rows of {text.column_names}, and Parquet {parquet.num_rows} of {parquet.column_names}")
        for name, a, b in zip(text.column_names, text.combine_chunks().columns, parquet.combine_chunks().columns):
            if not a.is_null().equals(b.is_null()) or bits(a) != bits(b):
                i = next(i for i, (x, y) in enumerate(zip(a.to_pylist(), b.to_pylist())) if x != y)
                raise Wrong(f"{ending}: column {name} is {a[i]!r} in row {i}, and {b[i]!r} in Parquet")
    print(f"    CSV, TSV and Parquet of {parquet.num_rows:,} rows and {parquet.num_columns} columns are equal, says pyarrow")


if __name__ == "__main__":
    try:
        {"readers": readers, "hats": hats, "archive": archive}[sys.argv[1]](*sys.argv[2:])
    except Wrong as e:
        sys.exit(f"crossmatch: {e}")
