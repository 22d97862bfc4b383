// The page Quality: what is still being worked out is asked for until it is there.
"use strict";

(() => {
  const PAUSE = 1000; // ms
  async function look() {
    const part = document.querySelector("[data-pending]");
    if (part === null) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
      if (fresh !== null && !("pending" in fresh.dataset)) part.replaceWith(document.importNode(fresh, true));
    } catch {
      // the console is away for now
    }
    setTimeout(look, PAUSE);
  }
  setTimeout(look, PAUSE);
})();
