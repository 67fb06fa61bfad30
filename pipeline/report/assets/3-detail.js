// One clip in full, two side by side, and the keys.
const detail = field("detail"), compare = field("compare"), help = field("help");
let current = null;

function top(dialog, id, title, ...buttons) {
  return make("div", { class: "dialog-top" }, make("h2", { id }, make("bdi", {}, title)), ...buttons,
    make("button", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, "Close"));
}
function player(take, caption) {
  if (take.clip === null) return make("p", { class: "quiet", dir: "auto" }, take.reason ?? "no clip");
  const video = make("video", { src: take.clip, poster: take.poster, controls: true, loop: true, playsinline: true, preload: "metadata", "aria-label": `Clip ${take.key}` });
  const text = make("figcaption", {}, caption);
  video.addEventListener("error", () => {
    text.replaceChildren("This browser cannot play the clip; ", make("a", { href: take.clip }, "open the file"), " with a player.");
  });
  return make("figure", {}, video, text);
}
function sourcesOf(take) {
  const found = take.pictures.map(({ field: name, href, name: text }) => {
    const caption = make("figcaption", {}, `source: ${name.replaceAll("_", " ")}, `, make("bdi", {}, text));
    if (href === null) return make("figure", {}, caption);
    const picture = make("img", { src: href, alt: `Source picture ${text}` });
    picture.addEventListener("error", () => { picture.remove(); caption.append(" (not found from here)"); });
    return make("figure", {}, picture, caption);
  });
  const parent = take.parent === null ? null : wanted.get(take.parent);
  if (parent) found.push(player(parent, `source: clip of ${parent.key}`));
  return found;
}
function factsOf(take) {
  const [width, height, length] = take.probe ?? [];
  return [
    ["State", take.state + (take.replaced ? ", sent again" : "")],
    ["Model", take.model], ["Asked for", take.settings],
    ["Is", take.probe ? `${width}×${height}${length === null ? "" : `, ${length} s`}` : null],
    ["Cost", take.usd === null ? null : usd(take.usd) + (take.settled ? "" : ", reserved")],
    ["Planned at", take.estimate === null ? null : usd(take.estimate)],
    ["Sent", take.intent === null ? null : moment(take.intent)],
    ["Rendered in", take.render === null ? null : lasted(take.render)],
    ["Ended", take.ended === null ? null : moment(take.ended)],
    ["Size", take.size === null ? null : bytes(take.size)],
    ["Tags", take.tags.join(", ") || null], ["Take", take.version],
    ["Gateway's id", take.remoteId], ["Taken over from", take.reusedFrom], ["Source video", take.video],
    ["Reason", take.reason], ["To look at", take.noticed.join("; ") || null],
  ].filter(([, value]) => value !== null);
}
function links(title, others) {
  if (!others.length) return null;
  return make("div", {}, make("h3", {}, title), make("ul", { class: "links" }, ...others.map((other) =>
    make("li", {}, make("button", { type: "button", onclick: () => openDetail(other) },
      make("bdi", {}, other.key), other.wanted ? "" : ` ${other.version}`, ` · ${other.state}`)))));
}
function chainOf(take) {
  const before = [];
  for (let parent = wanted.get(take.parent); parent && !before.includes(parent) && parent !== take; parent = wanted.get(parent.parent)) before.unshift(parent);
  return before;
}
function stepOf(take) {
  if (take.state === "done") return take.wanted ? command("make it anew", redoCommand([take.key])) : null;
  const [text, lines] = facts.steps[take.state] ?? ["", []];
  const job = `${facts.resolve} ${quoted(take.key)}${take.replaced ? ` --take ${quoted(take.version)}` : ""}`;
  const settle = take.state === "unknown" ? [["it is there", `${job} --remote-id ID`], ["it is not", `${job} --not-charged`]] : [];
  return make("div", {}, make("h3", {}, "What to do"), make("p", {}, text), ...[...lines, ...settle].map(([name, line]) => command(name, line)));
}
function openDetail(take) {
  current = take;
  const others = byKey.get(take.key).filter((other) => other !== take);
  detail.replaceChildren(
    top(detail, "detail-title", take.key,
      make("button", { type: "button", "aria-label": "Previous clip", onclick: () => step(-1) }, "←"),
      make("button", { type: "button", "aria-label": "Next clip", onclick: () => step(1) }, "→")),
    make("div", { class: "dialog-body" },
      make("div", { class: "media" }, ...sourcesOf(take), player(take, "result")),
      make("p", { class: "prompt", dir: "auto", tabindex: "0", "aria-label": "Prompt", role: "group" }, take.prompt),
      make("dl", {}, ...factsOf(take).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", { dir: "auto" }, value)))),
      links("Starts from", chainOf(take)), links("What starts from it", children.get(take.key) ?? []),
      links("Other takes", others), stepOf(take)));
  if (!detail.open) detail.showModal();
  detail.scrollTop = 0;
}
function step(by) {
  const next = shownTakes[shownTakes.indexOf(current) + by];
  if (next) openDetail(next);
}
detail.addEventListener("keydown", (event) => {
  if (event.target.matches("video, .prompt") || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowRight") step(1);
  else if (event.key === "ArrowLeft") step(-1);
});
detail.addEventListener("close", () => {
  detail.replaceChildren();
  const index = shownTakes.indexOf(current);
  if (index >= 0) focusCard(index);
});

function openCompare() {
  const pair = [...picks].slice(0, 2);
  if (pair.length < 2) return;
  const videos = () => [...compare.querySelectorAll("video")];
  compare.replaceChildren(
    top(compare, "compare-title", "Side by side",
      make("button", { type: "button", onclick: () => { for (const video of videos()) { video.currentTime = 0; video.play().catch(() => {}); } } }, "Play both from the start"),
      make("button", { type: "button", onclick: () => { for (const video of videos()) video.pause(); } }, "Pause")),
    make("div", { class: "dialog-body media" }, ...pair.map((take) => make("div", {},
      player(take, [take.settings, take.usd === null ? null : usd(take.usd), lasted(take.render)].filter(Boolean).join(" · ")),
      make("h3", {}, make("bdi", {}, take.key), take.wanted ? "" : ` ${take.version}`),
      make("p", { class: "prompt", dir: "auto", tabindex: "0", role: "group", "aria-label": `Prompt of ${take.key}` }, take.prompt),
      command("make it anew", redoCommand([take.key]))))));
  compare.showModal();
}
field("compare-open").addEventListener("click", openCompare);
compare.addEventListener("close", () => compare.replaceChildren());

function openHelp() {
  const keys = [["/", "search"], ["arrows", "from clip to clip"], ["Home End", "first and last clip"], ["Enter", "open a clip"], ["Space", "play it in its place"],
    ["x", "pick it"], ["c", "two picked clips side by side"], ["← →", "previous and next, in an open clip"], ["Esc", "close"], ["?", "this"]];
  help.replaceChildren(top(help, "help-title", "Keys"), make("div", { class: "dialog-body" },
    make("dl", {}, ...keys.flatMap(([key, does]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, does)]))));
  help.showModal();
}
