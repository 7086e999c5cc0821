// Keeps the page up to date: it asks for itself every second and takes over what differs, so that
// focus, selection and scroll position stay.
"use strict";

const interval = 1000;
const parts = ["summary", "records", "asof"];
const pause = document.getElementById("pause");
const stale = document.getElementById("stale");
let paused = false;
let lastSeen = Date.now();

// morph makes one node like another, from the top down as far as their structure is the same.
function morph(node, fresh) {
  if (node.nodeType === Node.TEXT_NODE && fresh.nodeType === Node.TEXT_NODE) {
    if (node.data !== fresh.data) node.data = fresh.data;
    return;
  }
  if (node.nodeName !== fresh.nodeName || node.id !== fresh.id || node.childNodes.length !== fresh.childNodes.length) {
    node.replaceWith(document.importNode(fresh, true));
    return;
  }
  for (const name of fresh.getAttributeNames()) {
    const value = fresh.getAttribute(name);
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  const children = [...node.childNodes];
  const others = [...fresh.childNodes];
  children.forEach((child, i) => morph(child, others[i]));
}

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  document.title = fresh.title;
  for (const id of parts) morph(document.getElementById(id), fresh.getElementById(id));
}

async function refresh() {
  if (!paused && !document.hidden) {
    try {
      const response = await fetch(location.pathname + location.search, { cache: "no-store" });
      if (!response.ok) throw new Error("status " + response.status);
      show(await response.text());
      lastSeen = Date.now();
      stale.hidden = true;
    } catch {
      const seconds = Math.round((Date.now() - lastSeen) / 1000);
      stale.textContent = "The server does not answer: what you see is " + seconds + " s old.";
      stale.hidden = false;
    }
  }
  setTimeout(refresh, interval);
}

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
});
document.getElementById("down").addEventListener("change", (event) => event.target.form.requestSubmit());
setTimeout(refresh, interval);
