"use strict";
const most = 50;
let newest = [], paused = false;

function draw() {
  fill("alerts", newest.map((a) => [[a.survey, "text"], [a.id, "text"], [a.object === null ? "" : a.object, "text"],
    [a.time ? when(a.time).replace(" UTC", "") : "–", ""], [a.ra === null ? "–" : a.ra.toFixed(5), "num"], [a.dec === null ? "–" : a.dec.toFixed(5), "num"],
    [a.value === null ? "–" : a.value.toFixed(2) + " " + a.unit, "num"], [a.topic + "/" + a.partition + "@" + a.offset, "text"]]), "none yet: they appear here as they are decoded");
}

byId("pause").addEventListener("click", (e) => {
  paused = !paused;
  e.target.setAttribute("aria-pressed", String(paused));
  e.target.textContent = paused ? "Go on" : "Pause";
  if (!paused) draw();
});
listen("alerts", Infinity, (list) => {
  newest = [...list.reverse(), ...newest].slice(0, most);
  if (!paused) draw();
});
draw();
