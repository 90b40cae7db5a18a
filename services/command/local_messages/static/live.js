// Keeps what is marked data-live up to date, and sends a clicked button without leaving the page. Without scripts the page still works.
"use strict";
const EVERY_MS = 1500;
const tags = new Map();

async function refresh(region) {
  const seen = tags.get(region);
  const answer = await fetch(region.dataset.live, { headers: seen ? { "If-None-Match": seen } : {}, cache: "no-store" });
  if (answer.status !== 200) return;
  tags.set(region, answer.headers.get("ETag"));
  const html = await answer.text();
  if (region.contains(document.activeElement) && document.activeElement.tagName === "BUTTON") document.activeElement.blur();
  const open = new Set([...region.querySelectorAll("details[open]")].map((one) => one.id));
  const scroller = document.querySelector("main");
  const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  const before = region.querySelectorAll(".message").length;
  region.innerHTML = html;
  for (const one of region.querySelectorAll("details")) if (open.has(one.id)) one.open = true;
  if (atEnd && region.querySelectorAll(".message").length > before) showNewest();
}

// As Slack does: the newest message first in sight, from its beginning.
function showNewest() {
  const newest = [...document.querySelectorAll("[data-follow] > .message")].at(-1);
  if (newest) newest.scrollIntoView({ block: "start" });
}

async function refreshAll() {
  const regions = [...document.querySelectorAll("[data-live]")];
  const outcomes = await Promise.allSettled(regions.map(refresh));
  document.body.classList.toggle("away", outcomes.some((one) => one.status === "rejected"));
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.classList.contains("click")) return;
  event.preventDefault();
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) return;
  const pressed = form.querySelector("button");
  pressed.disabled = true;
  pressed.classList.add("busy");
  try {
    await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  } finally {
    await refreshAll();
    pressed.disabled = false;
    pressed.classList.remove("busy");
  }
});

if (!location.hash) showNewest();

(async function follow() {
  if (!document.hidden) await refreshAll();
  setTimeout(follow, EVERY_MS);
})();
