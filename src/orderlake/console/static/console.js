// Live pages: when the lake changes, the parts marked data-live are replaced by those of a fresh copy of the page.
"use strict";

(() => {
  const status = document.getElementById("live");
  const RETRY = 2000; // ms until a part that the user works in is tried again
  let shown = document.documentElement.dataset.token; // what the lake was when this page was made
  let wanted = shown;
  let busy = false;
  let tried = shown; // what the parts were last compared with
  let left = []; // parts that were in use then
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

  // What is being looked at stays where it is on the screen, however much comes in above it.
  function place(part) {
    const seen = document.elementFromPoint(window.innerWidth / 2, window.innerHeight / 3);
    if (seen === null || window.scrollY === 0) return null;
    return { seen, top: seen.getBoundingClientRect().top, steps: part.contains(seen) ? path(part, seen) : null };
  }

  function settle(kept, fresh) {
    if (kept === null) return;
    const seen = kept.steps === null ? kept.seen : follow(fresh, kept.steps);
    if (seen) window.scrollBy(0, seen.getBoundingClientRect().top - kept.top);
  }

  function replace(part, fresh) {
    const active = document.activeElement;
    const focused = part.contains(active) ? { id: active.id, steps: path(part, active) } : null;
    const scrolled = [...part.querySelectorAll(".table-wrap"), part].filter((each) => each.scrollLeft || each.scrollTop);
    const places = scrolled.map((each) => [path(part, each), each.scrollLeft, each.scrollTop]);
    const unfolded = [...part.querySelectorAll("details")].map((each) => [path(part, each), each.open]);
    const kept = place(part);
    part.replaceWith(fresh);
    unfolded.forEach(([steps, open]) => {
      const each = follow(fresh, steps);
      if (each instanceof HTMLDetailsElement) each.open = open;
    });
    places.forEach(([steps, along, down]) => {
      const each = follow(fresh, steps);
      if (each) [each.scrollLeft, each.scrollTop] = [along, down];
    });
    if (focused !== null) {
      const again = (focused.id && document.getElementById(focused.id)) || follow(fresh, focused.steps);
      if (again) again.focus({ preventScroll: true });
    }
    made.set(fresh, fresh.cloneNode(true));
    equip(fresh);
    settle(kept, fresh);
    document.dispatchEvent(new CustomEvent("live:replaced", { detail: fresh }));
  }

  async function refresh() {
    const parts = [...document.querySelectorAll("[data-live][id]")];
    if (busy || document.hidden || shown === wanted || parts.length === 0) return;
    if (tried === wanted && left.some((part) => part.isConnected && inUse(part))) {
      setTimeout(refresh, RETRY);
      return;
    }
    busy = true;
    const aim = wanted;
    let later = false;
    left = [];
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      const copy = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok) throw new Error(answer.statusText);
      for (const part of parts) {
        const fresh = copy.getElementById(part.id);
        if (!part.isConnected || fresh === null || (made.get(part) || part).isEqualNode(fresh)) continue;
        if (inUse(part)) left.push(part);
        else replace(part, document.importNode(fresh, true));
      }
      tried = aim;
      if (left.length === 0) shown = aim;
      else later = true;
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
  // Browsers keep six connections to one address, for all tabs together. So one page that is seen listens, by turns, and
  // tells the others; when it goes, or is put in the back, the next one takes over.
  const others = "BroadcastChannel" in window ? new BroadcastChannel("orderlake-live") : null;
  let known = null; // {state, token}: what the page that listens knows
  let end = null; // ends listening, or waiting for the turn

  function hear(news) {
    say(news.state);
    if (news.token !== undefined) {
      wanted = news.token;
      refresh();
    }
  }

  function tell(news) {
    known = { ...known, ...news };
    hear(known);
    if (others !== null) others.postMessage(known);
  }

  function open(ended) {
    const source = new EventSource("/live");
    source.addEventListener("open", () => tell({ state: "live" }));
    source.addEventListener("change", (event) => tell({ token: event.data }));
    source.addEventListener("error", () => {
      tell({ state: "reconnecting" });
      if (source.readyState === EventSource.CLOSED) { // refused: it would not try again by itself
        hush();
        setTimeout(listen, RETRY);
      }
    });
    end = () => {
      source.close();
      known = null;
      end = null;
      ended();
    };
  }

  function listen() {
    if (end !== null || document.hidden || typeof EventSource === "undefined") return;
    if (others === null || !navigator.locks) {
      open(() => {});
      return;
    }
    end = () => {};
    navigator.locks.request("orderlake-live", () => new Promise((ended) => {
      end = null;
      if (document.hidden) ended();
      else open(ended);
    }));
    others.postMessage("news?");
  }

  function hush() {
    if (end !== null) end();
  }

  if (others !== null) {
    others.addEventListener("message", ({ data }) => {
      if (data !== "news?") hear(data);
      else if (known !== null) others.postMessage(known);
    });
  }
  equip(document);
  setInterval(() => tick(document), 30000);
  listen();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hush();
    else {
      listen();
      if (others !== null) others.postMessage("news?");
      refresh();
    }
  });
  window.addEventListener("pagehide", hush);
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
