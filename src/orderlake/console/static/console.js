// Live pages: when the lake changes, the parts marked data-live are replaced by those of a fresh copy of the page.
"use strict";

(() => {
  const status = document.getElementById("live");
  const RETRY = 2000; // ms until a part that the user works in is tried again
  let shown = document.documentElement.dataset.token; // what the lake was when this page was made
  let wanted = shown;
  let busy = false;
  const made = new WeakMap(); // each part as the server made it, before scripts changed it

  function say(state) {
    if (status !== null && status.dataset.state !== state) {
      status.dataset.state = state;
      status.textContent = state;
    }
  }

  // A part is left alone while somebody types, picks, or has marked text in it.
  function inUse(part) {
    const active = document.activeElement;
    if (active !== null && active !== part && part.contains(active) && active.matches("input, select, textarea")) {
      return true;
    }
    const marked = document.getSelection();
    return marked !== null && !marked.isCollapsed && part.contains(marked.anchorNode);
  }

  // Where an element is below a part, as child numbers: what had the focus has it again, at the same place.
  function path(part, element) {
    const steps = [];
    for (let at = element; at !== part; at = at.parentElement) {
      steps.unshift(Array.prototype.indexOf.call(at.parentElement.children, at));
    }
    return steps;
  }

  function follow(part, steps) {
    return steps.reduce((at, step) => at && at.children[step], part);
  }

  function replace(part, fresh) {
    const active = document.activeElement;
    const focused = part.contains(active) ? { id: active.id, steps: path(part, active) } : null;
    const scrolled = [...part.querySelectorAll(".table-wrap"), part].filter((each) => each.scrollLeft || each.scrollTop);
    const places = scrolled.map((each) => [path(part, each), each.scrollLeft, each.scrollTop]);
    const open = [...part.querySelectorAll("details[open]")].map((each) => path(part, each));
    const [left, top] = [window.scrollX, window.scrollY];
    part.replaceWith(fresh);
    open.map((steps) => follow(fresh, steps)).forEach((each) => {
      if (each instanceof HTMLDetailsElement) each.open = true;
    });
    places.forEach(([steps, x, y]) => {
      const each = follow(fresh, steps);
      if (each) [each.scrollLeft, each.scrollTop] = [x, y];
    });
    if (focused !== null) {
      const again = (focused.id && document.getElementById(focused.id)) || follow(fresh, focused.steps);
      if (again) again.focus({ preventScroll: true });
    }
    window.scrollTo(left, top);
    made.set(fresh, fresh.cloneNode(true));
    equip(fresh);
    document.dispatchEvent(new CustomEvent("live:replaced", { detail: fresh }));
  }

  async function refresh() {
    const parts = [...document.querySelectorAll("[data-live][id]")];
    if (busy || document.hidden || shown === wanted || parts.length === 0) return;
    busy = true;
    const aim = wanted;
    let later = false;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      const copy = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok) throw new Error(answer.statusText);
      for (const part of parts) {
        const fresh = copy.getElementById(part.id);
        if (!part.isConnected || fresh === null || (made.get(part) || part).isEqualNode(fresh)) continue;
        if (inUse(part)) later = true;
        else replace(part, document.importNode(fresh, true));
      }
      if (!later) shown = aim;
    } catch {
      later = true; // the console is away, or cannot read the lake for now
    }
    busy = false;
    if (later) setTimeout(refresh, RETRY);
    else if (shown !== wanted) refresh();
  }

  // Times like "2 min ago" go on, and what needs scripts shows itself.
  function tick(root) {
    for (const each of root.querySelectorAll("time[data-ago]")) {
      const seconds = (Date.now() - Date.parse(each.dateTime)) / 1000;
      const [length, unit] = [[86400, "d"], [3600, "h"], [60, "min"]].find(([each]) => seconds >= each) || [0, ""];
      if (!Number.isNaN(seconds)) each.textContent = length ? `${Math.floor(seconds / length)} ${unit} ago` : "just now";
    }
  }

  function equip(root) {
    tick(root);
    for (const button of root.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        const before = button.textContent;
        try {
          await navigator.clipboard.writeText(button.dataset.copy);
          button.textContent = "copied";
        } catch {
          button.textContent = "not allowed";
        }
        setTimeout(() => { button.textContent = before; }, 1500);
      });
    }
  }

  document.querySelectorAll("[data-live][id]").forEach((part) => made.set(part, part.cloneNode(true)));
  equip(document);
  setInterval(() => tick(document), 30000);
  document.addEventListener("visibilitychange", refresh);
  if (typeof EventSource === "undefined") return;
  const source = new EventSource("/live");
  source.addEventListener("open", () => say("live"));
  source.addEventListener("error", () => say("reconnecting"));
  source.addEventListener("change", (event) => {
    wanted = event.data;
    refresh();
  });
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
