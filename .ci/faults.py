"""Breaks the store of the real binary, and fills topics, for .ci/faults.

    faults.py store ARCHIVE ORACLE TMP ALERTS SEED
    faults.py COMMAND BROKERS …
"""
import concurrent.futures
import json
import os
import random
import shutil
import subprocess
import sys
import time

ERRORS = {"EIO": "input/output error", "ENOSPC": "no space left on device", "EROFS": "read-only file system"}
# Operations that fail together.
KINDS = ("stage,write,close", "put", "publish", "list", "get,open,read,delete,abort")


def case(kinds, errno, archive, oracle, tmp, alerts, seed, for_good):
    """Lets many operations fail, then few, then all if for_good, then none; then everything must be archived."""
    rng, did = random.Random(f"{seed} {kinds} {errno}"), []
    out = f"{tmp}/store-{kinds.replace(',', '-')}-{errno}"
    every = [rng.randint(2, 5), rng.randint(4, 25)] + [1] * for_good
    try:
        for n in every + [0]:
            env = dict(os.environ, SKYFINCH_FAULT=f"{kinds} {errno} {n} {rng.randrange(2 * n)}" if n else "")
            p = subprocess.run([archive, "-files", alerts, "-out", out, "-once", "-max-rows", "5", "-progress", "off"],
                               env=env, capture_output=True, text=True, timeout=60)
            if p.returncode:
                if p.returncode != 1 or p.stderr.count("\n") != 1 or ERRORS[errno] not in p.stderr or not n:
                    raise Exception(f"exit status {p.returncode}, and not one line that says why: {p.stderr}")
                did.append(f"each {n}: {p.stderr.strip().replace(tmp + '/', '')}")
            elif n:
                did.append(f"each {n}: carried on")
                if n != every[-1]:      # the next run starts over
                    audit(archive, alerts, out)
                    shutil.rmtree(out)
        audit(archive, alerts, out)
        judge(oracle, tmp, alerts, out)
    except Exception as e:
        return f"{kinds} {errno}, seed {seed}, after {did}: {e}", True
    return f"    {kinds} {errno}: " + "; ".join(did), False


def run(*command, cwd=None):
    p = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd)
    if p.returncode:
        raise Exception(p.stdout + p.stderr)


def audit(archive, alerts, out):
    run(archive, "audit", "-out", out, "-files", alerts, "-deep")


def judge(oracle, tmp, alerts, out):
    run(sys.executable, oracle + "/check_archive.py", out, "--alerts", alerts, "--require-stats", "--deep", "0", "--processes", "1", "--tmp", tmp, cwd=oracle)


def store(archive, oracle, tmp, alerts, seed):
    cases = [(k, e, archive, oracle, tmp, alerts, seed, i % len(ERRORS) == j % len(ERRORS)) for i, k in enumerate(KINDS) for j, e in enumerate(ERRORS)]
    wrong = False
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for said, bad in pool.map(lambda c: case(*c), cases):
            print(said)
            wrong |= bad
    if wrong:
        sys.exit(1)


def count(topic):
    print(sum(kafka.ends(topic, kafka.IsolationLevel.READ_COMMITTED).values()))


def framed(shared, topic):
    p = kafka.producer()
    for i, data in enumerate(kafka.framed(shared)):
        kafka.put(p, topic, i % 4, data)
    kafka.flush(p)


def jumps(shared, topic):
    """Sends alerts whose times in Kafka jump by seconds, hours and years, forward and back."""
    from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource
    any_time = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in (("message.timestamp.after.max.ms", str(2 ** 62)), ("retention.ms", "-1"))]  # or old messages are deleted
    kafka.settle(kafka.ADMIN.incremental_alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=any_time)]))
    p, rng = kafka.producer(), random.Random(topic)
    for i, data in enumerate(list(kafka.alerts(shared, "ztf-4.02", "ztf-3.3")) * 2):
        ms = time.time() + rng.choice((-1, 1)) * 10 ** rng.uniform(0, 9)
        p.produce(topic, value=data, partition=i % 4, timestamp=max(1, int(1000 * ms)), on_delivery=kafka.failed)
        p.poll(0.002)
    kafka.flush(p)


def order(partitions, i):
    """Returns the brokers of each partition, the one that is to lead first."""
    return [[(p + i + k) % 3 + 1 for k in range(3)] for p in range(int(partitions))]


def prefer(topic, partitions, i):
    """Makes the first broker of each partition its leader, and waits until it is."""
    from confluent_kafka import ElectionType, TopicPartition
    want = [brokers[0] for brokers in order(partitions, int(i))]
    until = time.time() + 20
    while True:
        try:
            kafka.ADMIN.elect_leaders(ElectionType.PREFERRED, [TopicPartition(topic, p) for p in range(len(want))]).result(20)
        except Exception:
            pass                        # it leads already
        now = kafka.ADMIN.list_topics(topic, timeout=20).topics[topic].partitions
        if [now[p].leader for p in range(len(want))] == want:
            return
        if time.time() > until:
            sys.exit(f"{topic}: the leaders do not move")
        time.sleep(0.1)


def orders(topic, partitions, out):
    for i in range(2):
        with open(f"{out}/order{i}", "w") as f:
            json.dump({"version": 1, "partitions": [{"topic": topic, "partition": p, "replicas": r} for p, r in enumerate(order(partitions, i))]}, f)


if __name__ == "__main__":
    if sys.argv[1] in ("store", "orders"):
        globals()[sys.argv[1]](*sys.argv[2:])
    else:
        command = sys.argv.pop(1)
        import kafka
        globals()[command](*sys.argv[2:])
