"use strict";
// What the page is about, read once. Positions in a row: pipeline/report/rows.py.
const facts = JSON.parse(document.getElementById("facts").textContent);
const WANTED = 1, REPLACED = 2, SETTLED = 4, OWN_NAME = 8;

const word = (number) => (number === undefined || number === null || number < 0 ? null : facts.words[number]);
const path = (name) => name.split("/").map(encodeURIComponent).join("/");

class Take {
  constructor(row, order) {
    [this.key, this.version, , , this.prompt, , , , this.usd, this.estimate] = row;
    this.row = row;
    this.order = order;
    this.state = word(row[2]);
    this.wanted = Boolean(row[3] & WANTED);
    this.model = word(row[5]);
    const [intent, accepted, ready, loading, ended] = row[10];
    Object.assign(this, { intent, accepted, ready, loading, ended });
    this.render = accepted !== null && ready !== null ? Math.max(0, ready - accepted) : null;
  }
  get replaced() { return Boolean(this.row[3] & REPLACED); }
  get settled() { return Boolean(this.row[3] & SETTLED); }
  get settings() { return word(this.row[6]); }
  get tags() { return this.row[7].map(word); }
  get size() { return this.row[11] ?? null; }
  get reason() { return word(this.row[12]); }
  get parent() { return this.row[13]?.[0] ?? null; }
  get video() { return this.row[13]?.[1] ?? null; }
  get pictures() { return (this.row[13]?.[2] ?? []).map(([field, href, name]) => ({ field: word(field), href, name })); }
  get probe() { return this.row[14] ?? null; }
  get noticed() { return (this.probe?.[3] ?? []).map(word); }
  get remoteId() { return this.row[15] ?? null; }
  get reusedFrom() { return word(this.row[16]); }
  get label() { return `${this.key}.${this.version}`; }
  get clip() {
    if (this.size === null) return null;
    return this.row[3] & OWN_NAME ? `clips/${path(this.key)}.mp4` : `superseded/${path(this.label)}.mp4`;
  }
  get poster() { return `posters/${path(this.label)}.webp`; }
  get haystack() {
    this.text ??= [this.key, this.prompt, this.reason ?? "", ...this.tags].join("\n").toLowerCase();
    return this.text;
  }
}

const takes = JSON.parse(document.getElementById("rows").textContent).map((row, order) => new Take(row, order));
const wanted = new Map();
const byKey = new Map();
const children = new Map();
for (const take of takes) {
  if (take.wanted) wanted.set(take.key, take);
  if (!byKey.has(take.key)) byKey.set(take.key, []);
  byKey.get(take.key).push(take);
  if (take.wanted && take.parent !== null) {
    if (!children.has(take.parent)) children.set(take.parent, []);
    children.get(take.parent).push(take);
  }
}

// --- words for people

const usd = (value) => (value === null ? "–" : `$${value.toFixed(Math.abs(value * 100 - Math.round(value * 100)) > 1e-6 ? 4 : 2)}`);
const moment = (seconds) => (seconds === null || seconds === undefined ? "–"
  : new Date((facts.since + seconds) * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" }));
const bytes = (value) => (value < 1e6 ? `${(value / 1e3).toFixed(0)} kB` : `${(value / 1e6).toFixed(1)} MB`);
function lasted(seconds) {
  if (seconds === null) return "–";
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds) % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
const stateClass = (state) => `s-${state.replace(/ /g, "-")}`;

// As Python's shlex.quote: one word for a shell, whatever is in it.
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\"'\"'")}'`);
const redoCommand = (keys) => [facts.redo, ...(keys.some((key) => key.startsWith("-")) ? ["--"] : []), ...keys.map(quoted)].join(" ");

// --- elements: text is only ever text

function make(tag, given = {}, ...inner) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...inner.filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}
const say = (text) => { document.getElementById("said").textContent = text; };

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea", { class: "unseen", "aria-hidden": "true" });
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  const before = button.textContent;
  button.textContent = "Copied";
  say("Copied");
  setTimeout(() => { button.textContent = before; }, 1500);
}
const command = (name, line) => make("p", { class: "command" },
  make("span", { class: "quiet" }, name), make("code", { dir: "ltr" }, line),
  make("button", { type: "button", onclick: (event) => copy(line, event.currentTarget) }, "Copy"));
