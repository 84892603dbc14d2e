"""Archives packets that are crafted to exhaust memory, under a limit: see memory.

Each is a small ZTF alert with one more field, so that only the memory that it takes can be the
reason to reject it.
"""
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib

archive, tmp, *only = sys.argv[1:]
SYNC = b"0123456789abcdef"
MB = 1_000_000
KB_LIMIT, RSS_LIMIT = 700_000, 600 * MB     # of data segments; of the whole process, whose binary is 60 MB


def zig(n):
    n = (n << 1) ^ (n >> 63)
    b = bytearray()
    while n > 127:
        b.append(n & 127 | 128)
        n >>= 7
    return bytes(b) + bytes([n])


def blob(b):
    return zig(len(b)) + b


def packet(number, name=None, kind=None, datum=b"", codec="null"):
    fields = [("objectId", "string"), ("candid", "long"), ("candidate", {"type": "record", "name": "c", "fields": [
        {"name": n, "type": "double"} for n in ("jd", "ra", "dec")]})]
    if name:
        fields.append((name, kind))
    schema = json.dumps({"type": "record", "name": "alert", "fields": [{"name": n, "type": t} for n, t in fields]})
    body = blob(b"ZTF") + zig(number) + struct.pack("<ddd", 2460000.5, 10, 20) + datum
    if codec == "deflate":
        z = zlib.compressobj(wbits=-15)
        body = z.compress(body) + z.flush()
    head = b"Obj\x01" + zig(2) + blob(b"avro.schema") + blob(schema.encode()) + blob(b"avro.codec") + blob(codec.encode()) + zig(0)
    return head + SYNC + zig(1) + blob(body) + SYNC


def record(name, *fields):
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]}


def optional(kind):
    return ["null", kind]


def array(kind):
    return {"type": "array", "items": kind}


def elements(n, each):
    return zig(n) + each * n + zig(0)


def run(*command):
    """Runs the archive under the limit and returns its output and its peak memory."""
    p = subprocess.Popen(["sh", "-c", f'ulimit -d {KB_LIMIT}; exec "$@"', "sh", archive, *command],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = p.stdout.read()
    _, status, use = os.wait4(p.pid, 0)
    peak = use.ru_maxrss << 10
    if status != 0 or peak > RSS_LIMIT:
        sys.exit(f"{' '.join(command)}: status {status}, {peak / MB:.0f} MB\n{said[:1500]}")
    return said, peak


def case(name, rejected, packets):
    """Archives what packets yields, of which so many are rejected, but not because they kill."""
    if only and name not in only:
        return
    files, out = f"{tmp}/files", f"{tmp}/out"
    os.makedirs(files)
    if not (pid := os.fork()):      # a command would begin with the memory of the packets
        for i, p in enumerate(packets()):
            with open(f"{files}/{i:04d}.avro", "wb") as f:
                f.write(p)
        os._exit(0)
    os.waitpid(pid, 0)
    n = len(os.listdir(files))
    said, peak = run("-files", files, "-out", out, "-once", "-progress", "off")
    got = int(re.search(r"archived +([0-9,]+) alerts", said)[1].replace(",", ""))
    if got != n - rejected or "killed the process" in said:
        sys.exit(f"{name}: {got} archived of {n}, of which {rejected} are to be rejected\n{said}")
    largest = max(map(os.path.getsize, glob.glob(out + "/alerts/**/*.parquet", recursive=True)))
    replay = 0
    if rejected:
        _, replay = run("replay-rejected", "-out", out)
    run("audit", "-out", out, "-files", files)
    print(f"{name:24s} {n:4d} messages, {rejected:3d} rejected {peak / MB:6.0f} MB, replay {replay / MB:4.0f} MB,"
          f" largest file {largest / MB:.1f} MB", flush=True)
    shutil.rmtree(files)
    shutil.rmtree(out)


def good(n):
    return (packet(i) for i in range(n))


# enum symbols: a byte takes as much as its symbol
enum = array({"type": "enum", "name": "e", "symbols": ["x" * 100_000]})
case("long enum symbols", 4, lambda: [*(packet(i, "s", enum, elements(5000 * (i + 1), b"\0")) for i in range(4)), *good(20)])
enum = array({"type": "enum", "name": "e", "symbols": ["x" * 250]})
case("many enum symbols", 4, lambda: [*(packet(i, "s", enum, elements(4 * MB, b"\0")) for i in range(4)), *good(20)])


# tables that become wide
def fixed(n, size):
    kinds = [(f"f{n}_{i}", optional({"type": "fixed", "name": f"f{n}_{i}", "size": size})) for i in range(15)]
    return packet(n, f"wide{n}", record(f"w{n}", *kinds), b"\0" * 15)


case("wide columns", 40, lambda: [*(fixed(i, 65000) for i in range(40)), *good(200)])
case("wide columns, as admitted", 0, lambda: [*(fixed(i, 500) for i in range(16)), *good(2000)])


def deep(leaves, size):
    kind = record("leaf", *((f"l{i}", optional("int")) for i in range(leaves)))
    for level in range(89):
        kind = record(f"r{level}", (f"{level:03d}" + "n" * (size - 3), kind))
    return packet(0, "deep", kind, b"\0" * leaves)


case("long names", 1, lambda: [deep(980, 250), *good(200)])
case("long names, as admitted", 0, lambda: [deep(10, 250), *good(200)])


# schemas of few bytes that name their types: many columns, many records
def by_name(n, kind, name, fields, leaves):
    kinds = [("x0", kind), *((f"x{i}", name) for i in range(1, fields))]
    return packet(n, "x", record(f"v{n}", *kinds), b"\2" * leaves * fields)


chain = "int"
for level in range(88):
    chain = record(f"r{level}", ("a", chain))
hundred = record("w", *((f"{i}", "int") for i in range(100)))
case("many columns by name", 0, lambda: [*(by_name(i, hundred, "w", 90, 100) for i in range(200)), *good(20)])
case("many records by name", 50, lambda: [*(by_name(i, chain, "r87", 1000, 1) for i in range(50)), *good(20)])
case("many records by name, as admitted", 0, lambda: [*(by_name(i, chain, "r87", 100, 1) for i in range(200)), *good(20)])


# schemas that are larger when they are parsed
def broken(i, part, n):
    head = b"Obj\x01" + zig(1) + blob(b"avro.schema") + blob(b'{"type":"record","name":"a%d","fields":[' % i + b",".join([part] * n) + b"]}")
    return head + zig(0) + SYNC + zig(1) + blob(b"x") + SYNC


case("arrays in schemas", 4, lambda: [*(broken(i, b"[]", 20 * MB) for i in range(4)), *good(20)])
case("objects in schemas", 4, lambda: [*(broken(i, b'{"":{"":{}}}', 5 * MB) for i in range(4)), *good(20)])
case("objects in schemas, as parsed", 40, lambda: [*(broken(i, b'{"":{"":{}}}', 82_000) for i in range(40)), *good(20)])


# a table whose list elements are wide, and many of them
def element(n):
    return record("e", *((f"d{i}", optional("double")) for i in range(n)))


case("wide elements", 64, lambda: [packet(0, "list", array(element(800)), zig(0)),
     *(packet(i, "list", array(element(1)), elements(5_000 * i, b"\0")) for i in range(1, 65)), *good(200)])

# zeros
for kind in "bytes", "string":
    case(f"zeros in {kind}", 0, lambda: [*(packet(i, "cutout", kind, blob(bytes(60 * MB)), "deflate") for i in range(12)), *good(20)])

# elements of one byte: in one large packet, and in many
for name, kind, each in (("null records", optional(record("n", *((f"d{i}", "double") for i in range(3)))), b"\0"),
                         ("null doubles", optional("double"), b"\0"), ("empty bytes", "bytes", b"\0"), ("longs", "long", b"\2"),
                         ("empty texts", "string", b"\0"), ("empty lists", array("long"), b"\0")):
    case(f"{name}, 60 MB", 1, lambda: [packet(0, "n", array(kind), elements(60 * MB, each)), *good(20)])
    case(f"{name}, 64 × 1 MB", 0, lambda: [*(packet(i, "n", array(kind), elements(1 * MB, each)) for i in range(64)), *good(20)])

# elements that take no memory in a record, but in a file's levels
nothing = optional(record("n", ("a", "null")))
case("nulls", 0, lambda: [*(packet(i, "n", array("null"), elements(256_000, b"")) for i in range(2000)), *good(20)])
case("booleans", 0, lambda: [*(packet(i, "n", array("boolean"), elements(250_000, b"\1")) for i in range(1500)), *good(20)])
case("records that are null in turn", 0, lambda: [*(packet(i, "n", array(nothing), zig(9000) + b"\0\2" * 4500 + b"\0") for i in range(4000)), *good(20)])

# large rejects
case("large rejects", 16, lambda: [*(b"reject" + bytes([i]) * (60 * MB) for i in range(16)), *good(20)])
