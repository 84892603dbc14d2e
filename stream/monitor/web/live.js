"use strict";
// A plain page: the status as it comes.
const show = (id, text) => { document.getElementById(id).textContent = text; };
let heard = 0;
const events = new EventSource("/events?of=status");
events.addEventListener("status", (e) => {
  const s = JSON.parse(e.data);
  heard = Date.now();
  for (const name of ["read", "written", "rejected", "dropped"]) show(name, s.job[name]);
  show("status", JSON.stringify(s, null, 1));
});
setInterval(() => { show("connection", Date.now() - heard < 5000 ? "" : "connection lost"); }, 1000);
