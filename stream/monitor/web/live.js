"use strict";
const chart = new Chart("rate", rate);
let rates = []; // [ms, in, out], the last ten minutes
let skew = 0; // of the server's clock

function draw() {
  const to = Date.now() + skew;
  rates = rates.filter((r) => r[0] >= to - 605e3);
  const from = Math.max(to - 600e3, Math.min(rates.length ? rates[0][0] : to, to - 60e3));
  chart.draw(from, to, [
    { kind: "in", points: rates.map((r) => [r[0], r[1]]) },
    { kind: "out", points: rates.map((r) => [r[0], r[2]]) },
  ]);
}

const order = ["plan", "read", "transform", "stage", "commit", "publish", "snapshot", "wait"];

function bars(stages) {
  const names = order.filter((n) => n in stages), most = Math.max(1e-9, ...Object.values(stages));
  const box = byId("stage-bars"), key = JSON.stringify(stages);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren();
  for (const n of names) {
    const name = document.createElement("span"), bar = document.createElement("meter"), text = document.createElement("span");
    name.textContent = n;
    bar.max = most;
    bar.value = stages[n];
    bar.setAttribute("aria-label", n);
    text.textContent = duration(stages[n]);
    box.append(name, bar, text);
  }
  if (!names.length) box.textContent = "no batch yet";
}

function update(s) {
  const time = Date.parse(s.time);
  skew = time - Date.now();
  for (const n of ["read", "written", "rejected", "dropped"]) show(n, whole(s.job[n]));
  show("started", when(s.started));
  show("service", visible(s.service + " " + s.version));
  byId("state").className = "state " + s.state;
  show("state", s.state);
  const age = s.now.since ? (time - Date.parse(s.now.since)) / 1000 : 0, since = age >= 2 ? ", for " + duration(age) : "";
  show("stage", s.now.stage ? (s.now.stage === "wait" ? "waiting for messages" : s.now.stage + ", batch " + whole(s.now.batch)) + since +
    (s.now.reading ? ", " + whole(s.now.reading) + " read" : "") : "nothing: it does not run");
  show("batch", s.batch.last ? "number " + whole(s.batch.number) + ", " + duration(s.batch.seconds) + ", " + duration((time - Date.parse(s.batch.last)) / 1000) + " ago" : "none yet");
  show("published", whole(s.job.files) + " files, " + bytes(s.job.bytes) + " in " + whole(s.job.batches) + " batches");
  show("retries", whole(s.retries) + (s.takeovers ? ", " + whole(s.takeovers) + " takeovers" : ""));
  show("disk", s.disk ? bytes(s.disk.free) + " free of " + bytes(s.disk.total) : "–");
  show("last-error", s.last_error ? visible(when(s.last_error.last) + ": " + s.last_error.text) : "none");
  byId("error").classList.toggle("on", s.error !== null);
  show("error", s.error ? visible("Since " + when(s.error.since) + ", " + s.error.stage + ": " + s.error.text) : "");
  for (const q of ["p50", "p90", "p99", "max"]) show(q, duration(s.latency[q]));
  show("count", whole(s.latency.count));
  bars(s.batch.stages);
  show("lag-messages", whole(s.lag.messages));
  show("lag-seconds", duration(s.lag.seconds));
  fill("partitions", s.lag.partitions.map((p) => [[p.topic, "text"], [String(p.partition), "num"], [whole(p.messages), "num"], [duration(p.seconds), "num"]]), "no partitions yet");
  fill("classes", Object.entries(s.rejected).sort((a, b) => b[1] - a[1]).map(([c, n]) => [[c, "text"], [whole(n), "num"]]), "none");
  fill("newest", s.rejects.map((r) => [[when(r.time), ""], [r.cause, "text"], [whole(r.messages), "num"]]), "none since it started");
  const others = [...(s.jobs || []).map((j) => ({ ...j, heard: j.time })), ...(s.processes || [])];
  byId("others").hidden = !others.length;
  fill("jobs", others.map((j) => [[j.service, "text"], [j.instance, "text"], [j.silent ? "silent" : j.state, ""], [when(j.heard), ""],
    [whole(j.job.written), "num"], [rate(j.rate.out), "num"], [whole(j.lag.messages), "num"]]), "");
  show("rate-in", rate(s.rate.in));
  show("rate-out", rate(s.rate.out));
  if (!rates.length || time > rates[rates.length - 1][0]) rates.push([time, s.rate.in, s.rate.out]);
  draw();
}

// before returns the rates until now as means of ten seconds, like those of the status.
function before(points) {
  const out = [];
  for (const p of points) {
    const to = Date.parse(p.time) + p.seconds * 1000, sum = { in: 0, out: 0 };
    for (const q of points) {
      const from = Date.parse(q.time), s = (Math.min(from + q.seconds * 1000, to) - Math.max(from, to - 10e3)) / 1000;
      if (s > 0) for (const k in sum) sum[k] += (q[k] * s) / 10;
    }
    out.push([to, sum.in, sum.out]);
  }
  return out;
}

fetch("/history.json?points=610&from=" + (Date.now() / 1000 - 600)).then((r) => (r.ok ? r.json() : { points: [] })).then((h) => {
  const first = rates.length ? rates[0][0] : Infinity;
  rates = before(h.points).filter((p) => p[0] < first).concat(rates);
  draw();
}).catch(() => {});
listen("status", 5000, update);
addEventListener("resize", draw);
