"""What .ci/burst asks of Kafka and of the archive.

    burst.py BROKERS dam PARTITIONS TOPIC…          holds topics back until a line comes in
    burst.py BROKERS wait ARCHIVE N PID OPENED      until N alerts can be read
    burst.py BROKERS sample ARCHIVE N TOPIC OUT     the rows of one topic, as an archive; each of N is there once
"""
import glob
import os
import sys
import time

import pyarrow.compute as pc
import pyarrow.parquet as pq

import kafka
import late


def dam(partitions, *topics):
    """Opens a transaction at the head of each partition: messages after it are not
    stable, so not readable, until it ends. Prints when that was."""
    p = kafka.producer(transaction=topics[0])
    p.begin_transaction()
    for topic in topics:
        kafka.make(topic, int(partitions))
        for i in range(int(partitions)):
            kafka.put(p, topic, i, b"the dam")
    kafka.flush(p)
    print("shut", flush=True)
    sys.stdin.readline()
    opened = time.time()
    p.abort_transaction(30)
    print(opened, flush=True)


def wait(out, n, pid, opened):
    n, opened, seen, there = int(n), float(opened), set(), []
    until = time.time() + 300
    while len(there) < n and time.time() < until:
        os.kill(int(pid), 0)                # is it running?
        time.sleep(0.5)
        there += (at for _, _, _, at in late.rows(out, seen))
    there.sort()
    if len(there) != n or there[0] < opened:
        sys.exit(f"{len(there)} alerts of {n}, {sum(t < opened for t in there)} of them too early")
    took = there[-1] - opened
    print(f"    {n} alerts in {len(seen)} files: the first readable after {there[0] - opened:.2f} s, half of them after "
          f"{there[n // 2] - opened:.2f} s, the last after {took:.2f} s: {n / took:,.0f} alerts/s")


def sample(out, n, topic, to):
    places = set()
    for path in glob.glob(out + "/alerts/**/*.parquet", recursive=True):
        t = pq.read_table(path, columns=["topic", "partition", "offset"])
        places.update(zip(*(c.to_pylist() for c in t.columns)))
        if pc.any(pc.equal(t["topic"], topic)).as_py():
            copy = to + path[len(out):]
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            f = pq.ParquetFile(path)
            pq.write_table(f.read().filter(pc.equal(t["topic"], topic)), copy, compression="none")
    if len(places) != int(n):
        sys.exit(f"{len(places)} different messages of {n}")


if __name__ == "__main__":
    {"dam": dam, "wait": wait, "sample": sample}[sys.argv[2]](*sys.argv[3:])
