"""What .ci/group asks of Kafka and of the archive.

    group.py BROKERS stable GROUP N                     until the group has N members, and each of them partitions
    group.py BROKERS midst PID                          stops a process in the middle of a batch, and says of which
    group.py BROKERS taken ARCHIVE BATCH GROUP N        until that batch is decided, and how long that took from when
                                                        the group has N members
    group.py BROKERS cost COMMAND TOPIC N DIR LIMIT     CPU of one member and of four for the same alerts
"""
import datetime
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
from confluent_kafka import ConsumerGroupState

import kafka
import late


def members(group):
    """Returns how many partitions each member has, or None while the group rebalances."""
    (f,) = kafka.ADMIN.describe_consumer_groups([group]).values()
    d = f.result(30)
    if d.state == ConsumerGroupState.STABLE:
        return sorted(len(m.assignment.topic_partitions) for m in d.members)


def until(what, limit, f, found):
    begun = time.time()
    while not f():
        if time.time() - begun > limit:
            sys.exit(f"not within {limit} s: {what}, but {found()}")
        time.sleep(0.05)
    return time.time() - begun


def stable(group, n):
    def settled():
        found = members(group)
        return found is not None and len(found) == int(n) and found[0] > 0
    took = until(f"{n} members that have partitions", 30, settled, lambda: members(group))
    print(f"    {n} members after {took:.1f} s, of partitions {members(group)}")


def staging(pid):
    """Returns the batches whose files the process has open for writing."""
    found = set()
    for fd in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            at = re.search(r"/staging/[^/]*/(\d+)/", os.readlink(fd))
        except FileNotFoundError:
            continue
        if at:
            found.add(int(at[1]))
    return found


def midst(pid):
    limit = time.time() + 30
    while time.time() < limit:
        if staging(pid):
            os.kill(int(pid), signal.SIGSTOP)
            time.sleep(0.02)                # a stopped process may still finish its last system call
            if batches := staging(pid):
                return print(*batches)
            os.kill(int(pid), signal.SIGCONT)
    sys.exit(f"process {pid} was never in the middle of a batch")


def decided(out, batch):
    """Returns when the batch was committed, from the ledger or its history."""
    try:
        return os.stat(f"{out}/ledger/{int(batch):012d}.commit").st_mtime
    except FileNotFoundError:
        pass
    try:
        created = [c["created"] for p, c in late.batches(out) if p["batch"] == int(batch)]
    except FileNotFoundError:               # it is being moved to history
        return None
    return datetime.datetime.fromisoformat(created[0]).timestamp() if created else None


def taken(out, batch, group, n):
    begun, noticed = time.time(), []

    def over():
        found = members(group)
        if not noticed and found is not None and len(found) <= int(n):
            noticed.append(time.time())
        return noticed and decided(out, batch)
    until(f"batch {batch} is decided and the group has {n} members", 40, over, lambda: (decided(out, batch), members(group)))
    at = decided(out, batch)
    print(f"    batch {batch}: the group knew after {noticed[0] - begun:.1f} s, it was decided after {at - begun:.1f} s")
    if at - noticed[0] > 10:
        sys.exit("more than 10 s after the group knew")


def together(command, topic, n, dir, members_):
    """Returns the CPU seconds of some members that archive n alerts in batches of equal size."""
    group = f"{members_}-{time.time()}"
    out = f"{dir}/{group}"
    os.sync()
    user = system = 0
    started = [subprocess.Popen([command, "-brokers", kafka.BROKERS, "-topics", topic, "-group", group, "-out", out, "-once",
                                 "-max-rows", "1250", "-progress", "off"], stdout=subprocess.DEVNULL) for _ in range(members_)]
    for p in started:
        _, status, use = os.wait4(p.pid, 0)
        p.returncode = status
        if status:
            sys.exit(f"a member of {members_} ended with status {status}")
        user, system = user + use.ru_utime, system + use.ru_stime
    files = glob.glob(out + "/alerts/**/*.parquet", recursive=True)
    rows = sum(pq.read_metadata(f).num_rows for f in files)
    if rows != n:
        sys.exit(f"{rows} rows of {n}")
    what = len(late.batches(out)), len(files)
    shutil.rmtree(out)
    return user + system, user, *what


def cost(command, topic, n, dir, limit):
    """The best of three of each. Members share cores, so that only CPU time can be
    compared, not speed. The files are of equal size, and as many, or they would be
    the difference. What a process costs to start, memory above all, counts."""
    n, best = int(n), {}
    for turn in ((1, 4), (4, 1), (1, 4)):
        for m in turn:
            best[m] = min(best.get(m, (1e9,)), together(command, topic, n, dir, m))
    for m, (used, user, batches, files) in sorted(best.items()):
        print(f"    {m} of a group: {used / n * 1000:.3f} CPU s per 1,000 alerts, {user / n * 1000:.3f} of them user time, {batches} batches, {files} files")
    ratio = best[4][0] / best[1][0]
    print(f"    four to one: {ratio:.3f}; user time {best[4][1] / best[1][1]:.3f}")
    if ratio > float(limit):
        sys.exit(f"more than {limit}")


if __name__ == "__main__":
    {"stable": stable, "midst": midst, "taken": taken, "cost": cost}[sys.argv[2]](*sys.argv[3:])
