// Pictures of the night, drawn when they are first looked at and again when size or theme changes.
const plots = [];
let nightDrawn = false;

function tone(name) {
  const probe = make("span", { class: `t-${name}` });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
function axes(...more) {
  const quiet = tone("quiet"), line = tone("queued");
  return more.map((axis) => ({ stroke: quiet, font: "12px system-ui", grid: { stroke: line, width: 1 }, ticks: { show: false }, ...axis }));
}
function plot(id, options, data) {
  const home = field(id);
  const made = new uPlot({ width: home.clientWidth, height: 260, ...options }, data, home);
  plots.push(made);
  return made;
}
const none = (name, text) => { field(`text-${name}`).textContent = text; };
const key = (entries) => make("ul", { class: "key" }, ...entries.map(([name, text]) => {
  const box = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  box.setAttribute("viewBox", "0 0 12 12");
  box.setAttribute("aria-hidden", "true");
  const square = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [attribute, value] of [["width", 12], ["height", 12], ["rx", 3], ["class", `t-${name}`]]) square.setAttribute(attribute, value);
  box.append(square);
  return make("li", {}, box, text);
}));

// --- every take: a line each, from the start of its run to its end

function stretches(take) {
  const run = facts.runs.findLast(([started]) => started - facts.since <= take.intent + 0.5);
  const from = run ? run[0] - facts.since : take.intent;
  const until = Math.max((facts.runs.at(-1)?.[1] ?? facts.now) - facts.since, take.intent);
  const settled = take.ended ?? (["accepted", "ready", "submitting"].includes(take.state) ? until : take.ready ?? take.accepted ?? take.intent);
  const accepted = take.accepted ?? take.intent, ready = take.ready ?? settled, loading = Math.min(take.loading ?? settled, settled);
  return [["queued", from, take.intent], ["rendering", accepted, ready], ["waiting", ready, loading], ["downloading", loading, take.ready === null ? loading : settled]];
}
function drawTakes() {
  const sent = takes.filter((take) => take.intent !== null).sort((a, b) => a.intent - b.intent);
  if (!sent.length) return none("takes", "Nothing was sent yet.");
  const parts = sent.map(stretches);
  let from = Infinity, to = -Infinity;
  for (const each of parts) for (const [, begin, end] of each) { from = Math.min(from, begin); to = Math.max(to, end); }
  const tones = Object.fromEntries(["queued", "rendering", "waiting", "downloading", "ended"].map((name) => [name, tone(name)]));
  const height = Math.max(180, Math.min(560, 60 + sent.length * 9));
  const text = field("text-takes");
  const overview = `${sent.length} takes in the order they were sent. Drag to look closer, double-click to go back; point at a line to read it, click to open it.`;
  let pointed = null;
  const made = plot("chart-takes", {
    height, padding: [8, 16, 0, 36], legend: { show: false },
    scales: { x: { time: true }, y: { range: [sent.length, 0] } },
    axes: axes({}, { show: false }),
    series: [{}, { show: true, paths: () => null, points: { show: false } }],
    cursor: { y: false, points: { show: false } },
    hooks: {
      draw: [(chart) => {
        const { ctx } = chart, { left, top: above, width, height: tall } = chart.bbox;
        const step = tall / sent.length, thick = Math.max(1, step * 0.72);
        ctx.save();
        ctx.beginPath();
        ctx.rect(left, above, width, tall);
        ctx.clip();
        for (const [index, each] of parts.entries()) {
          const y = above + index * step + (step - thick) / 2;
          for (const [name, begin, end] of each) {
            if (end <= begin) continue;
            const x = chart.valToPos(begin + facts.since, "x", true);
            ctx.fillStyle = tones[name];
            ctx.fillRect(x, y, Math.max(1, chart.valToPos(end + facts.since, "x", true) - x), thick);
          }
          const take = sent[index];
          if (take.ended !== null && take.state !== "done") {
            ctx.fillStyle = tones.ended;
            ctx.fillRect(chart.valToPos(take.ended + facts.since, "x", true) - 2, y, 4, Math.max(2, thick));
          }
        }
        ctx.restore();
      }],
      setCursor: [(chart) => {
        const at = chart.cursor.top;
        pointed = at >= 0 ? sent[Math.floor(at / chart.over.clientHeight * sent.length)] ?? null : null;
        text.textContent = pointed ? `${pointed.key}: ${pointed.state}, sent ${moment(pointed.intent)}, rendered in ${lasted(pointed.render)}` : overview;
      }],
    },
  }, [[from + facts.since, to + facts.since + Math.max(0.5, (to - from) * 0.01)], [0, 0]]);
  made.over.addEventListener("click", () => { if (pointed) openDetail(pointed); });
  field("chart-takes").append(key([["queued", "queued"], ["rendering", "rendering"], ["waiting", "waiting to be loaded"], ["downloading", "downloading"], ["ended", "ended without a clip"]]));
  text.textContent = overview;
}

// --- render times: how many of a model's clips were ready after how long

const LINES = ["rendering", "downloading", "waiting", "ended", "quiet"];
function drawRenders() {
  const models = new Map();
  for (const take of takes) if (take.render !== null) models.set(take.model ?? "default model", [...(models.get(take.model ?? "default model") ?? []), take.render]);
  if (!models.size) return none("renders", "Nothing was rendered yet.");
  const most = [...models].sort(([, a], [, b]) => b.length - a.length).slice(0, LINES.length);
  const tables = most.map(([, times]) => {
    times.sort((a, b) => a - b);
    const many = Math.min(times.length, 200);
    const at = Array.from({ length: many }, (_, index) => times[Math.floor((index + 1) * times.length / many) - 1]);
    const table = new Map([[0, 0]]);
    at.forEach((seconds, index) => table.set(seconds, 100 * (index + 1) / many));
    return [[...table.keys()], [...table.values()]];
  });
  plot("chart-renders", {
    scales: { x: { time: false }, y: { range: [0, 100] } }, legend: { live: false },
    axes: axes({ values: (_, all) => all.map(lasted) }, { values: (_, all) => all.map((value) => `${value} %`), size: 56 }),
    series: [{}, ...most.map(([name], index) => ({ label: name, stroke: tone(LINES[index]), width: 2, spanGaps: true, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } }))],
  }, uPlot.join(tables));
  const quantile = (times, share) => lasted(times[Math.min(times.length - 1, Math.floor(share * times.length))]);
  field("text-renders").textContent = `Share of clips that were ready after so long. ${most.map(([name, times]) => `${name}: half within ${quantile(times, 0.5)}, 95 % within ${quantile(times, 0.95)} (${times.length})`).join("; ")}.`;
}

// --- cost

function drawCost() {
  const charged = takes.filter((take) => take.usd && take.intent !== null).sort((a, b) => (a.ended ?? a.intent) - (b.ended ?? b.intent));
  if (!charged.length) return none("cost", "Nothing was charged.");
  let sum = 0;
  const times = [charged[0].intent + facts.since], sums = [0];
  for (const take of charged) { times.push((take.ended ?? take.intent) + facts.since); sums.push(sum += take.usd); }
  const flat = (value) => times.map(() => value);
  const series = [{}, { label: "spent and reserved", stroke: tone("rendering"), width: 2, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
    { label: "plan", stroke: tone("quiet"), width: 1, dash: [6, 4], points: { show: false } }];
  const data = [times, sums, flat(facts.planned)];
  if (facts.budget !== null) { series.push({ label: "budget", stroke: tone("ended"), width: 1, dash: [2, 4], points: { show: false } }); data.push(flat(facts.budget)); }
  plot("chart-cost", { scales: { y: { range: (_, low, high) => [0, high * 1.08 || 1] } }, legend: { live: false },
    axes: axes({}, { values: (_, all) => all.map(usd), size: 70 }), series }, data);
  field("text-cost").textContent = `${usd(sum)} settled and reserved, planned ${usd(facts.planned)}${facts.budget === null ? "" : `, budget ${usd(facts.budget)}`}.`;
}

// --- requests

const MOST_MINUTES = 50000;  // drawn one by one; with more, those without a request are left out

function drawCalls() {
  if (!facts.calls.length) return none("calls", "No request was made.");
  const kinds = [...new Set(facts.calls.map(([, kind]) => kind)), "429"];
  const first = facts.calls[0][0], last = facts.calls.at(-1)[0];
  const all = last - first < MOST_MINUTES ? Array.from({ length: last - first + 1 }, (_, index) => first + index)
    : [...new Set(facts.calls.map(([minute]) => minute))];
  const minutes = [...all, last + 1];  // a minute is as wide as it is
  const place = new Map(minutes.map((minute, index) => [minute, index]));
  const counts = kinds.map(() => minutes.map(() => 0));
  const totals = new Map(kinds.map((kind) => [kind, 0]));
  for (const [minute, kind, outcome, count] of facts.calls) {
    for (const name of [kind, outcome.startsWith("429") ? "429" : null]) {
      if (name === null) continue;
      counts[kinds.indexOf(name)][place.get(minute)] += count;
      totals.set(name, totals.get(name) + count);
    }
  }
  for (const line of counts) line[line.length - 1] = line[line.length - 2];
  const tones = { submit: "rendering", poll: "quiet", download: "downloading", 429: "ended" };
  plot("chart-calls", {
    scales: { x: { range: (_, from, to) => [from, Math.max(to, from + 60)] }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.08)] } },
    legend: { live: false }, axes: axes({}, { size: 56 }),
    series: [{}, ...kinds.map((name) => ({ label: name === "429" ? "refused with 429" : name, stroke: tone(tones[name] ?? "waiting"), width: 2, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } }))],
  }, [minutes.map((minute) => minute * 60), ...counts]);
  field("text-calls").textContent = `${kinds.filter((name) => name !== "429").map((name) => `${totals.get(name)} ${name}`).join(", ")}; ${totals.get("429")} refused with 429.`;
}

function drawNight() {
  for (const made of plots.splice(0)) made.destroy();
  for (const name of ["takes", "renders", "cost", "calls"]) field(`chart-${name}`).replaceChildren();
  nightDrawn = true;
  drawTakes(); drawRenders(); drawCost(); drawCalls();
}
