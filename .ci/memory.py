"""Writes packets that are crafted to exhaust memory, as folders of files: memory.py OUT

Each is a valid small ZTF alert of the survey's fields and one more field, so that only what it
does with memory can be the reason to reject it. OUT/good has plain ones.
"""
import json
import os
import struct
import sys
import zlib

out = sys.argv[1]
SYNC = b"0123456789abcdef"
MB = 1_000_000
COLUMN = {"type": "double"}


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


def write(folder, *packets):
    os.makedirs(f"{out}/{folder}")
    for i, p in enumerate(packets):
        with open(f"{out}/{folder}/{i:04d}.avro", "wb") as f:
            f.write(p)


good = [packet(i) for i in range(200)]
write("good", *good)

# 3: enum symbols
enum = array({"type": "enum", "name": "e", "symbols": ["x" * 100_000]})
write("symbols", *(packet(i, "s", enum, elements(5000 * (i + 1), b"\0")) for i in range(4)), *good[:20])
enum = array({"type": "enum", "name": "e", "symbols": ["x" * 250]})
write("enums", *(packet(i, "s", enum, elements(4 * MB, b"\0")) for i in range(4)), *good[:20])

# 4: wide columns of fixed values
def fixed(n):
    kinds = [(f"f{n}_{i}", optional({"type": "fixed", "name": f"f{n}_{i}", "size": 65000})) for i in range(15)]
    return packet(n, f"wide{n}", record(f"w{n}", *kinds), b"\0" * 15)
write("fixed", *map(fixed, range(40)), *good)

# 8: 12 × 60 MB of zeros in 1 MB
for kind in "bytes", "string":
    zeros = packet(0, "cutout", kind, blob(bytes(60 * MB)), "deflate")
    write(f"zero-{kind}", *(zeros for i in range(12)), *good[:20])

# 9: long names, nested deeply
def deep(n, leaves, extra):
    kind = record("leaf", *((f"l{i}", optional("int")) for i in range(leaves)))
    for level in range(89):
        kind = record(f"r{level}", (f"{level:03d}" + "n" * (extra - 3), kind))
    return packet(n, "deep", kind, b"\0" * leaves)
write("names", deep(0, 980, 250), *good)

# 10: null records, and other elements of few bytes
null = array(optional(record("n", *((f"d{i}", optional("double")) for i in range(2)))))
write("nulls", packet(0, "n", null, elements(60 * MB, b"\0")), *good[:20])
for name, kind, each in (("null-doubles", optional("double"), b"\0"), ("empty-bytes", "bytes", b"\0"), ("ints", "long", b"\2"),
                         ("empty-texts", "string", b"\0"), ("empty-lists", array("long"), b"\0")):
    write(name, packet(0, "n", array(kind), elements(60 * MB, each)), *good[:20])
    # the same in 64 packets of 1 MB
    write(name + "-64", *(packet(i, "n", array(kind), elements(1 * MB, each)) for i in range(64)), *good[:20])

# 11: large rejects
write("rejects", *(b"reject" + bytes([i]) * (60 * MB) for i in range(16)), *good[:20])
