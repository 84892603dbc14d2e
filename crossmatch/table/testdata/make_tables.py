"""Writes FITS tables and VOTables of many kinds into a directory, and beside
each what astropy reads from it, as JSON: a list of values for each column."""
import json, sys, os, warnings
import numpy as np
from astropy.io import fits
from astropy.io.votable import parse_single_table, from_table
from astropy.io.votable.tree import VOTableFile
from astropy.table import Table, MaskedColumn

warnings.simplefilter("ignore")
out = sys.argv[1]
rng = np.random.default_rng(6)


def value(v):
    if v is np.ma.masked:
        return None
    if isinstance(v, np.ma.MaskedArray):
        return [value(x) for x in v]
    if isinstance(v, np.ndarray):
        return [value(x) for x in v]
    if isinstance(v, (bytes, np.bytes_)):
        v = v.decode("latin-1")
    if isinstance(v, (str, np.str_)):
        return str(v).strip() or None
    if isinstance(v, (bool, np.bool_)):
        return bool(v)
    if isinstance(v, (np.floating, float)):
        return repr(float(v))  # JSON has no NaN, and Go no numpy
    return str(int(v))


def save(name, columns):
    with open(os.path.join(out, name + ".json"), "w") as f:
        json.dump(columns, f)


def fits_file(name, hdus, index=1, scale={}):
    path = os.path.join(out, name)
    fits.HDUList(hdus).writeto(path, overwrite=True)
    for key, v in scale.items():
        fits.setval(path, key, value=v, ext=index)
    with fits.open(path) as h:
        data, cols = h[index].data, h[index].columns
        got = {}
        for c in cols:
            if "P" in c.format or c.format[-1] in "CMX":
                continue
            got[c.name] = [value(v) for v in data[c.name]]
            if c.null is not None:
                got[c.name] = [None if v == str(c.null) else v for v in got[c.name]]
    save(name, got)


def positions(n):
    return [
        fits.Column("RA", "D", unit="deg", array=rng.uniform(0, 360, n)),
        fits.Column("DEC", "D", unit="deg", array=rng.uniform(-90, 90, n)),
    ]


n = 300
fits_file("types.fits", [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(positions(n) + [
    fits.Column("l", "L", array=rng.integers(0, 2, n).astype(bool)),
    fits.Column("b", "B", array=rng.integers(0, 256, n).astype(np.uint8)),
    fits.Column("i", "I", array=rng.integers(-2**15, 2**15, n).astype(np.int16)),
    fits.Column("j", "J", array=rng.integers(-2**31, 2**31, n).astype(np.int32)),
    fits.Column("k", "K", array=rng.integers(-2**63, 2**63, n)),
    fits.Column("e", "E", array=rng.normal(size=n).astype(np.float32)),
    fits.Column("a", "12A", array=np.array([["", "M 31", "a b  c", "x" * 12][i % 4] for i in range(n)])),
    fits.Column("one", "A", array=np.array(["xyz "[i % 4] for i in range(n)])),
])])
fits_file("unsigned.fits", [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(positions(n) + [
    fits.Column("i8", "B", bzero=-128, array=rng.integers(-128, 128, n).astype(np.int8)),
    fits.Column("u16", "I", bzero=2**15, array=rng.integers(0, 2**16, n).astype(np.uint16)),
    fits.Column("u32", "J", bzero=2**31, array=rng.integers(0, 2**32, n).astype(np.uint32)),
    fits.Column("u64", "K", bzero=2**63, array=rng.integers(0, 2**64, n, dtype=np.uint64)),
])])
fits_file("scaled.fits", [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(positions(n) + [
    fits.Column("si", "J", array=rng.integers(-1000, 1000, n)),
    fits.Column("sb", "B", array=rng.integers(0, 256, n).astype(np.uint8)),
    fits.Column("sd", "D", array=rng.normal(size=n)),
])], scale={"TSCAL3": 0.001, "TZERO3": 20.0, "TSCAL4": 0.5, "TSCAL5": 2.5, "TZERO5": 1.0})
fits_file("nulls.fits", [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(positions(n) + [
    fits.Column("ni", "I", null=-99, array=np.where(np.arange(n) % 3, np.arange(n), -99).astype(np.int16)),
    fits.Column("nk", "K", null=-1, array=np.where(np.arange(n) % 5, np.arange(n), -1)),
    fits.Column("ne", "E", array=np.where(np.arange(n) % 2, 1.5, np.nan).astype(np.float32)),
])])
fits_file("vectors.fits", [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(positions(n) + [
    fits.Column("v5", "5E", array=rng.normal(size=(n, 5)).astype(np.float32)),
    fits.Column("v3", "3J", array=rng.integers(-9, 9, (n, 3)).astype(np.int32)),
    fits.Column("l2", "2L", array=rng.integers(0, 2, (n, 2)).astype(bool)),
    fits.Column("bits", "11X", array=rng.integers(0, 2, (n, 11)).astype(bool)),
    fits.Column("var", "PJ()", array=np.array([np.arange(i % 4) for i in range(n)], dtype=object)),
    fits.Column("z", "C", array=np.ones(n, np.complex64)),
    fits.Column("after", "J", array=np.arange(n)),
])])
fits_file("second.fits", [fits.PrimaryHDU(rng.normal(size=(30, 41)).astype(np.float32)), fits.ImageHDU(np.ones((3, 5, 7), np.int16)),
                          fits.BinTableHDU.from_columns(positions(7))], 2)
fits_file("empty.fits", [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(positions(0))])
fits_file("packed.fits.gz", [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(positions(5000))])
sexa = fits.BinTableHDU.from_columns([
    fits.Column("RAJ2000", "11A", unit='"h:m:s"', array=np.array(["00 42 44.33"])),
    fits.Column("DEJ2000", "11A", unit='"d:m:s"', array=np.array(["-00 16 07.5"])),
])
sexa.writeto(os.path.join(out, "sexagesimal.fits"), overwrite=True)

t = Table()
t["ra"] = MaskedColumn(rng.uniform(0, 360, n), mask=np.arange(n) % 7 == 3, unit="deg", description="right & <wrong>")
t["dec"] = MaskedColumn(rng.uniform(-90, 90, n), mask=np.arange(n) % 7 == 3, unit="deg")
t["short"] = MaskedColumn(rng.integers(-2**15, 2**15, n).astype(np.int16), mask=np.arange(n) % 5 == 0)
t["int"] = MaskedColumn(rng.integers(-2**31, 2**31, n).astype(np.int32), mask=np.arange(n) % 4 == 0)
t["long"] = rng.integers(-2**63, 2**63, n)
t["byte"] = rng.integers(0, 256, n).astype(np.uint8)
t["float"] = rng.normal(size=n).astype(np.float32)
t["bool"] = rng.integers(0, 2, n).astype(bool)
t["text"] = np.array([["", "M 31", "<&>\"'", "x" * 20][i % 4] for i in range(n)], dtype="S20")
t["wide"] = np.array([["", "αβγ", "Ångström", "x"][i % 4] for i in range(n)], dtype="U12")
t["any"] = np.array(["s" * (i % 5) for i in range(n)], dtype=object)
t["vec"] = rng.normal(size=(n, 3))
t["grid"] = rng.integers(-9, 9, (n, 2, 2)).astype(np.int32)
for fmt in ["tabledata", "binary2", "binary"]:
    name = fmt + ".xml"
    path = os.path.join(out, name)
    if fmt == "binary":  # it has no nulls of integers
        t["short"], t["int"] = t["short"].filled(7), t["int"].filled(-7)
    from_table(t).to_xml(path, tabledata_format=fmt)
    back = parse_single_table(path)
    got = {}
    for f in back.fields:
        a = back.array[f.name]
        rows = []
        for v, m in zip(a.data, np.asarray(a.mask)):
            if np.ndim(v) > 0:
                v = value(np.asarray(v).ravel())
            elif np.all(m):
                v = None
            else:
                v = value(v)
            rows.append(v)
        got[f.name] = rows
    save(name, got)
os.system("gzip -k %s/tabledata.xml && cp %s/tabledata.xml.json %s/tabledata.xml.gz.json" % (out, out, out))
