#!/usr/bin/env python3
"""Prints each live committed file and the accounts of each partition of an archive that no process works on, as JSON:
ledger.py ARCHIVE. Written from stream/ledger/FORMAT.md and archive/FORMAT.md alone, to prove that they suffice."""
import gzip
import json
import os
import re
import sys

KNOWN = {"replaces"}  # what a record may need
UNKNOWN_END = 2**63 - 1
COUNTS = "read", "control", "aborted", "compacted", "lost", "written", "dropped", "rejected"


def load(path, opener=open):
    """Returns a record, or None if there is none."""
    try:
        with opener(path, "rt", encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def numbered(directory, pattern):
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return [tuple(map(int, m.groups())) for m in (re.fullmatch(pattern, n) for n in names) if m]


def records(ledger):
    """Yields plan and commit, or None, of each batch: first those in history."""
    n = 1
    for first, last in sorted(numbered(ledger + "/history", r"(\d{12,})-(\d{12,})"), key=lambda s: (s[0], -s[1])):
        if first > n:
            break
        if last < n:
            continue
        with gzip.open(f"{ledger}/history/{first:012}-{last:012}", "rt", encoding="utf-8") as lines:
            for batch in map(json.loads, lines):
                if batch["plan"]["batch"] == n:
                    yield batch["plan"], batch["commit"]
                    n += 1
        assert n == last + 1, f"segment {first}-{last} ends before batch {n}"
    while plan := load(f"{ledger}/{n:012}.plan"):
        yield plan, load(f"{ledger}/{n:012}.commit")
        n += 1


def files(receipt):
    yield from receipt.get("files") or ()
    for part in receipt.get("parts") or ():
        yield from files(part)


def union(ranges):
    out = []
    for a, b in sorted(r for r in ranges if r[0] < r[1]):
        out += [] if out and a <= out[-1][1] else [[a, b]]
        out[-1][1] = max(b, out[-1][1])
    return out


class Ledger:
    def __init__(self, directory):
        header = load(directory + "/ledger.json")
        assert header["version"] == "1", header
        self.batches, self.undecided, self.live, self.partitions = 0, 0, {}, {}
        through = max((s for s, in numbered(directory + "/snapshots", r"(\d{12,})")), default=0)
        for plan, commit in records(directory):
            self.batches += 1
            self.add(plan, commit)
            if self.batches == through:
                self.compare(load(f"{directory}/snapshots/{through:012}", gzip.open))
        assert self.batches >= through, f"a snapshot covers batch {through}, but batch {self.batches + 1} is missing"

    def partition(self, name):
        return self.partitions.setdefault(name, dict.fromkeys(COUNTS, 0) | {
            "begins": [], "settled": [], "claimed": [], "ended": False, "open": False})

    def add(self, plan, commit):
        for record in filter(None, (plan, commit)):
            assert record["batch"] == self.batches, record
            if unknown := set(record.get("needs") or ()) - KNOWN:
                sys.exit(f"ledger.py: batch {self.batches} needs {unknown}, which this reader does not know")
        for s in plan.get("starts") or ():
            p = self.partition(s["partition"])
            p["begins"].append(s["at"] - s["skipped"])
            p["settled"].append([s["at"] - s["skipped"], s["at"]])
        for r in plan.get("ranges") or ():
            p = self.partition(r["partition"])
            p["begins"].append(r["from"])
            p["open"] |= r["to"] == UNKNOWN_END
            p["claimed"] += [] if commit else [[r["from"], r["to"]]]
        if commit is None:
            self.undecided += 1
            return
        for a in commit.get("accounts") or ():
            p, n = self.partition(a["partition"]), {k: a.get(k, 0) for k in COUNTS}
            assert a["to"] - a["from"] == sum(n[k] for k in COUNTS[:5]) and n["read"] == sum(n[k] for k in COUNTS[5:]), a
            p.update({k: p[k] + n[k] for k in COUNTS}, ended=p["ended"] or a.get("end", False))
            p["settled"].append([a["from"], a["to"]])
        data = commit["rejects"].get("data") or {}
        replaces = commit.get("replaces") or data.get("rewrite") or data
        for f in replaces.get("files") or replaces.get("replaces") or ():
            del self.live[f["name"]]
        for f in [*files(commit["rows"]), *files(commit["rejects"])]:
            assert f["name"] not in self.live, f
            self.live[f["name"]] = {k: f.get(k, "") for k in ("name", "table", "rows", "bytes", "stage")}

    def compare(self, snapshot):
        """Checks what a snapshot says of the batches so far."""
        assert {n: (union(p.get("done") or ()), p.get("ended", False)) for n, p in snapshot["parts"].items()} == \
            {n: (union(p["settled"]), p["ended"]) for n, p in self.partitions.items()}, snapshot
        assert (snapshot.get("begun") or []) == sorted(n for n, p in self.partitions.items() if p["open"] and not p["ended"])


if __name__ == "__main__":
    found = Ledger(sys.argv[1] + "/ledger")
    print(json.dumps({"batches": found.batches, "undecided": found.undecided, "files": list(found.live.values()), "partitions": {
        n: {k: p[k] for k in (*COUNTS, "ended")} | {"start": min(p["begins"]), "settled": union(p["settled"]), "claimed": union(p["claimed"])}
        for n, p in sorted(found.partitions.items())}}))
