"""Kills compactions and prunes of archives at named steps, and finds every alert once
after it: see .ci/rewrites. What it does follows from the seed.

    rewrites.py --archive BINARY --oracle DIR --tmp DIR --seed S --kills N --files DIR
"""
import argparse
import collections
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys

import pyarrow.parquet

STEPS = {"compact": ("reserve", "stage", "write", "close", "plan", "commit", "publish", "done", "remove"),
         "prune": ("reserve", "plan", "commit", "done", "remove")}
PER_ARCHIVE = 20
hits = {(command, step, when): 0 for command, steps in STEPS.items() for step in steps for when in ("before", "after")}


class Wrong(Exception):
    pass


class Archive:
    def __init__(self, o, rng, out):
        self.o, self.rng, self.out, self.kills = o, rng, out, []
        shutil.rmtree(out, ignore_errors=True)

    def run(self, *args, **env):
        p = subprocess.run([self.o.archive, *args, "-out", self.out], env={**os.environ, **env}, capture_output=True, text=True, timeout=120)
        if p.returncode not in (0, -signal.SIGKILL):
            raise Wrong(f"{' '.join(args)}: exit status {p.returncode}: {p.stdout}{p.stderr}")
        return p.returncode != 0, p.stdout

    def grow(self):
        if self.run("-files", self.o.files, "-once", "-max-rows", "4", "-progress", "off")[0]:
            raise Wrong("killed without being told to")

    def files(self):
        return glob.glob(self.out + "/alerts/**/*.parquet", recursive=True)

    def keys(self):
        """Returns the alerts that a reader of all files sees, and how often."""
        seen = collections.Counter()
        for f in self.files():
            t = pyarrow.parquet.read_table(f, columns=["topic", "partition", "offset"])
            seen.update(zip(*(c.to_pylist() for c in t.columns)))
        return seen

    def compact(self, size=None, **env):
        order, size = self.rng.choice(("time", "object", "sky")), size or self.rng.choice(("300KB", "1MB", "512MB"))
        return self.run("compact", "-quiet", "0s", "-order", order, "-size", size, **env)

    def kill(self, command):
        """Kills a command at one of the points with the fewest kills. Returns whether it was reached."""
        few = min(n for p, n in hits.items() if p[0] == command)
        point = self.rng.choice([p for p, n in hits.items() if p[0] == command and n == few])
        at = f"{point[2]} {point[1]} {self.rng.choice((1, 2, 4)) if few else 1}"
        self.kills.append(f"{command}: {at}")
        if command == "compact":
            died = self.compact(SKYFINCH_KILL=at)[0]
        else:
            died = self.run("prune", "-keep", f"{self.rng.randrange(3, 40)}00KB", SKYFINCH_KILL=at)[0]
        hits[point] += died
        return died

    def restart(self):
        """Starts a service, which has nothing to archive and deletes what is replaced."""
        self.grow()
        if any(n > 1 for n in self.keys().values()):
            raise Wrong("after the start of a service alerts are there twice")

    def audit(self):
        self.run("audit", "-deep")
        left = [f for d, _, files in os.walk(self.out + "/staging") for f in files]
        if left:
            raise Wrong(f"left in staging: {left}")

    def oracle(self):
        p = subprocess.run([sys.executable, self.o.oracle + "/check_archive.py", self.out, "--alerts", self.o.files, "--require-stats", "--deep", "0",
                            "--processes", "1", "--tmp", self.o.tmp], cwd=self.o.oracle, capture_output=True, text=True, timeout=300)
        if p.returncode:
            raise Wrong(f"{p.stdout}{p.stderr}")

    def rows(self):
        return sum(h["rows"] for h in json.loads(self.run("ls", "-json")[1])["hours"] if h["table"] != "rejected")


def one(archive, kills):
    """Kills compactions of one archive, then prunes. Returns the number of kills."""
    archive.grow()
    all_ = set(archive.keys())
    done = 0
    for _ in range(kills - kills // 4):
        done += archive.kill("compact")
        if set(archive.keys()) != all_:
            raise Wrong("readers miss alerts")
        if archive.rows() != len(all_):
            raise Wrong(f"the ledger has {archive.rows()} alerts, not {len(all_)}")
        if archive.rng.random() < 0.3:
            archive.restart()
    archive.compact()
    if any(n > 1 for n in archive.keys().values()):
        raise Wrong("alerts are there twice")
    archive.compact()  # once more with another size
    archive.compact(size="512MB")
    if (most := max(collections.Counter(map(os.path.dirname, archive.files())).values())) > 2:
        raise Wrong(f"{most} files in an hour")
    archive.audit()
    archive.oracle()
    for _ in range(kills // 4):
        done += archive.kill("prune")
        if archive.rng.random() < 0.3:
            archive.restart()
    archive.compact()
    keys = archive.keys()
    if any(n > 1 for n in keys.values()) or not set(keys) <= all_ or len(keys) != archive.rows():
        raise Wrong(f"after a prune readers see {sum(keys.values())} rows, and the ledger has {archive.rows()}")
    archive.audit()
    archive.grow()
    archive.audit()
    return done


def main():
    a = argparse.ArgumentParser()
    for name in ("archive", "oracle", "tmp", "seed", "files"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--kills", type=int, required=True)
    o = a.parse_args()
    done, archives = 0, 0
    while done < o.kills:
        archives += 1
        archive = Archive(o, random.Random(f"{o.seed}-{archives}"), f"{o.tmp}/rewritten-{archives}")
        try:
            done += one(archive, PER_ARCHIVE)
        except Exception as e:
            kills = "\n  ".join(archive.kills)
            print(f"seed {o.seed}, archive {archives}:\n{e}\nafter these:\n  {kills}\nsee {archive.out}")
            sys.exit(1)
        shutil.rmtree(archive.out)
    for (command, step, when), n in hits.items():
        if not n and o.kills > 2 * len(hits):
            sys.exit(f"never reached: {when} {step} of {command}")
    print(", ".join(f"{command} {step} {hits[command, step, 'before']}+{hits[command, step, 'after']}" for command, steps in STEPS.items() for step in steps))
    print(f"{done} kills of compactions and prunes, {archives} archives: every alert once, say oracle and audit")


main()
