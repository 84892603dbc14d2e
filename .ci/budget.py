"""Measures what the archive costs, on packets that all differ: see budget."""
import glob
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import time

shared, tmp = sys.argv[1:]
sys.path.insert(0, shared + "/oracle")
import packets
from bad_messages import Ztf, block, valued, zig

LIMIT = 512 << 20


def sources():
    for path in sorted(glob.glob(shared + "/alerts/ztf-3.3/*.avro")):
        with open(path, "rb") as f:
            raw = f.read()
        (schema, value), = packets.Decoder().decode(raw)
        yield raw, value


def different(n, hours, scattered, out):
    """Returns n packets that differ in id, time, position, light curve and cutouts."""
    rng, real = random.Random(7), list(sources())
    for i in range(n):
        raw, v = real[i % len(real)]
        b = bytearray(raw)

        def put(fmt, old, new):
            at = b.find(struct.pack(fmt, old))
            if at >= 0:
                b[at:at + struct.calcsize(fmt)] = struct.pack(fmt, new)
        hour = rng.randrange(hours) if scattered else i * hours // n
        put("<d", v["candidate"]["jd"], 2458451.75 + (hour + rng.random()) / 24)
        for h in [v["candidate"]] + (v["prv_candidates"] or []):
            for fmt, f in (("<d", "ra"), ("<d", "dec"), ("<f", "magpsf"), ("<f", "sigmapsf"), ("<f", "diffmaglim")):
                if h.get(f) is not None:
                    put(fmt, h[f], h[f] + rng.random() * 1e-3)
        b = b.replace(zig(v["candid"]), zig(v["candid"] + i * 1000))
        for k in ("cutoutScience", "cutoutTemplate", "cutoutDifference"):
            stamp = v[k]["stampData"]
            at = b.find(stamp)
            b[at + 10:at + len(stamp)] = rng.randbytes(len(stamp) - 10)
        where = f"{out}/{i // 1000:03d}"
        os.makedirs(where, exist_ok=True)
        with open(f"{where}/{i:06d}.avro", "wb") as f:
            f.write(b)


def large(n, out):
    """Returns n packets of 10 MB."""
    rng = random.Random(3)
    os.makedirs(out)
    with open(sorted(glob.glob(shared + "/alerts/ztf-3.3/*.avro"))[0], "rb") as f:
        a = Ztf(f.read())
    for i in range(n):
        with open(f"{out}/{i:06d}.avro", "wb") as f:
            f.write(a.ocf(change=valued("cutoutScience", {"fileName": "x", "stampData": rng.randbytes(10_000_000)})))


def run(name, n, files, *flags):
    out = tmp + "/out"
    os.sync()
    begun = time.time()
    p = subprocess.Popen([tmp + "/archive", "-files", files, "-out", out, "-once", "-progress", "off", *flags],
                         stdout=subprocess.DEVNULL)
    _, status, use = os.wait4(p.pid, 0)
    wall, cpu, peak = time.time() - begun, use.ru_utime + use.ru_stime, use.ru_maxrss << 10
    size = [os.path.getsize(f) for f in glob.glob(out + "/alerts/**/*.parquet", recursive=True)]
    print(f"{name:34s} {n / wall:9,.0f} {cpu / n * 1000:12.3f} {peak / 1e6:8.0f} {len(size):6d} {sum(size) / 1e6:9.0f}", flush=True)
    shutil.rmtree(out)
    if status != 0 or peak > LIMIT:
        sys.exit(f"{name}: exit status {status}, peak memory {peak} bytes; at most {LIMIT}")


print(f"{'':34s} {'alerts/s':>9s} {'CPU s/1,000':>12s} {'MB RSS':>8s} {'files':>6s} {'MB':>9s}")
different(20_000, 6, False, tmp + "/six")
for codec in ("zstd", "snappy") * 2:
    run(f"20,000 alerts, 6 hours, {codec}", 20_000, tmp + "/six", "-compression", codec)
shutil.copytree(tmp + "/six/000", tmp + "/few/0", copy_function=os.link)
shutil.copytree(tmp + "/six/001", tmp + "/few/1", copy_function=os.link)
run("2,000 alerts", 2_000, tmp + "/few")
for i in range(5):
    shutil.copytree(tmp + "/six", f"{tmp}/many/{i}", copy_function=os.link)
run("100,000 alerts", 100_000, tmp + "/many")
shutil.rmtree(tmp + "/many")
shutil.rmtree(tmp + "/six")
different(20_000, 200, True, tmp + "/hours")
run("20,000 alerts, 200 hours mixed", 20_000, tmp + "/hours")
shutil.rmtree(tmp + "/hours")
large(100, tmp + "/large")
run("100 alerts of 10 MB", 100, tmp + "/large")
