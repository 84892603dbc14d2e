"""What .ci/late asks of Kafka and of the archive.

    late.py BROKERS base TOPIC FILE               where the backlog ends
    late.py BROKERS wait TOPIC FILE ARCHIVE PID   until all of it can be read
    late.py BROKERS once FILE ARCHIVE             each message is there once
    late.py BROKERS judge FILE SECONDS SHARE ALONE BEGUN BESIDE BEGUN
"""
import glob
import gzip
import json
import os
import sys
import time

import pyarrow.parquet as pq
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

ADMIN = AdminClient({"bootstrap.servers": sys.argv[1], "log_level": 2})


def base(topic, file):
    parts = ADMIN.list_topics(topic, timeout=20).topics[topic].partitions
    found = ADMIN.list_offsets({TopicPartition(topic, p): OffsetSpec.latest() for p in parts})
    with open(file, "w") as f:
        json.dump({tp.partition: r.result(30).offset for tp, r in found.items()}, f)


def ends(file):
    with open(file) as f:
        return {int(p): n for p, n in json.load(f).items()}


def rows(out, seen):
    """Yields (partition, offset, Kafka time, when it became readable) for rows of files that are new."""
    for path in glob.glob(out + "/alerts/**/*.parquet", recursive=True):
        if path in seen:
            continue
        seen.add(path)
        there = os.stat(path).st_ctime      # a rename sets it
        t = pq.read_table(path, columns=["partition", "offset", "kafka_time"])
        for p, o, at in zip(*(t[c].cast("int64").to_pylist() for c in ("partition", "offset", "kafka_time"))):
            yield p, o, at / 1000, there


def wait(topic, file, out, pid):
    limit, seen, left = ends(file), set(), sum(ends(file).values())
    until = time.time() + 600
    while left and time.time() < until:
        os.kill(int(pid), 0)                # is it running?
        left -= sum(o < limit[p] for p, o, _, _ in rows(out, seen))
        time.sleep(1)
    if left:
        sys.exit(f"{left} messages are still to be archived")


def speed(limit, begun, all_rows):
    late = [there for p, o, _, there in all_rows if o < limit[p]]
    return len(late) / (max(late) - float(begun))


def batches(out):
    """Returns plan and commit of each batch, from the ledger or its history."""
    found = {}
    for path in glob.glob(out + "/ledger/*.commit"):
        with open(path) as c, open(path.removesuffix("commit") + "plan") as p:
            c, p = json.load(c), json.load(p)
            found[p["batch"]] = p, c
    for path in glob.glob(out + "/ledger/history/*"):
        with gzip.open(path, "rt") as f:
            for line in map(json.loads, f):
                line = {k.lower(): v for k, v in line.items()}
                if line.get("commit"):
                    found[line["plan"]["batch"]] = line["plan"], line["commit"]
    return [found[n] for n in sorted(found)]


def intervals(out):
    """Returns the most settled ranges that a partition had at once, and how many batches had several."""
    settled, most, several, n = {}, 0, 0, 0
    for plan, commit in batches(out):
        n += 1
        for a in commit.get("accounts", []):
            done = settled.setdefault(a["partition"], [])
            done.append([a["from"], a["to"]])
            done.sort()
            merged = done[:1]
            for v in done[1:]:
                if v[0] <= merged[-1][1]:
                    merged[-1][1] = max(merged[-1][1], v[1])
                else:
                    merged.append(v)
            settled[a["partition"]] = merged
        now = max(map(len, settled.values()), default=0)
        most, several = max(most, now), several + (now > 1)
    return most, several, n


def once(file, out):
    found = sorted((p, o) for p, o, _, _ in rows(out, set()))
    if found != [(p, o) for p, n in sorted(ends(file).items()) for o in range(n)]:
        sys.exit(f"{len(found)} rows, {len(set(found))} of them different, of {sum(ends(file).values())} messages")
    print(f"    {len(found)} messages, each once")


def judge(file, seconds, share, alone, alone_begun, beside, beside_begun):
    limit = ends(file)
    before = speed(limit, alone_begun, list(rows(alone, set())))
    both = list(rows(beside, set()))
    now = speed(limit, beside_begun, both)
    done = max(there for p, o, _, there in both if o < limit[p])
    took = sorted(there - max(at, float(beside_begun)) for p, o, at, there in both if o >= limit[p] and at < done)
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    most, several, n = intervals(beside)
    print(f"    backlog of {sum(limit.values())}: alone {before:.0f}/s, beside live alerts {now:.0f}/s: {now / before:.0%}\n"
          f"    {len(took)} live alerts meanwhile, readable after: median {p50:.2f} s, 99% {p99:.2f} s, longest {took[-1]:.2f} s\n"
          f"    settled in {most} pieces a partition at the most; in several in {several} of {n} batches")
    if p99 > float(seconds) or now < float(share) * before or not 2 <= most <= 4 or len(took) < 100:
        sys.exit(f"wanted: 99% within {seconds} s, {float(share):.0%} of the speed, two to four pieces, 100 live alerts")


if __name__ == "__main__":
    {"base": base, "wait": wait, "once": once, "judge": judge}[sys.argv[2]](*sys.argv[3:])
