// The page Query: runs without a reload, can be cancelled, and completes names. Without this file its forms do the same.
"use strict";

(() => {
  const editor = document.getElementById("editor");
  const sql = document.getElementById("sql");
  const status = document.getElementById("running");
  const cancel = document.getElementById("cancel");
  const LONG = 6000; // characters of a statement that no longer goes into an address
  let running = null; // { id, abort }

  // --- running ------------------------------------------------------------------------------------------------------

  function addressOf(form, submitter) {
    const data = new URLSearchParams(new FormData(form, submitter));
    if (running !== null) data.set("id", running.id);
    return data;
  }

  async function run(form, submitter) {
    if (running !== null) await stop();
    const mine = (running = { id: crypto.randomUUID(), abort: new AbortController() });
    const data = addressOf(form, submitter);
    const began = Date.now();
    const ticking = setInterval(() => {
      status.textContent = `running, ${Math.round((Date.now() - began) / 1000)} s`;
      cancel.hidden = false;
    }, 1000);
    document.body.classList.add("busy");
    try {
      const long = String(data).length > LONG;
      const answer = await fetch(long ? "/query" : `/query?${data}`, {
        method: long ? "POST" : "GET",
        body: long ? data : undefined,
        signal: mine.abort.signal,
        credentials: "same-origin",
        cache: "no-store",
      });
      show(new DOMParser().parseFromString(await answer.text(), "text/html"), form, submitter);
      data.delete("id");
      if (!long) history.pushState(null, "", `/query?${data}`);
      status.textContent = "";
    } catch (error) {
      status.textContent = error.name === "AbortError" ? "cancelled" : "the console does not answer";
    }
    clearInterval(ticking);
    if (running === mine) running = null;
    cancel.hidden = true;
    document.body.classList.remove("busy");
  }

  async function stop() {
    const mine = running;
    if (mine === null) return;
    status.textContent = "cancelling";
    await fetch("/query/cancel", { method: "POST", body: new URLSearchParams({ id: mine.id }), credentials: "same-origin" });
    mine.abort.abort();
  }

  function show(fresh, form) {
    const result = fresh.getElementById("result");
    const text = fresh.getElementById("sql");
    if (result === null || text === null) {
      document.documentElement.replaceWith(fresh.documentElement); // an error page
      return;
    }
    document.getElementById("result").replaceWith(document.importNode(result, true));
    if (form !== editor) sql.value = text.value;
    const line = Number(text.dataset.line || 0);
    sql.toggleAttribute("aria-invalid", line > 0);
    if (line > 0) sql.setAttribute("aria-invalid", "true");
    if (line > 0) mark(line);
    document.getElementById("told")?.setAttribute("role", "status");
  }

  // Where the engine says that something is wrong, that line is marked in the editor.
  function mark(line) {
    const lines = sql.value.split("\n");
    if (line > lines.length) return;
    const start = lines.slice(0, line - 1).reduce((length, each) => length + each.length + 1, 0);
    sql.focus();
    sql.setSelectionRange(start, start + lines[line - 1].length);
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.run")) return;
    event.preventDefault();
    run(event.target, event.submitter);
  });
  cancel.addEventListener("click", stop);
  window.addEventListener("popstate", () => location.reload());

  // --- completing ---------------------------------------------------------------------------------------------------

  const list = document.createElement("ul");
  list.id = "words";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Completions");
  list.hidden = true;
  sql.after(list);
  // A text area stays a text box to assistive technology: it may not be a combobox, but may have a list of its own.
  sql.setAttribute("aria-autocomplete", "list");
  sql.setAttribute("aria-haspopup", "listbox");
  const told = document.createElement("span");
  told.className = "visually-hidden";
  told.setAttribute("role", "status");
  list.after(told);
  document.getElementById("sql-hint").prepend("Ctrl+Enter runs it. Names complete as you type: Tab takes one, arrows choose, Escape closes. ");
  let known = null; // promise of { tables, functions, keywords }
  let chosen = -1;
  let moved = false; // Enter ends the line, unless somebody chose from the list

  function words() {
    known = known || fetch("/query/words", { credentials: "same-origin" }).then((answer) => answer.json()).catch(() => null);
    return known;
  }

  // What is written left of the caret: `table.` or an alias of it before, and the beginning of a name.
  function written() {
    const before = sql.value.slice(0, sql.selectionStart);
    const found = /(?:([A-Za-z_]\w*)\.)?([A-Za-z_]\w*)?$/.exec(before);
    return { of: (found[1] || "").toLowerCase(), start: (found[2] || "").toLowerCase() };
  }

  function aliases(tables) {
    const found = {};
    for (const [, table, alias] of sql.value.matchAll(/\b(?:from|join)\s+([a-z_]\w*)(?:\s+(?:as\s+)?([a-z_]\w*))?/gi)) {
      const name = Object.keys(tables).find((each) => each.toLowerCase() === table.toLowerCase());
      if (name) found[name.toLowerCase()] = name;
      if (name && alias) found[alias.toLowerCase()] = name;
    }
    return found;
  }

  function fitting({ tables, functions, keywords }, { of, start }) {
    const named = aliases(tables);
    if (of) {
      const table = named[of] || Object.keys(tables).find((each) => each.toLowerCase() === of);
      return Object.entries(tables[table] || {}).map(([name, kind]) => ({ name, about: kind.toLowerCase() }));
    }
    const used = [...new Set(Object.values(named))];
    const far = used.length === 0 && start.length > 1 ? Object.keys(tables) : []; // before FROM is written: of any table
    const some = [
      ...used.flatMap((table) => Object.keys(tables[table]).map((name) => ({ name, about: table }))),
      ...Object.keys(tables).map((name) => ({ name, about: "table" })),
      ...far.flatMap((table) => Object.keys(tables[table]).map((name) => ({ name, about: table }))),
      ...(start.length > 1 ? keywords.map((name) => ({ name, about: "" })) : []),
      ...(start.length > 1 ? functions.map((name) => ({ name, about: "function" })) : []),
    ];
    return some.filter((each, at) => some.findIndex((other) => other.name === each.name) === at);
  }

  async function complete() {
    const all = await words();
    const { of, start } = written();
    if (all === null || document.activeElement !== sql || sql.selectionStart !== sql.selectionEnd || (!of && !start)) return close();
    const found = fitting(all, { of, start })
      .filter(({ name }) => name.toLowerCase().startsWith(start) && name.toLowerCase() !== start)
      .slice(0, 30);
    if (found.length === 0) return close();
    list.replaceChildren(...found.map(({ name, about }, at) => {
      const item = document.createElement("li");
      item.id = `word-${at}`;
      item.setAttribute("role", "option");
      item.dataset.name = name;
      item.append(name);
      if (about) item.append(Object.assign(document.createElement("span"), { textContent: about }));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); choose(at); take(); });
      return item;
    }));
    place();
    list.hidden = false;
    sql.setAttribute("aria-controls", "words");
    told.textContent = `${found.length} ${found.length === 1 ? "name fits" : "names fit"}`;
    moved = false;
    choose(0);
  }

  // Below the line of the caret; the editor's font has one width.
  function place() {
    const lines = sql.value.slice(0, sql.selectionStart).split("\n");
    const style = getComputedStyle(sql);
    const height = parseFloat(style.lineHeight);
    const canvas = place.canvas || (place.canvas = document.createElement("canvas").getContext("2d"));
    canvas.font = `${style.fontSize} ${style.fontFamily}`;
    const left = canvas.measureText("m").width * lines[lines.length - 1].length - sql.scrollLeft + parseFloat(style.paddingLeft);
    const top = sql.offsetTop + parseFloat(style.paddingTop) + height * lines.length - sql.scrollTop + 4;
    list.style.top = `${Math.min(top, sql.offsetTop + sql.offsetHeight)}px`;
    list.style.left = `${Math.max(0, Math.min(left, sql.offsetWidth - 220))}px`;
  }

  function choose(at) {
    const items = [...list.children];
    chosen = (at + items.length) % items.length;
    items.forEach((item, number) => item.setAttribute("aria-selected", String(number === chosen)));
    sql.setAttribute("aria-activedescendant", `word-${chosen}`);
    items[chosen].scrollIntoView({ block: "nearest" });
  }

  function take() {
    const name = list.children[chosen].dataset.name;
    const { start } = written();
    const end = sql.selectionStart;
    const shown = /^[a-z_]\w*$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
    sql.setRangeText(shown, end - start.length, end, "end");
    close();
  }

  function close() {
    list.hidden = true;
    told.textContent = "";
    sql.removeAttribute("aria-controls");
    sql.removeAttribute("aria-activedescendant");
  }

  sql.addEventListener("input", complete);
  sql.addEventListener("blur", close);
  sql.addEventListener("click", close);
  sql.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      close();
      editor.requestSubmit(editor.querySelector("button.primary"));
    } else if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      complete();
    } else if (!list.hidden) {
      const keys = {
        ArrowDown: () => { moved = true; choose(chosen + 1); },
        ArrowUp: () => { moved = true; choose(chosen - 1); },
        Tab: take,
        Enter: moved ? take : undefined,
        Escape: close,
      };
      if (keys[event.key] && !event.shiftKey) {
        event.preventDefault();
        keys[event.key]();
      } else if (event.key === "Enter") {
        close();
      }
    }
  });
})();
