"""Kills an archive at named steps again and again, and finds every alert once
after it: see .ci/kill. Each lane does its share of the kills, one archive after
the other; what it does follows from its seed.

    kill.py --archive BINARY --oracle DIR --tmp DIR --seed S --kills N (--files DIR | --kafka HOST:PORT --topic T)
"""
import argparse
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pyarrow.parquet

# The steps, and how many of each a process may pass before it is killed at one.
BEGIN = {"ledger": 1, "schema": 1, "schemafile": 3}                  # only in a new archive
BEFORE_COMMIT = {"plan": 2, "stage": 3, "write": 5, "close": 2, "commit": 2}
AFTER_COMMIT = {"publish": 3, "done": 2, "snapshot": 1, "history": 1, "truncate": 9, "forget": 1, "list": 3}
RARE = {"join": 1, "drop": 8}                                        # once in 16 batches
LATER = {"try": 1, "sweep": 1, "tryend": 1}                          # only after an attempt died or was stopped
PER_ARCHIVE = 44
MOST_DEATHS = 2                                                      # per batch: after more, good messages are rejected


def points(o):
    """Returns the points: before and after each step."""
    groups = BEGIN, BEFORE_COMMIT, AFTER_COMMIT, RARE, LATER, {"settle": 2} if o.kafka else {}
    return {(when, step): most for group in groups for step, most in group.items() for when in ("before", "after")}


class Wrong(Exception):
    pass


class Archive:
    """One archive, from its first process to the final check."""

    def __init__(self, o, rng, out):
        self.o, self.rng, self.out = o, rng, out
        self.kills, self.hits, self.seen, self.files = [], [], {}, set()
        shutil.rmtree(out, ignore_errors=True)

    def command(self, *more):
        o = self.o
        source = ["-files", o.files] if o.files else ["-brokers", o.kafka, "-topics", o.topic]
        return [o.archive, *source, "-out", self.out, *more]

    def run(self, **env):
        flags = ["-once", "-max-rows", str(self.o.rows), "-progress", "off"]
        p = subprocess.run(self.command(*flags), env={**os.environ, **env}, capture_output=True, text=True, timeout=120)
        if p.returncode not in (0, -signal.SIGKILL):
            raise Wrong(f"exit status {p.returncode}: {p.stderr}")
        return p.returncode != 0

    def undecided(self):
        """Returns the oldest plan without a commit, and how many attempts at it have begun."""
        names = sorted(os.listdir(self.out + "/ledger")) if os.path.isdir(self.out + "/ledger") else []
        decided = max((n[:12] for n in names if n.endswith(".commit")), default="")
        plans = [n[:12] for n in names if n.endswith(".plan") and n[:12] > decided]   # older ones are being truncated
        return plans[:1], 1 + sum(1 for n in names for p in plans if re.fullmatch(p + r"\.try\d+", n))

    def kill(self, when, step, most):
        """Kills a process at a point; returns false if the process, and so the archive, finished before."""
        env, n = {}, self.rng.randint(1, most)
        at = f"{when} {step} {n}"
        if step in ("try", "sweep") and not self.undecided()[0] and not self.kill("before", "commit", 1):
            return False
        if step == "try":
            at = f"{when} try{self.undecided()[1] + 1} 1"
        if step == "tryend":
            env["SKYFINCH_STOP"] = f"before {self.rng.choice(('write', 'close'))} 1"
        env["SKYFINCH_KILL"] = at
        self.kills.append(" ".join(f"{k}='{v}'" for k, v in env.items()))
        if not self.run(**env):
            self.kills[-1] += " (not reached)"
            return False
        self.hits.append((when, step))
        self.visible()
        return True

    def visible(self):
        """Checks what readers see at any time: whole files that stay, and no duplicates."""
        files = set(glob.glob(self.out + "/alerts/**/*", recursive=True) + glob.glob(self.out + "/rejected/**/*", recursive=True))
        files = {f for f in files if not os.path.isdir(f)}
        if gone := self.files - files:
            raise Wrong(f"vanished: {gone}")
        for f in files - self.files:
            t = pyarrow.parquet.read_table(f, columns=["topic", "partition", "offset"])
            for key in zip(*(c.to_pylist() for c in t.columns)):
                if key in self.seen:
                    raise Wrong(f"{key} is in {self.seen[key]} and in {f}")
                self.seen[key] = f
        self.files = files

    def prove(self):
        if self.run():
            raise Wrong("killed without being told to")
        self.visible()
        # empty directories may remain, if it was killed between a rename and their removal
        left = [os.path.join(d, f) for d, _, files in os.walk(self.out + "/staging") for f in files]
        if left:
            raise Wrong(f"left in staging: {left}")
        self.judge(self.command("-deep")[:1] + ["audit"] + self.command("-deep")[1:])
        o = self.o
        source = ["--alerts", o.files] if o.files else ["--kafka", o.kafka, "--topics", o.topic]
        said = self.judge([sys.executable, o.oracle + "/check_archive.py", self.out, *source, "--require-stats", "--deep", "0",
                           "--processes", "1", "--tmp", o.tmp], o.oracle)
        rejected = int(re.search(r"^rejected\s+(\d+)", said, re.M)[1])
        if rejected != o.rejected:
            raise Wrong(f"{rejected} messages are rejected, not {o.rejected}: {said}")
        shutil.rmtree(self.out)

    def judge(self, command, cwd=None):
        p = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
        if p.returncode:
            raise Wrong(f"{' '.join(command)}: {p.stdout}{p.stderr}")
        return p.stdout


class Lane:
    def __init__(self, o, number, kills):
        self.o, self.number = o, number
        self.rng = random.Random(f"{o.seed}-{number}")
        self.most = points(o)
        self.few = kills if kills < len(self.most) else 0   # too few for all points
        self.left = {}
        self.quota(kills)
        self.hits = dict.fromkeys(self.most, 0)
        self.archives = 0

    def quota(self, kills):
        """Distributes kills over the points: each once, then the usual ones repeatedly, those of a new archive half as often."""
        order = self.rng.sample(list(self.most), len(self.most))
        often = [p for p in order if p[1] not in RARE and p[1] not in BEGIN]
        begin = [p for p in order if p[1] in BEGIN]
        for p in (order + (2 * often + begin) * kills)[:kills]:
            self.left[p] = self.left.get(p, 0) + 1

    def done(self):
        return sum(self.hits.values())

    def choose(self, archive, begin):
        plans, attempts = archive.undecided()
        left = {p: n - archive.hits.count(p) for p, n in self.left.items() if (p[1] in BEGIN) == begin}
        left = {p: n for p, n in left.items() if n > 0}
        if self.few > self.done() + len(archive.hits) and not begin and not left:
            left = {p: 1 for p in self.most if p[1] not in BEGIN and p[1] not in RARE}
        if plans and attempts >= MOST_DEATHS:
            left = {p: n for p, n in left.items() if p[1] in AFTER_COMMIT or p[1] in RARE or p[1] == "settle" or p == ("after", "commit")}
        # step try happens only after an attempt has died
        if plans and attempts < MOST_DEATHS and (tries := {p: n for p, n in left.items() if p[1] == "try"}) and self.rng.random() < 0.5:
            left = tries
        return self.rng.choices(list(left), list(left.values()))[0] if left else None

    def one(self):
        """Kills one archive until it is complete or has had its share."""
        self.archives += 1
        archive = Archive(self.o, self.rng, f"{self.o.tmp}/lane{self.number}-{self.archives}")
        try:
            for begin in (True,) * 5 + (False,) * (PER_ARCHIVE - 5):
                point = self.choose(archive, begin)
                if point is None:
                    continue
                if not archive.kill(*point, self.most[point]):
                    break
            archive.prove()
        except Exception as e:
            kills = "\n  ".join(archive.kills)
            raise Wrong(f"seed {self.o.seed}, lane {self.number}, archive {self.archives}:\n{e}\nafter these:\n  {kills}\nsee {archive.out}")
        for point in archive.hits:
            self.hits[point] += 1
            self.left[point] = self.left.get(point, 0) - 1
        return len(archive.hits)

    def work(self, until=None):
        """Does its kills, and continues until a time if one is given."""
        idle, rounds = 0, 0
        while idle < 4 and not (rounds and time.time() > until):
            if all(n <= 0 for n in self.left.values()) or self.few and self.done() >= self.few:
                if until is None:
                    return
                rounds += 1
                self.quota(3 * len(self.most))
            idle = 0 if self.one() else idle + 1


def table(hits):
    steps = list(dict.fromkeys(step for _, step in hits))
    for row in [steps[i:i + 12] for i in range(0, len(steps), 12)]:
        print("step   " + "".join(f"{s:>11}" for s in row))
        for when in ("before", "after"):
            print(f"{when:7}" + "".join(f"{hits[when, s]:11}" for s in row))


def main():
    a = argparse.ArgumentParser()
    for name in ("archive", "oracle", "tmp", "seed"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--kills", type=int, required=True)
    a.add_argument("--files")
    a.add_argument("--kafka")
    a.add_argument("--topic")
    a.add_argument("--rows", type=int, default=2)
    a.add_argument("--rejected", type=int, default=1)
    a.add_argument("--lanes", type=int, default=2)
    a.add_argument("--minutes", type=float, default=0, help="go on until so long after the start")
    o = a.parse_args()
    until = time.time() + 60 * o.minutes if o.minutes else None
    lanes = [Lane(o, i, (o.kills + i) // o.lanes) for i in range(o.lanes)]
    wrong = []

    def work(lane):
        try:
            lane.work(until)
        except Wrong as e:
            wrong.append(e)

    threads = [threading.Thread(target=work, args=(lane,)) for lane in lanes]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    hits = {p: sum(lane.hits[p] for lane in lanes) for p in lanes[0].most}
    table(hits)
    for e in wrong:
        print(e)
    missed = [" ".join(p) for p, n in hits.items() if not n and o.kills >= len(hits)]
    if missed:
        print("never reached: " + ", ".join(missed))
    if wrong or missed:
        sys.exit(1)
    print(f"{sum(hits.values())} kills at {sum(n > 0 for n in hits.values())} points, {sum(lane.archives for lane in lanes)} archives: "
          "every alert once, say oracle and audit")


main()
