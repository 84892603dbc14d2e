"use strict";
// What the pages share: numbers, times, tables, charts and the connection.

const byId = (id) => document.getElementById(id);

function show(id, text) {
  const e = byId(id);
  if (e.textContent !== text) e.textContent = text;
}

const whole = (n) => Math.round(n).toLocaleString("en-US");
const rate = (n) => (n >= 100 || n === 0 ? whole(n) : n.toFixed(1));

function bytes(n) {
  for (const [unit, size] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (n >= size) return (n / size).toFixed(1) + " " + unit;
  return n + " bytes";
}

function duration(s) {
  if (s === null || s === undefined) return "–";
  if (s < 1) return Math.round(1000 * s) + " ms";
  if (s < 120) return s.toFixed(1) + " s";
  if (s < 7200) return (s / 60).toFixed(1) + " min";
  if (s < 172800) return (s / 3600).toFixed(1) + " h";
  return (s / 86400).toFixed(1) + " days";
}

const pad = (n) => String(n).padStart(2, "0");
const clock = (t) => pad(t.getUTCHours()) + ":" + pad(t.getUTCMinutes()) + ":" + pad(t.getUTCSeconds());
const day = (t) => t.getUTCFullYear() + "-" + pad(t.getUTCMonth() + 1) + "-" + pad(t.getUTCDate());
const when = (text) => (text ? day(new Date(text)) + " " + clock(new Date(text)) + " UTC" : "–");

// visible returns text from packets with control characters as escapes.
function visible(text) {
  return String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

// cell appends a cell to a row. Text from elsewhere is isolated from the text beside it.
function cell(row, text, kind) {
  const td = row.insertCell();
  if (kind) td.className = kind;
  if (kind === "text") {
    const bdi = document.createElement("bdi");
    bdi.textContent = visible(text);
    td.append(bdi);
  } else {
    td.textContent = text;
  }
}

// fill replaces the rows of a table; each is a list of [text, kind].
function fill(id, rows, none) {
  const body = byId(id).tBodies[0];
  const key = JSON.stringify(rows);
  if (body.dataset.key === key) return;
  body.dataset.key = key;
  body.replaceChildren();
  for (const r of rows) {
    const row = body.insertRow();
    for (const [text, kind] of r) cell(row, text, kind);
  }
  if (!rows.length) {
    const td = body.insertRow().insertCell();
    td.colSpan = byId(id).tHead.rows[0].cells.length;
    td.textContent = none;
  }
}

const svg = (name, attributes) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  return e;
};

// nice returns a round number that is at least n.
function nice(n) {
  if (!(n > 0)) return 1;
  const p = 10 ** Math.floor(Math.log10(n));
  for (const k of [1, 2, 5, 10]) if (n <= k * p) return k * p;
  return 10 * p;
}

// times returns at most n times between two, a round step apart.
function times(from, to, n) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000];
  const step = 1000 * (steps.find((s) => (to - from) / 1000 / s <= n) || 31536000);
  const out = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) out.push(t);
  return out;
}

// moment names a time on an axis of a span.
function moment(t, span) {
  if (span > 3 * 86400e3) return day(t);
  if (span > 600e3) return clock(t) === "00:00:00" ? day(t) : clock(t).slice(0, 5);
  return clock(t);
}

// A chart draws curves over time into an svg. Each curve is {kind, points: [[ms, value or
// null], …]}; bands are {kind, from, to}.
class Chart {
  constructor(id, format, least = 0) { // the scale shows least at least
    this.root = byId(id);
    this.format = format;
    this.least = least;
  }

  draw(from, to, curves, bands = []) {
    const width = Math.max(this.root.clientWidth, 280), height = width < 500 ? 180 : 240;
    const left = 56, bottom = 24, top = 8, right = 8;
    const most = nice(Math.max(this.least, ...curves.flatMap((c) => c.points.map((p) => p[1] || 0))));
    const x = (t) => left + ((t - from) / (to - from)) * (width - left - right);
    const y = (v) => height - bottom - (v / most) * (height - bottom - top);
    const out = [];
    for (const b of bands) {
      const a = Math.max(b.from, from), z = Math.min(b.to, to);
      if (a < z) out.push(svg("rect", { class: b.kind, x: x(a), y: top, width: Math.max(x(z) - x(a), 1), height: height - bottom - top }));
    }
    for (const k of [0, 0.5, 1]) {
      out.push(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(k * most), y2: y(k * most) }));
      const label = svg("text", { x: left - 8, y: y(k * most) + 4, "text-anchor": "end" });
      label.textContent = this.format(k * most);
      out.push(label);
    }
    for (const t of times(from, to, Math.floor(width / 110))) {
      out.push(svg("line", { class: "grid", x1: x(t), x2: x(t), y1: height - bottom, y2: height - bottom + 4 }));
      const label = svg("text", { x: Math.min(x(t), width - 36), y: height - 6, "text-anchor": "middle" });
      label.textContent = moment(new Date(t), to - from);
      out.push(label);
    }
    for (const c of curves) {
      let d = "", pen = false;
      for (const [t, v] of c.points) {
        if (v === null || t < from) { pen = false; continue; }
        d += (pen ? "L" : "M") + x(t).toFixed(1) + " " + y(v).toFixed(1);
        pen = true;
      }
      out.push(svg("path", { class: "curve " + c.kind, d }));
    }
    this.root.setAttribute("viewBox", "0 0 " + width + " " + height);
    this.root.replaceChildren(...out);
    this.scale = { from, to, left, right, width };
  }

  // time returns the time at a place of the mouse.
  time(event) {
    const box = this.root.getBoundingClientRect(), s = this.scale;
    const at = ((event.clientX - box.left) / box.width) * s.width;
    return s.from + Math.min(Math.max((at - s.left) / (s.width - s.left - s.right), 0), 1) * (s.to - s.from);
  }
}

// listen calls on with each event of a kind, and keeps the banner "lost" true. A
// connection that says nothing for ten seconds is made anew.
function listen(kind, quiet, on) {
  let heard = Date.now(), source;
  const open = () => {
    if (source) source.close();
    source = new EventSource("/events?of=" + kind);
    source.addEventListener("open", () => { heard = Date.now(); });
    source.addEventListener(kind, (e) => { heard = Date.now(); on(JSON.parse(e.data)); });
  };
  open();
  let tried = Date.now();
  setInterval(() => {
    const silent = Date.now() - heard;
    const lost = source.readyState !== EventSource.OPEN ? silent > 4000 : silent > quiet;
    byId("lost").classList.toggle("on", lost);
    show("lost", lost ? "The connection is lost since " + duration(silent / 1000) + ". What is shown is as old; the page comes back by itself." : "");
    if (lost && Date.now() - tried > 8000) {
      tried = Date.now();
      open();
    }
  }, 1000);
}
