// Tabs, theme, keys; then the gallery.
const tabs = ["clips", "night", "runs"];
function choose(name, focus = false) {
  for (const each of tabs) {
    const tab = field(`tab-${each}`), on = each === name;
    tab.setAttribute("aria-selected", on);
    tab.tabIndex = on ? 0 : -1;
    field(each).hidden = !on;
    if (on && focus) tab.focus();
  }
  if (name === "clips") layOut();
  if (name === "night") drawNight();
}
field("tabs").addEventListener("click", (event) => { const tab = event.target.closest("[role=tab]"); if (tab) choose(tab.id.slice(4)); });
field("tabs").addEventListener("keydown", (event) => {
  const at = tabs.indexOf(document.activeElement?.id.slice(4));
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by && at >= 0) choose(tabs[(at + by + tabs.length) % tabs.length], true);
});
for (const each of tabs) { field(each).setAttribute("role", "tabpanel"); field(each).setAttribute("aria-labelledby", `tab-${each}`); field(each).removeAttribute("aria-label"); }

const THEMES = ["system", "light", "dark"];
function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  field("theme").textContent = `Theme: ${theme}`;
  try { localStorage.setItem("nightreel-theme", theme); } catch { /* not kept, then */ }
  if (!field("night").hidden) drawNight();
}
let theme = "system";
try { theme = THEMES.find((each) => each === localStorage.getItem("nightreel-theme")) ?? theme; } catch { /* none is kept */ }
field("theme").addEventListener("click", () => { theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]; setTheme(theme); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (!field("night").hidden) drawNight(); });

field("keys").addEventListener("click", openHelp);
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input:not([type=checkbox]), select, textarea") || document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { choose("clips"); field("search").focus(); } else if (event.key === "?") openHelp();
  else if (event.key === "c") openCompare(); else return;
  event.preventDefault();
});

for (const line of document.querySelectorAll(".decisions .command")) {
  const text = line.querySelector("code").textContent;
  line.append(make("button", { type: "button", onclick: (event) => copy(text, event.currentTarget) }, "Copy"));
}
field("filters").addEventListener("submit", (event) => event.preventDefault());
field("filters").addEventListener("input", search);
addEventListener("scroll", drawSoon, { passive: true });
let width = 0;
new ResizeObserver(() => { if (list.clientWidth !== width) { width = list.clientWidth; layOut(); } }).observe(list);
addEventListener("resize", () => { if (nightDrawn && !field("night").hidden) drawNight(); else drawSoon(); });

for (const name of ["tools", "tabs", "filters", "list"]) field(name).hidden = false;
setTheme(theme);
fillFilters();
choose("clips");
search();
