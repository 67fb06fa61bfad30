// The gallery: only cards near the window exist, so that 10,000 jobs scroll like ten.
const list = document.getElementById("list");
const GAP = 12, LEAST_WIDTH = 250, TEXT_HEIGHT = 142, SPARE_ROWS = 2, HOVER_MS = 160;
const cards = new Map();
const picks = new Set();
let shownTakes = [];
let columns = 1, cardWidth = LEAST_WIDTH, rowHeight = 300;

// --- what is shown

const SORTS = {
  order: null,
  name: (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.order - b.order),
  cost: (a, b) => (b.usd ?? -1) - (a.usd ?? -1) || a.order - b.order,
  render: (a, b) => (b.render ?? -1) - (a.render ?? -1) || a.order - b.order,
  newest: (a, b) => (b.ended ?? -1) - (a.ended ?? -1) || a.order - b.order,
};
const KINDS = {
  "": (take) => take.wanted,
  "to look at": (take) => take.wanted && take.noticed.length > 0,
  older: (take) => !take.wanted,
};
const field = (name) => document.getElementById(name);

function search() {
  const words = field("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const state = field("state").value, model = field("model").value, tag = field("tag").value;
  const kind = KINDS[state] ?? ((take) => take.wanted && take.state === state);
  const found = takes.filter((take) => kind(take)
    && (model === "" || take.model === model)
    && (tag === "" || take.tags.includes(tag))
    && words.every((each) => take.haystack.includes(each)));
  const by = SORTS[field("sort").value];
  if (by) found.sort(by);
  shownTakes = found;
  const all = takes.reduce((count, take) => count + take.wanted, 0);
  field("found").textContent = found.length === all ? `${all} clips` : `${found.length} of ${all} clips`;
  for (const card of cards.values()) card.remove();
  cards.clear();
  layOut();
}

function options(select, first, counts) {
  select.append(make("option", { value: "" }, first));
  for (const [value, count] of counts) select.append(make("option", { value }, `${value} (${count})`));
  select.closest("label").hidden = counts.length === 0;
}
function counted(values) {
  const counts = new Map();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}
function fillFilters() {
  const current = takes.filter((take) => take.wanted);
  const states = counted(current.map((take) => take.state));
  const noticed = current.filter((take) => take.noticed.length).length;
  if (noticed) states.push(["to look at", noticed]);
  if (takes.length > current.length) states.push(["older", takes.length - current.length]);
  options(field("state"), "all", states);
  options(field("model"), "all", counted(current.map((take) => take.model)));
  options(field("tag"), "all", counted(current.flatMap((take) => take.tags)));
}

// --- where cards are

function layOut() {
  const width = list.clientWidth;
  if (!width) return;
  columns = Math.max(1, Math.floor((width + GAP) / (LEAST_WIDTH + GAP)));
  cardWidth = (width - GAP * (columns - 1)) / columns;
  rowHeight = Math.round((cardWidth - 2) * 9 / 16) + TEXT_HEIGHT + GAP;
  list.style.height = `${Math.max(0, Math.ceil(shownTakes.length / columns) * rowHeight - GAP)}px`;
  for (const [index, card] of cards) place(card, index);
  draw();
}
function place(card, index) {
  const x = (index % columns) * (cardWidth + GAP), y = Math.floor(index / columns) * rowHeight;
  card.style.transform = `translate(${x}px, ${y}px)`;
  card.style.width = `${cardWidth}px`;
  card.style.height = `${rowHeight - GAP}px`;
}
function draw() {
  const top = list.getBoundingClientRect().top;
  const first = Math.max(0, Math.floor(-top / rowHeight) - SPARE_ROWS) * columns;
  const last = Math.min(shownTakes.length, (Math.ceil((innerHeight - top) / rowHeight) + SPARE_ROWS) * columns);
  for (const [index, card] of cards) {
    if ((index < first || index >= last) && !card.contains(document.activeElement)) {
      card.remove();
      cards.delete(index);
    }
  }
  for (let index = first; index < last; index++) {
    if (cards.has(index)) continue;
    const card = cardOf(shownTakes[index], index);
    place(card, index);
    const next = [...list.children].find((other) => Number(other.dataset.index) > index);
    list.insertBefore(card, next ?? null);  // in order, for those who go through it by keyboard or ear
    cards.set(index, card);
  }
}
let drawing = 0;
const drawSoon = () => { drawing ||= requestAnimationFrame(() => { drawing = 0; draw(); }); };

// --- one card

function pictureOf(take) {
  if (take.clip === null) return make("span", { class: "why", dir: "auto" }, take.reason ?? "no clip yet");
  const picture = make("img", { src: take.poster, alt: "", loading: "lazy", decoding: "async", draggable: "false" });
  picture.addEventListener("error", () => picture.replaceWith(
    make("video", { src: `${take.clip}#t=0.1`, preload: "metadata", muted: true, tabindex: "-1", "aria-hidden": "true" })));
  return picture;
}
function cardOf(take, index) {
  const stage = make("button", {
    class: "stage", type: "button", "aria-haspopup": "dialog", "aria-label": `${take.key}, ${take.state}: open`,
    onclick: (event) => { if (event.detail && lastPointer === "touch" && take.clip) play(stage, take); else openDetail(take); },
  }, pictureOf(take));
  const pick = make("input", { type: "checkbox", "aria-label": `Pick ${take.key}`, onchange: () => setPicked(take, pick.checked) });
  pick.checked = picks.has(take);
  const cost = take.usd === null || take.state === "planned" ? "" : usd(take.usd) + (take.settled ? "" : " reserved");
  const facts = [cost, take.render === null ? "" : `rendered in ${lasted(take.render)}`].filter(Boolean).join(" · ");
  const card = make("li", {
    class: `clip${picks.has(take) ? " is-picked" : ""}`, "data-index": index,
    "aria-setsize": shownTakes.length, "aria-posinset": index + 1,
  }, stage, make("div", { class: "about" },
    make("div", { class: "title" }, make("bdi", { title: take.key }, take.key),
      make("span", { class: `badge ${stateClass(take.state)}` }, take.state), make("label", {}, pick)),
    make("p", { class: "says", dir: "auto" }, take.prompt.slice(0, 300)),
    make("p", { class: "quiet" }, [take.model, take.settings].filter(Boolean).join(" · ") || "\u00a0"),
    take.noticed.length ? make("p", { class: "quiet noticed", title: take.noticed.join("; ") }, take.noticed.join("; "))
      : make("p", { class: "quiet" }, facts || "\u00a0")));
  if (take.clip !== null) {
    let soon = 0;
    stage.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") soon = setTimeout(() => play(stage, take), HOVER_MS); });
    stage.addEventListener("pointerleave", (event) => { clearTimeout(soon); if (event.pointerType === "mouse") stop(stage); });
  }
  return card;
}
let lastPointer = "mouse";
list.addEventListener("pointerdown", (event) => { lastPointer = event.pointerType; });

function play(stage, take) {
  if (stage.querySelector("video.playing")) return stop(stage);
  for (const other of list.querySelectorAll("video.playing")) other.remove();
  const video = make("video", { class: "playing", src: take.clip, loop: true, playsinline: true, tabindex: "-1", "aria-hidden": "true" });
  video.muted = true;
  video.addEventListener("error", () => { video.remove(); say(`${take.key}: this browser cannot play the clip`); });
  stage.append(video);
  video.play().catch(() => {});
}
const stop = (stage) => stage.querySelector("video.playing")?.remove();

// --- picking

function setPicked(take, on) {
  if (on) picks.add(take); else picks.delete(take);
  const card = cards.get(shownTakes.indexOf(take));
  card?.classList.toggle("is-picked", on);
  if (card) card.querySelector("input").checked = on;
  showPicks();
}
function showPicks() {
  field("picked").hidden = picks.size === 0;
  field("picked-count").textContent = `${picks.size} picked`;
  field("compare-open").disabled = picks.size !== 2;
  field("compare-open").title = picks.size === 2 ? "" : "Pick two clips";
}
field("redo-copy").addEventListener("click", (event) => copy(redoCommand([...new Set([...picks].map((take) => take.key))]), event.currentTarget));
field("picked-clear").addEventListener("click", () => { for (const take of [...picks]) setPicked(take, false); });

// --- keyboard

function focusCard(index) {
  index = Math.max(0, Math.min(shownTakes.length - 1, index));
  const top = list.getBoundingClientRect().top + scrollY + Math.floor(index / columns) * rowHeight;
  if (top < scrollY + 8 || top + rowHeight > scrollY + innerHeight) scrollTo({ top: top - Math.max(8, (innerHeight - rowHeight) / 2) });
  draw();
  cards.get(index)?.querySelector(".stage").focus({ preventScroll: true });
}
list.addEventListener("keydown", (event) => {
  const card = event.target.closest(".clip");
  if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
  const index = Number(card.dataset.index), take = shownTakes[index];
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -index, End: shownTakes.length };
  if (event.key in moves) focusCard(index + moves[event.key]);
  else if (event.key === " " && event.target.matches(".stage") && take.clip) play(event.target, take);
  else if (event.key === "x") setPicked(take, !picks.has(take));
  else return;
  event.preventDefault();
});
