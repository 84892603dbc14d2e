"""Filters judged by the command filter and by DuckDB on the queries that it prints.

    filters.py rows FILE.parquet SEED N OUT.parquet    N random rows of a file's columns, with nulls, NaN, infinities and extremes
    filters.py write DIR SEED N [packets]              N random filters over the columns of a science table of ZTF, or of packets
    filters.py compare FILTER DIR FILE.parquet         verdicts of all filters of DIR
"""

import os
import random
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq

EXTREMES = [0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e308, -1e308, 5e-324, 1e-45, 3.4e38, 1.0, -1.0, 0.5, -999.0]


def draw(rng, typ, seen):
    """Returns a value of a type: one that was seen, or one beside it, or another."""
    kind = rng.random()
    if kind < 0.1:
        return None
    if pa.types.is_struct(typ):
        return {f.name: draw(rng, f.type, [s[f.name] for s in seen if s] or []) for f in typ}
    if pa.types.is_list(typ):
        inner = [e for s in seen if s for e in s]
        return [draw(rng, typ.value_type, inner[:200]) for _ in range(rng.choice([0, 1, 2, 3, 10, 30]))]
    seen = [s for s in seen if s is not None]
    if pa.types.is_boolean(typ):
        return rng.random() < 0.5
    if pa.types.is_floating(typ):
        if kind < 0.2:
            return rng.choice(EXTREMES)
        x = rng.choice(seen) if seen and kind < 0.9 else rng.gauss(0, 30)
        return x if kind < 0.7 else x * (1 + rng.choice([-1e-7, 1e-7, -0.1, 0.1]))
    if pa.types.is_integer(typ):
        if kind < 0.2:
            return rng.choice([0, -1, 1, 2**31 - 1, -(2**31), 7, 3] + ([2**53 + 1, 2**63 - 1, -(2**63)] if typ.bit_width == 64 else []))
        return rng.choice(seen) if seen and kind < 0.9 else rng.randint(-5, 30)
    if pa.types.is_string(typ):
        return rng.choice(seen) if seen and kind < 0.9 else rng.choice(["", "Unknown", "a%b", "ZTF18é", "x'y", "_"])
    raise TypeError(typ)


def rows(path, seed, n, out):
    rng, table = random.Random(int(seed)), pq.read_table(path)
    columns = {}
    for name in table.schema.names:
        seen = table[name].to_pylist()[:1000]
        columns[name] = pa.array([draw(rng, table.schema.field(name).type, rng.sample(seen, 20)) for _ in range(int(n))], table.schema.field(name).type)
    if "row" in columns:
        columns["row"] = pa.array(range(int(n)), pa.int64())
    pq.write_table(pa.table(columns, schema=table.schema), out, row_group_size=30_000)


NUMBERS = ["candidate.magpsf", "candidate.jd", "candidate.fid", "candidate.candid", "candidate.drb", "candidate.ra", "candidate.dec", "mulens", "roid", "lc.r.linear_fit_slope"]
ELEMENTS = ["magpsf", "jd", "fid", "diffmaglim", "candid"]
TEXTS = ["objectId", "cdsxmatch", "candidate.isdiffpos", "tns"]


def number(rng, depth, inner):
    if depth == 0 or rng.random() < 0.3:
        if rng.random() < 0.25:
            return rng.choice(["0", "1", "-3", "18.5", "0.5", "1e3", "2459600.5", "NULL"])
        return rng.choice(ELEMENTS if inner and rng.random() < 0.8 else NUMBERS)
    n = lambda: number(rng, depth - 1, inner)
    kind = rng.randrange(9 if inner else 11)
    if kind < 4:
        return f"({n()} {rng.choice('+-*/%')} {n()})"
    if kind == 4:
        return f"{rng.choice(['abs', 'sqrt', 'log10', 'ln', 'floor', 'ceil', 'mag'])}({n()})"
    if kind == 5:
        return f"{rng.choice(['least', 'greatest', 'coalesce'])}({n()}, {n()}, {n()})"
    if kind == 6:
        return f"CASE WHEN {condition(rng, depth - 1, inner)} THEN {n()} ELSE {n()} END"
    if kind == 7:
        return f"nullif({n()}, {n()})"
    if kind == 8 and inner:
        return f"lag({number(rng, 0, True)}, fid)"
    if kind == 8:
        return f"-({n()})"
    f = rng.choice(["min", "max", "median", "first", "last", "sum", "mean", "count"])
    return f"{f}(prv_candidates, {condition(rng, depth - 1, True) if f == 'count' else number(rng, depth - 1, True)})"


def condition(rng, depth, inner=False):
    n, kind = (lambda: number(rng, max(depth - 1, 0), inner)), rng.randrange(12)
    if depth == 0 or kind < 3:
        return f"{n()} {rng.choice(['=', '<>', '<', '<=', '>', '>='])} {n()}"
    c = lambda: condition(rng, depth - 1, inner)
    if kind < 6:
        return f"({c()} {rng.choice(['AND', 'OR'])} {c()})"
    if kind == 6:
        return f"NOT ({c()})"
    if kind == 7:
        return f"({n()}) IS {rng.choice(['', 'NOT '])}NULL"
    if kind == 8:
        return f"{n()} {rng.choice(['', 'NOT '])}BETWEEN {n()} AND {n()}"
    if kind == 9:
        t = rng.choice(TEXTS)
        return rng.choice([f"{t} LIKE '{rng.choice(['%', 'Z%', '%a_', 'U%n', 'x%y'])}'", f"{t} IN ('Unknown', 'QSO', '')",
                           f"regexp_matches({t}, '{rng.choice(['^Z', '[0-9]+a', 'x|U'])}')", f"lower({t}) < 'm'", f"{t} = '{rng.choice(['t', 'Unknown'])}'"])
    if kind == 10 and rng.random() < 0.3:  # not within %, which makes a difference in the last digit a large one
        return f"{rng.choice(['gal_b', 'gal_l', 'ecl_lat', 'ecl_lon'])}({n()}, {n()}) < {rng.choice(['10', '-10', '77.7', n()])}"
    if kind == 10 and rng.random() < 0.3:
        return f"{rng.choice(['', 'NOT '])}cone({n()}, {n()}, 150, 20, 30)"
    if kind == 10:
        return f"{rng.choice(NUMBERS)} IN ({n()}, 2, 3, -999, {rng.choice(['0.5', 'NULL', n()])})"
    if inner:
        return f"{n()} > {n()}"
    return f"{rng.choice(['any', 'all'])}(prv_candidates, {condition(rng, depth - 1, True)})"


def write(folder, seed, n, packets=""):
    rng = random.Random(int(seed))
    if packets:  # columns of packets only
        NUMBERS[:] = [c for c in NUMBERS if c.startswith("candidate.") and c != "candidate.drb"] + ["candidate.rb", "ra", "dec"]
        TEXTS[:] = ["objectId", "candidate.isdiffpos", "object_id", "topic"]
    os.makedirs(folder, exist_ok=True)
    for i in range(int(n)):
        text = condition(rng, rng.choice([2, 3, 4]))
        with open(os.path.join(folder, f"random{i}.yml"), "w") as f:
            f.write(f"name: random{i}\nsurvey: ztf\nwhere: >\n  {text}\npass: []\nfail: []\n")


def compare(command, folder, path):
    import duckdb

    duckdb.sql("SET memory_limit = '2GB'; SET threads = 1")

    lines = subprocess.run([command, "eval", "-in", path, "-filters", folder], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()[1:]
    got = {}
    for line in lines:
        row, name, passes = line.split(",")
        got.setdefault(name, []).append(passes == "true")
    wrong = compared = passed = 0
    for name, verdicts in sorted(got.items()):
        query = subprocess.run([command, "sql", name, "-in", path, "-filters", folder, "-columns", "file_row_number"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if query.returncode:
            if "watchlist" in query.stderr or "_match" in query.stderr:
                continue
            sys.exit(f"{name}: {query.stderr}")
        sql = query.stdout.strip().rstrip(";").replace("union_by_name = true", "union_by_name = true, file_row_number = true")
        try:
            want = {r for r, in duckdb.sql(sql).fetchall()}
        except duckdb.Error as e:
            sys.exit(f"{name}: {e}\n{sql}")
        differ = [i for i, v in enumerate(verdicts) if v != (i in want)]
        compared += len(verdicts)
        passed += len(want)
        if differ:
            wrong += len(differ)
            print(f"{name}: {len(differ)} rows differ, such as {differ[:5]}: ours {verdicts[differ[0]]}\n{sql}"[:3000])
    print(f"    {len(got)} filters on {compared // max(1, len(got)):,} rows of {os.path.basename(path)}: {passed:,} of {compared:,} pass, {wrong} differ from DuckDB")
    if wrong or not got:
        sys.exit("verdicts differ")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
