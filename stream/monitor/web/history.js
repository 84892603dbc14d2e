"use strict";
fetch("/history.json?points=60").then((r) => r.json()).then((h) => {
  document.getElementById("points").textContent = h.points.map((p) => p.time + "  " + p.in + "  " + p.out).join("\n");
});
