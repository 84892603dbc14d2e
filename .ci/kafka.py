"""What .ci/kafka needs of Kafka beside Kafka's own tools: fills topics, keeps
transactions open, deletes, and measures latency.

    kafka.py BROKERS COMMAND …
"""
import glob
import http.server
import os
import random
import socket
import sys
import threading
import time

from confluent_kafka import IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType, AdminClient, NewPartitions,
                                   NewTopic, OffsetSpec, ResourcePatternType, ResourceType)

BROKERS = sys.argv[1]
ADMIN = AdminClient({"bootstrap.servers": BROKERS, "log_level": 2})


def settle(futures):
    for f in futures.values():
        f.result(30)


def make(topic, partitions=4, replicas=1):
    settle(ADMIN.create_topics([NewTopic(topic, partitions, replicas, config={"max.message.bytes": str(32 << 20)})]))


def producer(codec="none", transaction=None, **more):
    p = Producer({"bootstrap.servers": BROKERS, "compression.type": codec, "message.max.bytes": 32 << 20, "linger.ms": 2, "log_level": 3,
                  **({"transactional.id": transaction, "transaction.timeout.ms": 300_000} if transaction else {}), **more})
    if transaction:
        p.init_transactions(30)
    return p


def failed(err, msg):
    if err:
        print(f"{msg.topic()}: {err}", file=sys.stderr)
        os._exit(1)


def put(p, topic, partition, value):
    while True:
        try:
            return p.produce(topic, value=value, partition=partition, on_delivery=failed)
        except BufferError:
            p.poll(0.1)


def flush(*producers):
    for p in producers:
        if p.flush(120):
            sys.exit("messages were not delivered")


def ends(topic, level):
    parts = ADMIN.list_topics(topic, timeout=20).topics[topic].partitions
    found = ADMIN.list_offsets({TopicPartition(topic, p): OffsetSpec.latest() for p in parts}, isolation_level=level)
    return {tp.partition: f.result(30).offset for tp, f in found.items()}


def marked(*topics):
    """Waits until the end markers of all transactions are written."""
    for t in topics:
        until = time.time() + 60
        while ends(t, IsolationLevel.READ_COMMITTED) != ends(t, IsolationLevel.READ_UNCOMMITTED):
            if time.time() > until:
                sys.exit(f"{t}: a transaction is open")
            time.sleep(0.05)


def alerts(shared, *sets):
    """Yields all real packets as a survey sends them, and the Rubin files also as Confluent messages."""
    for s in sets or ("ztf-3.1", "ztf-3.3", "ztf-4.02", "ztf-spark", "lsst-7.4", "lsst-9.0", "lsst-wire", "other"):
        for path in sorted(glob.glob(f"{shared}/alerts/{s}/*")):
            with open(path, "rb") as f:
                yield f.read()
    if not sets:
        yield from framed(shared)


def framed(shared):
    sys.path.insert(0, shared + "/oracle")
    import io
    import fastavro
    import packets
    schema = fastavro.schema.load_schema(shared + "/schemas/lsst-900.avsc")
    decode = packets.Decoder().decode
    for raw in alerts(shared, "lsst-9.0"):
        out = io.BytesIO(b"\0" + (900).to_bytes(4, "big"))
        out.seek(5)
        fastavro.schemaless_writer(out, schema, decode(raw)[0][1])
        yield out.getvalue()


def noise(rng, real):
    """Returns a message for an aborted transaction, which must not be read: noise, a truncated packet, a duplicate."""
    return (rng.randbytes(rng.randrange(1, 3000)), rng.choice(real)[:-rng.randrange(1, 3000)], rng.choice(real))[rng.randrange(3)]


def mixed(shared, topic, codec):
    """Sends every alert once, plain or in a committed transaction, among aborted messages."""
    make(topic)
    rng, real = random.Random(topic), list(alerts(shared))
    plain, good, bad = producer(codec), producer(codec, topic + "-good"), producer(codec, topic + "-bad")
    rest, aborted = list(real), 0
    rng.shuffle(rest)
    while rest:
        good.begin_transaction()
        bad.begin_transaction()
        for _ in range(rng.randrange(1, 5)):        # their batches alternate in the log
            for p in rng.sample((plain, good, bad, plain), 4):
                for _ in range(rng.randrange(1, 8)):
                    if p is bad:
                        put(bad, topic, rng.randrange(4), noise(rng, real))
                        aborted += 1
                    elif rest:
                        put(p, topic, rng.randrange(4), rest.pop())
                flush(p)
        first, second = (good.commit_transaction, bad.abort_transaction)[::rng.choice((1, -1))]
        first(30)
        second(30)
    bad.begin_transaction()                         # partition 0 ends with aborted messages
    put(bad, topic, 0, noise(rng, real))
    flush(bad)
    bad.abort_transaction(30)
    marked(topic)
    print(f"{topic}: {len(real)} alerts, {aborted + 1} messages in aborted transactions")


def times(shared, topic, n, partitions, replicas):
    """Sends every alert of ztf-4.02 and ztf-3.3 n times, without transactions."""
    make(topic, int(partitions), int(replicas))
    p, parts = producer(), int(partitions)
    for i, data in enumerate(list(alerts(shared, "ztf-4.02", "ztf-3.3")) * int(n)):
        put(p, topic, i % parts, data)
    flush(p)


def large(shared, topic, n):
    """Sends alerts of nearly 10 MB, all different, mostly one cutout of noise."""
    import fastavro
    import io
    make(topic)
    sys.path.insert(0, shared + "/oracle")
    import packets
    schema = fastavro.parse_schema(fastavro.schema.load_schema(shared + "/schemas/lsst-900.avsc"))
    alert = packets.Decoder().decode(next(alerts(shared, "lsst-9.0")))[0][1]
    p, rng = producer(), random.Random(10)
    for i in range(int(n)):
        alert["diaSourceId"], alert["cutoutScience"] = i + 1, rng.randbytes(9_900_000)
        out = io.BytesIO()
        out.write(b"\0" + (900).to_bytes(4, "big"))
        fastavro.schemaless_writer(out, schema, alert)
        put(p, topic, i % 4, out.getvalue())
        p.poll(0)
    flush(p)


def small(log, limit, *command):
    """Runs a command, and fails if it takes more memory than a limit in MB. Forwards SIGTERM."""
    import signal
    import subprocess
    with open(log, "w") as f:
        child = subprocess.Popen(command, stdout=f, stderr=f)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{command[0]}: status {status}")
    done = open(log).readline().strip().removeprefix("archived").strip()
    print(f"    {done}: {used.ru_maxrss // 1024} MB, {used.ru_utime + used.ru_stime:.1f} s of CPU")
    if used.ru_maxrss > int(limit) << 10:
        sys.exit(f"more than {limit} MB")


def empty(topic, partitions, replicas):
    make(topic, int(partitions), int(replicas))


def hold(shared, topic):
    """Keeps two transactions open until a line arrives on standard input; prints first how many messages precede them."""
    make(topic, 2)
    rng, real = random.Random(5), list(alerts(shared, "ztf-4.02"))
    plain, good, bad = producer(), producer("lz4", topic + "-good"), producer("lz4", topic + "-bad")

    def some(p, *partitions):
        for i, data in enumerate(real):
            put(p, topic, partitions[i % len(partitions)], data)
        flush(p)
    some(plain, 0, 1)
    good.begin_transaction()
    bad.begin_transaction()
    some(good, 0)
    put(bad, topic, 1, noise(rng, real))
    some(bad, 1)
    some(plain, 0, 1)                               # after an open transaction: not yet stable
    print(len(real), flush=True)
    sys.stdin.readline()
    good.commit_transaction(30)
    bad.abort_transaction(30)
    marked(topic)
    print("closed", flush=True)


def unseen(topic, fresh="make"):
    """Fills a topic with aborted messages only: a ledger settles them, an archive stays empty."""
    if fresh == "anew":
        settle(ADMIN.delete_topics([topic]))
        until = time.time() + 20
        while topic in ADMIN.list_topics(timeout=20).topics:
            if time.time() > until:
                sys.exit(f"{topic}: is not deleted")
            time.sleep(0.1)
    make(topic, 1)
    p = producer(transaction=topic)
    p.begin_transaction()
    for i in range(10):
        put(p, topic, 0, b"nobody sees this")
    flush(p)
    p.abort_transaction(30)
    marked(topic)


def more(shared, topic, n):
    p = producer()
    for data in list(alerts(shared, "ztf-3.3"))[:int(n)]:
        put(p, topic, 0, data)
    flush(p)


def delete(topic, before):
    settle(ADMIN.delete_records([TopicPartition(topic, 0, int(before))]))


def allow(user, prefix):
    """Allows a user to read topics, and commit for groups, with a prefix."""
    def rule(kind, pattern, operation):
        return AclBinding(kind, prefix, pattern, "User:" + user, "*", operation, AclPermissionType.ALLOW)
    settle(ADMIN.create_acls([rule(kind, ResourcePatternType.PREFIXED, op)
                                for kind in (ResourceType.TOPIC, ResourceType.GROUP)
                                for op in (AclOperation.READ, AclOperation.DESCRIBE)]))


def rate(shared, topic, a_second, seconds):
    """Sends alerts at an even pace."""
    p, real = producer(**{"linger.ms": 0}), list(alerts(shared, "ztf-3.3"))
    begun = time.time()
    for i in range(int(a_second) * int(seconds)):
        time.sleep(max(0, begun + i / int(a_second) - time.time()))
        put(p, topic, i % 4, real[i % len(real)])
        p.poll(0)
    flush(p)


def leader(topic):
    """Prints the leader of partition 0."""
    print(ADMIN.list_topics(topic, timeout=20).topics[topic].partitions[0].leader)


def latency(out, limit, log):
    """Measures from each message's Kafka time to the rename of its file (which sets ctime), and compares with the archive's own numbers."""
    import json
    import pyarrow.parquet as pq
    took = []
    for path in glob.glob(out + "/alerts/**/*.parquet", recursive=True):
        there = os.stat(path).st_ctime
        times_ = pq.read_table(path, columns=["kafka_time"])["kafka_time"].cast("int64").to_pylist()
        took += [there - t / 1000 for t in times_]
    took.sort()
    with open(log) as f:
        said = json.loads(f.readlines()[-1])["latency"]
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    print(f"    {len(took)} alerts, by the files' times: median {p50:.2f} s, 99% {p99:.2f} s, longest {took[-1]:.2f} s; "
          f"the summary: {said['p50']:.2f}, {said['p99']:.2f}, {said['max']:.2f} s")
    if max(p99, said["p99"]) > float(limit) or said["count"] != len(took) or abs(p99 - said["p99"]) > 0.5:
        sys.exit(f"latency: 99% within {limit} s wanted, and the same by both")


def committed(group, topic):
    """Checks that all of the topic's offsets are committed for the group."""
    from confluent_kafka import ConsumerGroupTopicPartitions
    found = {}
    for f in ADMIN.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values():
        found.update({(p.topic, p.partition): p.offset for p in f.result(30).topic_partitions})
    want = {(topic, p): end for p, end in ends(topic, IsolationLevel.READ_COMMITTED).items()}
    if found != want:
        sys.exit(f"group {group}: committed {found}, the ends are {want}")


def grow(shared, topic, partitions):
    """Adds partitions to a topic, and alerts to all of them."""
    settle(ADMIN.create_partitions([NewPartitions(topic, int(partitions))]))
    p = producer(**{"topic.metadata.refresh.interval.ms": 100})
    until = time.time() + 20
    while len(p.list_topics(topic, timeout=20).topics[topic].partitions) < int(partitions):
        if time.time() > until:
            sys.exit(f"{topic}: does not grow")
        time.sleep(0.1)
    time.sleep(0.5)
    for i, data in enumerate(alerts(shared, "ztf-4.02")):
        put(p, topic, i % int(partitions), data)
    flush(p)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>Log in</title>")

    def log_message(self, *_):
        pass


def holes():
    """Three ports until standard input ends: one takes no connection, one never answers, one answers HTML to everything."""
    full, mute = socket.socket(), socket.socket()
    for s, backlog in ((full, 0), (mute, 100)):
        s.bind(("127.0.0.1", 0))
        s.listen(backlog)
    fillers = [socket.socket() for _ in range(4)]   # the accept queue is full: Linux drops further connections
    for f in fillers:
        f.setblocking(False)
        f.connect_ex(full.getsockname())
    page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    print(full.getsockname()[1], mute.getsockname()[1], page.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    globals()[sys.argv[2]](*sys.argv[3:])
