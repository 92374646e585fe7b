// Brings the static page to life: search and filters of the table, evidence on demand, light and dark.
// Text comes from wheels: it is only ever set as text, never as markup.
"use strict";

{
  const byId = (id) => document.getElementById(id);
  const readJson = (id) => JSON.parse(byId(id).textContent);

  /**
   * An element with a class and children; strings become text.
   * @param {string} name
   * @param {string} className
   * @param {...(Node|string)} children
   * @returns {HTMLElement}
   */
  const make = (name, className, ...children) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children);
    return element;
  };

  // Light and dark.

  const theme = byId("theme");
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
  // Where a browser keeps nothing for a page, such as for files, the choice lasts as long as the page.
  const kept = (use) => {
    try {
      return use(localStorage);
    } catch {
      return null;
    }
  };
  const isDark = () => (document.documentElement.dataset.theme ?? (systemIsDark.matches ? "dark" : "light")) === "dark";
  const showTheme = () => theme.setAttribute("aria-pressed", String(isDark()));
  const chosen = kept((storage) => storage.getItem("ungil-theme"));
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  theme.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    kept((storage) => storage.setItem("ungil-theme", next));
    showTheme();
  });
  systemIsDark.addEventListener("change", showTheme);
  showTheme();
  theme.hidden = false;

  // Search and filters.

  const form = byId("filters");
  const query = byId("query");
  const target = byId("target");
  const count = byId("count");
  const more = byId("more");
  // So many rows are laid out within a moment, however many packages there are.
  const MOST = 60;
  const table = byId("matrix");
  const heads = [...table.tHead.rows[0].cells];
  const search = readJson("search");
  const rows = [...table.tBodies[0].rows].map((row, number) => ({
    row,
    number,
    text: search[number],
    /** @type {string[]} one class for each target */
    verdicts: [...row.cells].slice(1).map((cell) => cell.className),
    /** @type {HTMLTableRowElement|null} */
    details: null,
  }));

  /** The row has every word, and one of the verdicts on the target, or on any. */
  const matches = (entry, words, verdicts, column) => {
    const shown = column === "" ? entry.verdicts : [entry.verdicts[Number(column)]];
    if (column !== "" && shown[0] === "none") return false;
    if (verdicts.size > 0 && !shown.some((verdict) => verdicts.has(verdict))) return false;
    return words.every((word) => entry.text.includes(word));
  };

  /** Shows the rows that match, at most so many; returns all that match. */
  const show = (most) => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set(new FormData(form).getAll("verdict"));
    const found = rows.filter((entry) => matches(entry, words, verdicts, target.value));
    const shown = new Set(found.slice(0, most));
    for (const entry of rows) {
      const hidden = !shown.has(entry);
      if (entry.row.hidden !== hidden) entry.row.hidden = hidden;
      if (entry.details) entry.details.hidden = hidden || !isOpen(entry);
    }
    const all = found.length === rows.length ? "All" : `${found.length} of`;
    const part = found.length > most ? `; the first ${most} are shown` : "";
    count.textContent = found.length === 0 ? "No package version is like that" : `${all} ${rows.length} package versions${part}`;
    more.hidden = found.length <= most;
    more.textContent = `Show the other ${found.length - most}`;
    return found;
  };
  const applyFilters = () => show(MOST);

  /** Shows one target's column alone, or all of them. */
  const columns = new CSSStyleSheet();
  document.adoptedStyleSheets = [columns];
  const applyColumns = () => {
    const others = `#matrix tr > :nth-child(n + 2):not(:nth-child(${Number(target.value) + 2}))`;
    columns.replaceSync(target.value === "" ? "" : `${others} { display: none }`);
  };

  query.addEventListener("input", applyFilters);
  target.addEventListener("change", applyColumns);
  form.addEventListener("change", applyFilters);
  more.addEventListener("click", () => {
    show(Infinity)[MOST].row.querySelector("button").focus();
  });
  // On paper nothing can be clicked.
  addEventListener("beforeprint", () => show(Infinity));
  addEventListener("afterprint", applyFilters);
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("show-all").addEventListener("click", () => {
    form.reset();
    applyColumns();
    applyFilters();
    query.focus();
  });
  applyFilters();
  form.hidden = false;
  count.hidden = false;

  // Evidence on demand. What the numbers mean stands in details.rs.

  let data = null;
  const read = () => {
    data ??= readJson("details");
    return data;
  };
  const word = (number) => read().texts[number];
  /** A sentence in which code stands between backticks. */
  const withCode = (sentence) => {
    const parts = sentence.split("`");
    return parts.length % 2 === 0 ? [sentence] : parts.map((part, number) => (number % 2 ? make("code", "", part) : part));
  };
  const list = (className, items) => make("ul", className, ...items.map((item) => make("li", "", item)));
  const evidence = (seen) => list("seen", seen.map(([text, address]) => (address ? `${word(text)} at ${address}` : word(text))));

  const findingOf = ([rule, level, certainty, message, help, , seen]) => {
    const parts = [make("p", "message", make("code", "", word(rule)), ` (${word(level)}) `, ...withCode(word(message)))];
    if (word(certainty)) parts[0].append(" Whether it is so is unknown.");
    if (word(help)) parts.push(make("p", "do", make("b", "", "What to do: "), ...withCode(word(help))));
    if (seen.length > 0) parts.push(evidence(seen));
    return make("div", "finding", ...parts);
  };

  const moduleOf = ([path, name, gil, reason, toolchain, seen]) => {
    const summary = make("summary", "", make("code", "", word(name)), ` ${word(gil)}: ${word(reason)}`);
    const where = make("p", "files", word(path), word(toolchain) ? `, made with ${word(toolchain)}` : "");
    return make("details", "", summary, where, evidence(seen));
  };

  /** Findings that say the same of several modules are one. */
  const distinct = (findings) => {
    const known = new Map();
    for (const finding of findings) {
      const key = `${finding[0]} ${finding[2]} ${finding[4]}`;
      const first = known.get(key);
      if (first) first.more += 1;
      else known.set(key, { finding, more: 0 });
    }
    return [...known.values()].map(({ finding, more }) => {
      const element = findingOf(finding);
      if (more > 0) element.firstChild.append(` (and the same of ${more} more)`);
      return element;
    });
  };

  const resultOf = ([number, verdict, reason, file, declarers, leftOut, findings, modules, notes]) => {
    const name = heads[number + 1].textContent;
    const badge = make("span", `badge ${word(verdict)}`, word(verdict));
    const result = make("section", "result", make("h3", "", `${name} `, badge), make("p", "", word(reason)));
    if (file) result.append(make("p", "files", word(file)));
    if (declarers.length > 0) result.append(make("p", "", `Declared ${declarers.map(word).join(", ")}. A declaration is not a proof.`));
    result.append(...notes.map(([label, text]) => make("p", "note", make("b", "", word(label)), ` ${word(text)}`)));
    result.append(...distinct(findings));
    if (leftOut.length > 0) result.append(make("p", "label", "Large libraries that were not fetched"), list("files", leftOut.map(word)));
    if (modules.length > 0) result.append(make("p", "label", `Compiled modules (${modules.length})`), ...modules.map(moduleOf));
    return result;
  };

  const isOpen = (entry) => entry.row.cells[0].firstChild.getAttribute("aria-expanded") === "true";

  const toggle = (entry, button) => {
    const open = !isOpen(entry);
    if (!entry.details) {
      const [paths, ...results] = read().rows[entry.number];
      const cell = make("td", "", ...results.map(resultOf), make("p", "label", "Came in through"), list("paths", paths.map(word)));
      cell.colSpan = heads.length;
      entry.details = make("tr", "details", cell);
      entry.details.id = `details-${entry.number}`;
      button.setAttribute("aria-controls", entry.details.id);
      entry.row.after(entry.details);
    }
    entry.details.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };

  for (const entry of rows) {
    const head = entry.row.cells[0];
    const button = make("button", "open", ...head.childNodes);
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    head.append(button);
  }
  table.tBodies[0].addEventListener("click", (event) => {
    const button = event.target.closest("button.open");
    const entry = button && rows.find(({ row }) => row === button.closest("tr"));
    if (entry) toggle(entry, button);
  });
}
