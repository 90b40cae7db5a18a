// Keeps pages up to date, says times in the reader's zone, and moves the focus where it is expected. No framework beside htmx.
(() => {
  "use strict";
  const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const POLL_MS = 2_000, TOLD_POLL_MS = 15_000, LONGEST_WAIT_MS = 30_000;

  // --- words: those of the page's language, from words.py; what is filled in stands in braces

  const lang = document.documentElement.lang, words = JSON.parse(document.documentElement.dataset.words);
  const plural = new Intl.PluralRules(lang);
  const say = (name, gaps = {}) => {
    const found = words[name], sentence = typeof found === "string" ? found : found[plural.select(gaps.number) === "one" ? 0 : 1];
    return sentence.replace(/\{(\w+)\}/g, (whole, gap) => gaps[gap] ?? whole);
  };

  // --- times: as words.py says them

  const length = (ms) => {
    if (ms < HOUR) return say("minutes", { minutes: Math.max(1, Math.floor(ms / MINUTE)) });
    if (ms < DAY) return say("hours", { hours: Math.floor(ms / HOUR) });
    return say("days", { number: Math.floor(ms / DAY) });
  };
  const locale = lang === "en" ? "en-GB" : lang;
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
  const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const ago = (at, now) => {
    const gone = now - at;
    if (gone < -MINUTE) return -gone < 14 * DAY ? say("in", { span: length(-gone) }) : day.format(at);
    if (gone < MINUTE) return say("now");
    return gone < 14 * DAY ? say("ago", { span: length(gone) }) : day.format(at);
  };
  const sayTimes = () => {
    const now = Date.now();
    for (const time of document.querySelectorAll("time[data-at]")) {
      const at = Number(time.dataset.at), said = ago(at, now), title = exact.format(at);
      if (time.textContent !== said) time.textContent = said;
      if (time.title !== title) time.title = title;
    }
    for (const time of document.querySelectorAll("time[data-moment]")) {
      const said = moment.format(Number(time.dataset.moment));
      if (time.textContent !== said) time.textContent = said;
    }
  };

  // --- live pages: what is typed, opened or selected stays as it is

  const trouble = (sentence) => {
    const place = document.getElementById("trouble");
    if (place.textContent !== sentence) place.textContent = sentence;
    place.hidden = !sentence;
  };
  let wait = POLL_MS, next = 0, lost = false, told = null;
  const refresh = () => {
    const live = document.querySelector("[data-live]");
    if (!live || document.hidden || Date.now() < next) return;
    next = Date.now() + (told?.readyState === EventSource.OPEN ? Math.max(wait, TOLD_POLL_MS) : wait);
    htmx.trigger(live, "refresh");
  };
  // The server says when something changed. Only the tab in front holds a connection: browsers allow few to one server.
  const listen = () => {
    if (document.hidden || !document.querySelector("[data-live]")) {
      told?.close();
      told = null;
    } else if (!told || told.readyState === EventSource.CLOSED) {
      told = new EventSource("/live/events");
      told.addEventListener("change", () => { next = 0; refresh(); });
    }
  };
  const isTyping = () => {
    const field = document.activeElement;
    return field && field.matches("textarea, input:not(.pick)") && field.closest("[data-live]");
  };
  const isSelecting = () => {
    const selection = window.getSelection();
    return selection && !selection.isCollapsed && selection.anchorNode && selection.anchorNode.parentElement?.closest("[data-live]");
  };

  // --- several cases at once: while some are chosen the list stands still

  const chosen = () => document.querySelectorAll(".pick:checked").length;
  const sayChosen = () => {
    const form = document.getElementById("several");
    if (!form) return;
    const count = chosen();
    form.hidden = !count;
    const sentence = say("chosen", { number: count });
    const place = document.getElementById("picked");
    if (count && place.textContent !== sentence) place.textContent = sentence;
  };
  document.addEventListener("change", (event) => { if (event.target.matches(".pick")) sayChosen(); });

  let said = "";
  const tell = () => {
    const live = document.querySelector("[data-live]");
    if (!live) return;
    const waiting = Number(live.dataset.waiting || 0);
    document.title = `${waiting ? `(${waiting}) ` : ""}${live.dataset.page} · Mythwatch`;
    if (said && said !== live.dataset.news) document.getElementById("news").textContent = live.dataset.news;
    said = live.dataset.news;
  };

  const prepare = () => {
    sayTimes();
    tell();
    sayChosen();
    for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  };

  document.addEventListener("DOMContentLoaded", () => {
    Idiomorph.defaults.ignoreActiveValue = true;
    // What the reader opened stays open; a form that is open keeps what was typed into it.
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.tagName === "DETAILS") && name !== "hidden";
    Idiomorph.defaults.callbacks.beforeNodeMorphed = (node) => !(node instanceof Element && node.matches("details[data-keep][open]") && !deciding);
    prepare();
    setInterval(refresh, 500);
    listen();
    setInterval(listen, 30_000);
    setInterval(sayTimes, 15_000);
  });

  let deciding = false;
  document.addEventListener("htmx:beforeSwap", (event) => {
    // A draft that was asked for fills its own field; only a decision changes the whole case.
    deciding = event.detail.requestConfig.verb === "post" && event.detail.target.matches("[data-live]");
    if (!deciding && event.detail.target.matches("[data-live]") && event.detail.elt.matches("[data-live]") && (isTyping() || isSelecting() || chosen())) event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (deciding) for (const drop of document.querySelectorAll("details.drop[data-keep]")) drop.open = false;
    deciding = false;
    prepare();
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    // The button that was pressed is gone: the focus goes to what came of it.
    const outcome = document.getElementById("outcome");
    if (event.detail.target.id === "outcome" && outcome) outcome.focus();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { xhr, successful } = event.detail;
    if (successful) {
      wait = POLL_MS;
      if (lost) trouble("");
      lost = false;
      return;
    }
    if (xhr.status === 401) return;
    const isPoll = event.detail.requestConfig?.verb === "get";
    const given = xhr.status && (xhr.getResponseHeader("Content-Type") || "").startsWith("text/plain") ? xhr.responseText : "";
    lost = isPoll;
    if (isPoll) {
      wait = Math.min(LONGEST_WAIT_MS, wait * 2);
      trouble(given || say("away"));
    } else {
      trouble(given || say("unchanged"));
      document.getElementById("main").focus();
    }
  });
  document.addEventListener("htmx:abort", () => { next = 0; });
  document.addEventListener("visibilitychange", () => { next = 0; refresh(); listen(); });
  window.addEventListener("pagehide", () => told?.close());

  // --- small things

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    const before = button.textContent;
    button.textContent = say("copied");
    document.getElementById("news").textContent = say("copied");
    setTimeout(() => { button.textContent = before; }, 2_000);
  });
  // The length of an answer as it is written; the server counts again, by each platform's own rules.
  const graphemes = window.Intl?.Segmenter ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
  const light = (code) => code <= 4351 || (code >= 8192 && code <= 8205) || (code >= 8208 && code <= 8223) || (code >= 8242 && code <= 8247);
  const counted = (text, place) => {
    const plain = place === "x" || place === "mastodon" ? text.replace(/https?:\/\/\S+/g, "u".repeat(23)) : text;
    const parts = graphemes ? [...graphemes.segment(plain.normalize("NFC"))].map((part) => part.segment) : [...plain];
    return place !== "x" ? parts.length : parts.reduce((sum, part) => sum + ([...part].length === 1 && light(part.codePointAt(0)) ? 1 : 2), 0);
  };
  document.addEventListener("input", (event) => {
    const field = event.target.closest?.("textarea[data-meter]");
    if (!field) return;
    const meter = document.getElementById(field.getAttribute("aria-describedby").split(" ")[0]), limit = Number(field.dataset.limit);
    const count = counted(field.value.trim(), field.dataset.meter);
    meter.textContent = say(count > limit ? "tooLong" : "fits", { count, limit, over: count - limit });
    meter.classList.toggle("over", count > limit);
  });

  document.addEventListener("keydown", (event) => {
    // In the list of cases, while it has the focus: x chooses, up and down go on.
    if (event.key === "x" && event.target.matches?.(".row h3 a")) event.target.closest(".row").querySelector(".pick")?.click();
    if ((event.key !== "ArrowDown" && event.key !== "ArrowUp") || !event.target.matches?.(".row h3 a")) return;
    const links = [...document.querySelectorAll(".row h3 a")];
    const to = links[links.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
    if (to) { to.focus(); event.preventDefault(); }
  });
})();
