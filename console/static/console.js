// Small comforts over pages that work without them: keys, completion, comparing, following.
"use strict";

(() => {
  const csrf = document.body.dataset.csrf;
  const box = document.getElementById("filter");

  // -- keys: / to the box, j and k through the records, Enter opens ----------------------------
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && box) {
      event.preventDefault();
      box.focus();
      box.select();
    }
    if (event.key === "j" || event.key === "k") {
      const links = [...document.querySelectorAll(".records .when a")];
      const at = links.indexOf(document.activeElement);
      const next = links[Math.max(0, at + (event.key === "j" ? 1 : -1))];
      if (next) next.focus();
    }
  });

  // -- comparing: the button waits for two ------------------------------------------------------
  const compare = document.querySelector("[data-needs-two]");
  if (compare) {
    const look = () => {
      const chosen = document.querySelectorAll("input[name=pick]:checked").length;
      compare.disabled = chosen !== 2;
      compare.title = chosen === 2 ? "" : "Choose two records in the table";
    };
    document.addEventListener("change", look);
    look();
  }

  // -- following: what is stored meanwhile comes in on top --------------------------------------
  const live = document.querySelector("[data-live]");
  const rows = document.querySelector("[data-rows]");
  if (live && rows) {
    const status = document.querySelector("[data-status]");
    const look = async () => {
      const shown = [...rows.children].slice(0, 300).map((row) => row.dataset.id);
      try {
        const answer = await fetch(live.dataset.live, {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
          body: JSON.stringify({ shown }),
        });
        if (answer.status === 200) {
          const part = document.createElement("template");
          part.innerHTML = `<table><tbody>${await answer.text()}</tbody></table>`;
          const fresh = [...part.content.querySelectorAll("tr")];
          rows.prepend(...fresh);
          while (rows.children.length > 300) rows.lastElementChild.remove();
          status.textContent = fresh.length ? `${fresh.length} new` : "";
        } else {
          status.textContent = "cannot follow: load the page again";
          return;
        }
      } catch {
        status.textContent = "the service does not answer; trying again";
      }
      setTimeout(look, document.hidden ? 10000 : 2000);
    };
    setTimeout(look, 1000);
  }

  // -- exporting: how far it is, while the browser takes the ZIP --------------------------------
  const exporting = document.querySelector("[data-export]");
  if (exporting) {
    const shown = exporting.querySelector("[data-progress]");
    const bar = shown.querySelector("progress");
    const status = shown.querySelector("[role=status]");
    let watching = false;
    const look = async () => {
      const answer = await fetch(`/export/progress?run=${exporting.elements.run.value}`).catch(() => null);
      const told = answer && answer.ok ? await answer.json() : { done: 0, of: null, ended: false };
      if (told.of) {
        bar.max = told.of;
        bar.value = told.done;
      }
      const records = `${told.done.toLocaleString("en")} records`;
      status.textContent = told.ended ? `${records}, done` : records;
      watching = !told.ended;
      if (told.ended) bar.value = bar.max;
      else setTimeout(look, 500);
    };
    exporting.addEventListener("submit", () => {
      exporting.elements.run.value = String(Date.now());
      bar.removeAttribute("value");
      shown.hidden = false;
      if (!watching) setTimeout(look, 300);
      watching = true;
    });
  }

  // -- completion: field names, then the values that a field takes ------------------------------
  if (!box) return;
  let fields = null;
  let options = [];
  let active = -1;
  const list = document.createElement("ul");
  list.className = "options";
  list.id = "filter-options";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Completions");
  box.parentElement.append(list);
  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id);
  box.setAttribute("aria-expanded", "false");

  const load = async () => {
    if (fields) return;
    fields = [];
    try {
      const answer = await fetch("/api/v1/fields");
      if (answer.ok) fields = (await answer.json()).fields;
    } catch {
      fields = null;
    }
  };

  const quoted = (value) => (/^[^\s()"*]+$/.test(value) ? value : `"${value.replace(/(["\\])/g, "\\$1")}"`);

  // The word that is being typed, and where it begins.
  const word = () => {
    const before = box.value.slice(0, box.selectionStart);
    const found = /[^\s()]*$/.exec(before)[0];
    const bare = found.startsWith("-") ? found.slice(1) : found;
    return { text: bare, from: before.length - bare.length };
  };

  const propose = () => {
    const { text } = word();
    if (!fields || !text || text.includes('"')) return [];
    const [, name, sign, value] = /^([a-z_]*)(>=|<=|[:<>])?(.*)$/i.exec(text);
    if (!sign) {
      return fields
        .filter((field) => field.name.startsWith(name.toLowerCase()))
        .map((field) => ({ insert: `${field.name}:`, show: `${field.name}:`, tell: field.sentence }));
    }
    const field = fields.find((each) => each.name === name.toLowerCase());
    if (!field) return [];
    const seen = [...document.querySelectorAll(`[data-field="${field.name}"]`)].map((each) => each.dataset.value);
    const truths = field.kind === "truth" ? ["true", "false"] : [];
    const known = [...new Set([...field.choices, ...truths, ...seen])];
    return known
      .filter((each) => each.toLowerCase().startsWith(value.toLowerCase()) && each !== value)
      .map((each) => ({ insert: `${field.name}${sign}${quoted(each)} `, show: each, tell: "" }));
  };

  const close = () => {
    list.hidden = true;
    active = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  };

  const mark = () => {
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === active)));
    if (active >= 0) {
      box.setAttribute("aria-activedescendant", `filter-option-${active}`);
      list.children[active].scrollIntoView({ block: "nearest" });
    } else {
      box.removeAttribute("aria-activedescendant");
    }
  };

  const show = async () => {
    await load();
    options = propose().slice(0, 40);
    active = -1;
    list.replaceChildren(
      ...options.map((option, at) => {
        const item = document.createElement("li");
        item.id = `filter-option-${at}`;
        item.setAttribute("role", "option");
        const name = document.createElement("b");
        name.textContent = option.show;
        const told = document.createElement("span");
        told.textContent = option.tell;
        item.append(name, told);
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          take(at);
        });
        return item;
      }),
    );
    list.hidden = options.length === 0;
    box.setAttribute("aria-expanded", String(!list.hidden));
    mark();
  };

  const take = (at) => {
    const { text, from } = word();
    const rest = box.value.slice(from + text.length);
    const { insert } = options[at];
    box.value = box.value.slice(0, from) + insert + rest.trimStart();
    box.setSelectionRange(from + insert.length, from + insert.length);
    if (insert.endsWith(":")) show();
    else close();
  };

  box.addEventListener("input", show);
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      active = (active + step + options.length) % options.length;
      mark();
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      take(active);
    } else if (event.key === "Tab" && !event.shiftKey && active >= 0) {
      event.preventDefault();
      take(active);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
  });
})();
