"use strict";
const ranges = [["1 minute", 60], ["10 minutes", 600], ["1 hour", 3600], ["6 hours", 21600], ["1 day", 86400], ["1 week", 604800], ["1 month", 2592000], ["1 year", 31536000]];
const half = 43200e3, whole1 = 86400e3;
const rates = new Chart("rate", rate), lags = new Chart("lag", whole, 10), latencies = new Chart("latency", (s) => duration(s));
let seconds = 3600, zoom = null, shown = null, picked = null;

// bands returns each second night, from noon to noon, and the times without a process.
function bands(h, from, to) {
  const out = [];
  if (to - from > 6 * 3600e3) {
    for (let t = Math.floor((from - half) / whole1) * whole1 + half; t < to; t += whole1) if (Math.round((t - half) / whole1) % 2 === 0) out.push({ kind: "night", from: t, to: t + whole1 });
  }
  let last = h.points.length ? Date.parse(h.points[0].time) : to; // before, there is no history
  for (const p of h.points) {
    const t = Date.parse(p.time);
    if (t - last > 2 * h.step * 1000) out.push({ kind: "down", from: last, to: t });
    last = t + Math.max(p.seconds, h.step) * 1000;
    if (p.up < 0.5 && p !== h.points[0]) out.push({ kind: "down", from: t, to: last });
  }
  if (to - last > 3 * h.step * 1000) out.push({ kind: "down", from: last, to });
  return out;
}

// series returns a curve with gaps where points are missing.
function series(h, kind, value) {
  const points = [];
  let last = 0;
  for (const p of h.points) {
    const t = Date.parse(p.time);
    if (last && t - last > 2.5 * h.step * 1000) points.push([last + 1, null]);
    const v = value(p);
    points.push([t + (p.seconds * 1000) / 2, v === undefined ? null : v]);
    last = t;
  }
  return { kind, points };
}

function draw() {
  if (!shown) return;
  const h = shown, from = Date.parse(h.from), to = Date.parse(h.to), b = bands(h, from, to);
  if (picked) b.push(picked);
  rates.draw(from, to, [series(h, "in", (p) => p.in), series(h, "out", (p) => p.out)], b);
  lags.draw(from, to, [series(h, "in", (p) => p.lag.messages)], b);
  latencies.draw(from, to, [series(h, "in", (p) => p.latency.p99), series(h, "out", (p) => p.latency.p50)], b);
}

async function load() {
  const to = zoom ? zoom[1] / 1000 : Date.now() / 1000, from = zoom ? zoom[0] / 1000 : to - seconds;
  try {
    const r = await fetch("/history.json?points=400&from=" + from.toFixed(3) + "&to=" + to.toFixed(3));
    if (!r.ok) throw new Error(await r.text());
    shown = await r.json();
    byId("lost").classList.remove("on");
    show("lost", "");
    show("from", when(shown.from));
    show("to", when(shown.to));
    draw();
  } catch (e) {
    byId("lost").classList.add("on");
    show("lost", "The history cannot be read now; the page tries again. " + e.message);
  }
}

// table fills the table of the last thirty nights.
async function table() {
  const now = Date.now(), start = Math.floor((now - half) / whole1) * whole1 + half - 29 * whole1;
  try {
    const r = await fetch("/history.json?points=720&from=" + start / 1000 + "&to=" + now / 1000);
    if (!r.ok) return;
    const nights = new Map();
    for (const p of (await r.json()).points) {
      const n = day(new Date(Date.parse(p.time) - half));
      const sum = nights.get(n) || { read: 0, written: 0, rejected: 0, batches: 0, bytes: 0, slow: null, up: 0 };
      for (const k of ["read", "written", "rejected", "batches", "bytes"]) sum[k] += p[k];
      if (p.latency.p99 !== null) sum.slow = Math.max(sum.slow || 0, p.latency.p99);
      sum.up += p.up * p.seconds;
      nights.set(n, sum);
    }
    fill("nights", [...nights].reverse().map(([n, s]) => [[n, ""], [whole(s.read), "num"], [whole(s.written), "num"], [whole(s.rejected), "num"], [whole(s.batches), "num"],
      [bytes(s.bytes), "num"], [duration(s.slow), "num"], [duration(s.up), "num"]]), "no history yet");
  } catch (e) { /* load says it */ }
}

function buttons() {
  for (const b of byId("ranges").children) b.setAttribute("aria-pressed", String(!zoom && Number(b.dataset.seconds) === seconds));
}

for (const [name, s] of ranges) {
  const b = document.createElement("button");
  b.type = "button";
  b.textContent = name;
  b.dataset.seconds = s;
  b.addEventListener("click", () => { seconds = s; zoom = null; buttons(); load(); });
  byId("ranges").append(b);
}
for (const [name, left, right] of [["zoom in", 0.25, -0.25], ["zoom out", -0.5, 0.5], ["earlier", -0.5, -0.5], ["later", 0.5, 0.5]]) {
  const b = document.createElement("button");
  b.type = "button";
  b.textContent = name;
  b.addEventListener("click", () => {
    if (!shown) return;
    const from = Date.parse(shown.from), to = Date.parse(shown.to), span = to - from, end = Math.min(to + right * span, Date.now());
    zoom = [Math.max(end - (1 + right - left) * span, 0), end];
    buttons();
    load();
  });
  byId("ranges").append(b);
}
for (const c of [rates, lags, latencies]) {
  let begun = null;
  c.root.addEventListener("pointerdown", (e) => { if (c.scale) { begun = c.time(e); c.root.setPointerCapture(e.pointerId); } });
  c.root.addEventListener("pointermove", (e) => {
    if (begun === null) return;
    picked = { kind: "pick", from: Math.min(begun, c.time(e)), to: Math.max(begun, c.time(e)) };
    draw();
  });
  c.root.addEventListener("pointercancel", () => { begun = picked = null; draw(); });
  c.root.addEventListener("pointerup", (e) => {
    if (begun === null) return;
    const end = c.time(e), a = Math.min(begun, end), z = Math.max(begun, end);
    begun = picked = null;
    draw();
    if (z - a > (c.scale.to - c.scale.from) / 50) { zoom = [a, z]; buttons(); load(); }
  });
}
buttons();
load();
table();
setInterval(() => { if (!zoom) load(); }, 2000);
setInterval(table, 60000);
addEventListener("resize", draw);
