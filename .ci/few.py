"""What .ci/few asks of an archive:

    few.py query ARCHIVE             times queries by DuckDB
    few.py view ARCHIVE DIR          links the files that the ledger has
    few.py compare BEFORE AFTER ARCHIVE N
    few.py read ARCHIVE BINARY       CPU time of pyarrow and of the test binary's reader, in turn
"""
import collections
import glob
import json
import os
import resource
import statistics
import subprocess
import sys
import time


def query(archive):
    import duckdb
    db = duckdb.connect()
    db.execute("SET threads = 1; SET enable_object_cache = true")
    files = f"read_parquet('{archive}/alerts/ztf/**/*.parquet')"
    obj, ra, dec, t = db.execute(f"SELECT object_id, ra, dec, epoch_us(event_time) FROM {files} ORDER BY alert_id LIMIT 1 OFFSET 1000").fetchone()
    radius = 0.2
    queries = {
        "object": f"SELECT candidate.jd, candidate.magpsf FROM {files} WHERE object_id = '{obj}' ORDER BY 1, 2",
        "absent object": f"SELECT candidate.jd FROM {files} WHERE object_id = 'ZTF99zzzzzzz'",
        "cone": f"SELECT alert_id FROM {files} WHERE dec BETWEEN {dec - radius} AND {dec + radius} "
                f"AND abs(ra - {ra}) * cos(radians({dec})) < {radius} ORDER BY 1",
        "score": f"SELECT count(*) FROM {files} WHERE night = 20260914 AND candidate.rb > 0.9",
        "10 minutes": f"SELECT count(*) FROM {files} WHERE event_time BETWEEN make_timestamptz({t}) AND make_timestamptz({t + 600_000_000})",
    }
    out = {}
    for name, q in queries.items():
        times = []
        for _ in range(5):
            begun = time.time()
            rows = db.execute(q).fetchall()
            times.append(time.time() - begun)
        out[name] = {"ms": 1000 * statistics.median(times), "rows": [list(map(str, r)) for r in rows]}
    print(json.dumps(out))


def view(archive, to):
    p = subprocess.run([sys.executable, os.path.dirname(os.path.abspath(__file__)) + "/ledger.py", archive], check=True, capture_output=True, text=True)
    for f in json.loads(p.stdout)["files"]:
        os.makedirs(os.path.dirname(f"{to}/{f['name']}"), exist_ok=True)
        os.link(f"{archive}/{f['name']}", f"{to}/{f['name']}")
    subprocess.run(["cp", "-r", archive + "/schema", archive + "/ledger", to], check=True)


def compare(before, after, archive, n):
    before, after = json.load(open(before)), json.load(open(after))
    slow = []
    for name in before:
        a, b = before[name], after[name]
        assert a["rows"] == b["rows"], (name, a["rows"][:3], b["rows"][:3])
        print(f"    {name:14} {a['ms']:8.1f} ms before, {b['ms']:7.1f} ms after: {a['ms'] / b['ms']:.1f} times faster")
        slow += [name] if a["ms"] < 4 * b["ms"] else []
    hours = collections.Counter(os.path.dirname(f) for f in glob.glob(archive + "/alerts/**/*.parquet", recursive=True))
    assert max(hours.values()) <= 2, hours
    if slow and int(n) >= 200_000:
        sys.exit(f"few: less than 4 times faster: {slow}")


COLUMNS = ["object_id", "candidate.jd", "candidate.magpsf", "candidate.fid", "candidate.rb"]


def pyarrow_cpu(files, columns):
    import pyarrow
    import pyarrow.parquet as pq
    pyarrow.set_cpu_count(1)
    begun = resource.getrusage(resource.RUSAGE_SELF)
    rows = 0
    for f in files:
        p = pq.ParquetFile(f)
        for g in range(p.num_row_groups):
            rows += p.read_row_group(g, columns=columns, use_threads=False).num_rows
    now = resource.getrusage(resource.RUSAGE_SELF)
    return now.ru_utime - begun.ru_utime + now.ru_stime - begun.ru_stime, rows


def our_cpu(binary, archive, columns):
    env = {**os.environ, "GOMAXPROCS": "1", "SKYFINCH_READ": archive, "SKYFINCH_COLUMNS": ",".join(columns or ())}
    p = subprocess.run([binary, "-test.run", "TestReadCPU", "-test.v"], env=env, capture_output=True, text=True)
    line = [x for x in p.stdout.splitlines() if x.strip().startswith("read ")]
    assert line, p.stdout + p.stderr
    _, rows, cpu = line[0].split()
    return float(cpu), int(rows)


def read(archive, binary):
    files = sorted(glob.glob(archive + "/alerts/**/*.parquet", recursive=True))
    for f in files:  # into the page cache
        open(f, "rb").read()
    for name, columns in ("five columns", COLUMNS), ("whole packets", None):
        ratios, ours, theirs = [], [], []
        for _ in range(7):
            a, rows = pyarrow_cpu(files, columns)
            b, same = our_cpu(binary, archive, columns)
            assert rows == same, (rows, same)
            ours.append(b), theirs.append(a), ratios.append(b / a)
        print(f"    {name}: {rows} rows, {statistics.median(ours):.3f} s of CPU, pyarrow {statistics.median(theirs):.3f} s: "
              f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


{"query": query, "view": view, "compare": compare, "read": read}[sys.argv[1]](*sys.argv[2:])
