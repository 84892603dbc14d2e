"""What .ci/watch asks of a monitor, a Prometheus and an archive."""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


def fetch(url, timeout=10):
    """Returns the status and the text of a URL; status 0 if there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()
    except OSError:
        return 0, ""


def field(value, path):
    for name in path.split("."):
        value = value[name]
    return value


def until(url, want, seconds):
    """Waits until a URL has a status, or its JSON a field with a value: PATH=VALUE."""
    begun = time.time()
    while True:
        status, text = fetch(url)
        if "=" in want:
            path, value = want.split("=")
            reached = status == 200 and str(field(json.loads(text), path)) == value
        else:
            reached = str(status) == want
        took = time.time() - begun
        if reached:
            print(f"    {url}: {want} after {took:.1f} s")
            return
        if took > float(seconds):
            sys.exit(f"{url}: not {want} after {took:.0f} s, but {status}: {text[:2000]}")
        time.sleep(0.2)


def bad(kafka, topic, n):
    """Sends messages that cannot be decoded, with markup and control characters."""
    from confluent_kafka import Producer

    p = Producer({"bootstrap.servers": kafka})
    for i in range(int(n)):
        p.produce(topic, b"<script>alert(%d)</script>\x1b[2J" % i)
    p.flush()


def strange(kafka, topic, packet):
    """Sends an alert whose object has a name of markup and control characters."""
    import fastavro
    import io
    from confluent_kafka import Producer

    with open(packet, "rb") as f:
        reader = fastavro.reader(f)
        alert, schema = next(reader), reader.writer_schema
    alert["objectId"] = "<img src=x onerror=alert(1)>\u202e\x1b[31mZTF"
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), [alert], strict=False)
    p = Producer({"bootstrap.servers": kafka})
    p.produce(topic, out.getvalue())
    p.flush()


def sums(audit):
    """Returns the sums of the ledger by an audit's report."""
    report = json.load(open(audit))
    rows = report["partitions"]
    return {k: sum(r.get(k, 0) for r in rows) for k in ("read", "written", "rejected", "dropped")}


def metrics(text):
    out = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            name = name.split("{")[0]
            out[name] = out.get(name, 0) + float(value)
    return out


def query(prometheus, expr):
    status, text = fetch(prometheus + "/api/v1/query?" + urllib.parse.urlencode({"query": expr}))
    result = json.loads(text)["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def compare(monitor, prometheus, audit):
    """Status, metrics, Prometheus and ledger must agree exactly."""
    ledger = sums(audit)
    status = json.loads(fetch(monitor + "/status.json")[1])
    scraped = metrics(fetch(monitor + "/metrics")[1])
    names = {"read": "skyfinch_messages_read_total", "written": "skyfinch_alerts_written_total",
             "rejected": "skyfinch_messages_rejected_total", "dropped": "skyfinch_messages_dropped_total"}
    for key, name in names.items():
        seen = [ledger[key], status["job"][key], scraped[name], query(prometheus, f"sum({name})")]
        print(f"    {key}: ledger {seen[0]}, status {seen[1]}, metrics {seen[2]:.0f}, Prometheus {seen[3]}")
        if len(set(map(float, seen))) != 1:
            sys.exit(f"{key}: {seen}")
    if sum(status["rejected"].values()) != ledger["rejected"]:
        sys.exit(f"rejected: {status['rejected']}")
    if scraped["skyfinch_latency_seconds_count"] != ledger["written"]:
        sys.exit(f"latency: {scraped['skyfinch_latency_seconds_count']} observations for {ledger['written']} alerts")
    rate = query(prometheus, "max_over_time(sum(rate(skyfinch_messages_read_total[20s]))[1m:1s])")
    print(f"    at most {rate:.0f} messages/s by Prometheus")
    if not 80 < rate < 150:
        sys.exit("it was fed 100 a second")
    down = query(prometheus, "min(min_over_time(up[50s]))")
    if down != 1:
        sys.exit(f"up: {down}")
    bad = [a["labels"]["alertname"] for a in json.loads(fetch(prometheus + "/api/v1/alerts")[1])["data"]["alerts"] if a["state"] == "firing"]
    if bad:
        sys.exit(f"alerts: {bad}")


def history(monitor, audit, out):
    """The history has what the ledger has, but for the last second before each of three kills."""
    ledger = sums(audit)
    points = json.loads(fetch(monitor + "/history.json?points=2000")[1])["points"]
    read = sum(p["read"] for p in points)
    print(f"    the history has {read} messages, the ledger {ledger['read']}")
    if not ledger["read"] - 3 * 250 <= read <= ledger["read"]:
        sys.exit("the history lost more than what was published in the last seconds before three kills")
    size = 0
    for folder, _, names in os.walk(out + "/monitor"):
        for n in names:
            size += os.path.getsize(os.path.join(folder, n))
            if n.endswith(".parquet"):
                sys.exit(n)
    status = [os.path.join(out, "monitor/status", n) for n in os.listdir(out + "/monitor/status")]
    if len(status) != 1:
        sys.exit(f"not one name for all four processes: {status}")
    age = time.time() - os.path.getmtime(status[0])
    print(f"    {size} bytes beside the output; the status is {age:.1f} s old")
    if age > 2:
        sys.exit("the status is too old")


globals()[sys.argv[1]](*sys.argv[2:])
