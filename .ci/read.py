"""Reads the alerts of an archive with pyarrow, on one core, beside our reader: see read.

    read.py READER ARCHIVE ROUNDS
"""
import glob
import os
import re
import resource
import statistics
import subprocess
import sys

import pyarrow
import pyarrow.ipc
import pyarrow.parquet

NARROW = "object_id,candidate.jd,candidate.magpsf,candidate.fid,candidate.rb"
READS = (("five columns", NARROW, 10, 1.3), ("whole packets", None, 2, 0.8))


def arrow(archive, columns):
    rows = 0
    for path in sorted(glob.glob(archive + "/alerts/**/*.parquet", recursive=True)):
        f = pyarrow.parquet.ParquetFile(path)
        for g in range(f.num_row_groups):
            rows += f.read_row_group(g, columns=columns and columns.split(","), use_threads=False).num_rows
        f.close()
    return rows


def plain(t):
    """Returns a type with bytes and lists as pyarrow reads them from Parquet."""
    if t == pyarrow.binary_view():
        return pyarrow.binary()
    if pyarrow.types.is_struct(t):
        return pyarrow.struct([pyarrow.field(f.name, plain(f.type), f.nullable) for f in t])
    if pyarrow.types.is_list(t):
        return pyarrow.list_(pyarrow.field("element", plain(t.value_type), t.value_field.nullable))
    return t


def same(reader, path):
    """Compares all values of a file, and checks that our arrays are valid."""
    p = subprocess.Popen([reader, "ipc", path], stdout=subprocess.PIPE)
    f = pyarrow.parquet.ParquetFile(path)
    rows = 0
    for g, ours in enumerate(pyarrow.ipc.open_stream(p.stdout)):
        ours.validate(full=True)
        theirs = f.read_row_group(g)
        schema = pyarrow.schema([pyarrow.field(c.name, plain(c.type), c.nullable) for c in ours.schema])
        ours, theirs = pyarrow.Table.from_batches([ours]).cast(schema), theirs.cast(schema)
        if not ours.equals(theirs) and repr(ours.to_pylist()) != repr(theirs.to_pylist()):  # NaN equals itself in text
            sys.exit(f"{path}, row group {g}: other values than pyarrow's")
        rows += ours.num_rows
    if p.wait() != 0 or rows != f.metadata.num_rows:
        sys.exit(f"{path}: {rows} rows of {f.metadata.num_rows}")
    return rows


def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def main():
    reader, archive, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    print(f"{'':14s} {'alerts':>8s} {'pyarrow':>9s} {'ours':>9s} {'ratio':>6s}  CPU seconds, medians of {rounds} pairs; pyarrow {pyarrow.__version__}")
    for name, columns, times, most in READS:
        theirs, ours = [], []
        for k in range(rounds + 1):
            begun = cpu()
            for _ in range(times):
                rows = arrow(archive, columns)
            used = (cpu() - begun) / times
            out = subprocess.run([reader, archive, str(times), *([columns] if columns else [])], check=True, capture_output=True, text=True).stdout
            runs = re.findall(r"(\d+) rows ([\d.]+) s CPU", out)
            if any(int(n) != rows for n, _ in runs):
                sys.exit(f"{name}: {rows} rows by pyarrow, but {runs}")
            if k > 0:  # the first round fills the page cache
                theirs.append(used)
                ours.append(statistics.fmean(float(s) for _, s in runs))
        ratio = statistics.median(a / b for a, b in zip(ours, theirs))
        print(f"{name:14s} {rows:8d} {statistics.median(theirs):9.3f} {statistics.median(ours):9.3f} {ratio:6.2f}  at most {most}", flush=True)
    files = sorted(glob.glob(archive + "/alerts/**/*.parquet", recursive=True))
    path = max(files, key=os.path.getsize)
    print(f"equal values in {same(reader, path)} rows of {os.path.basename(path)}")


main()
