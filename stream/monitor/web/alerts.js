"use strict";
const list = document.getElementById("alerts");
new EventSource("/events?of=alerts").addEventListener("alerts", (e) => {
  for (const a of JSON.parse(e.data)) list.prepend(JSON.stringify([a.survey, a.id, a.object, a.time, a.ra, a.dec, a.value, a.unit]) + "\n");
  while (list.childNodes.length > 50) list.lastChild.remove();
});
