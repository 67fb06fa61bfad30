"""Writes the figures and plots of docs/performance.md from build/bench.json; the words around them stay.

python -m bench.page
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bench.__main__ import MODULES, RESULTS
from bench.plots import drawn
from bench.rows import Row

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
PLOTS = PAGE.parent / "performance"
_PART = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    results = json.loads(RESULTS.read_text())
    plots: dict[str, list[Path]] = {}
    for section, path in drawn(results, PLOTS):
        plots.setdefault(section, []).append(path)
    parts = {name: _part(results[name], plots.get(name, [])) for name in MODULES if name in results}
    parts["machine"] = _machine(results)
    text = _PART.sub(lambda found: found[1] + parts.get(found[2], "") + found[3], PAGE.read_text())
    PAGE.write_text(text)
    print(f"wrote {PAGE}, {sum(map(len, plots.values()))} plots")


def _part(result: dict[str, Any], plots: list[Path]) -> str:
    """The rows as a table, and the plots below."""
    lines = ["| measure | figure | goal | |", "|---|---|---|---|"]
    for facts in result["rows"]:
        row = Row(**facts)
        goal = "" if row.goal is None else f"{'≥' if row.at_least else '≤'} {row.goal:g} {row.unit}"
        verdict = {None: "", True: "met", False: "**missed**"}[row.met]
        note = f"<br>{row.note}" if row.note else ""
        lines.append(f"| {row.name}{note} | {row.figure:.3g} {row.unit} | {goal} | {verdict} |")
    images = [f"\n![{path.stem}]({PLOTS.name}/{path.name})" for path in plots]
    return "\n".join([*lines, *images]) + "\n"


def _machine(results: dict[str, Any]) -> str:
    machine = next(iter(results.values()))["machine"]
    days = sorted({one["machine"]["date"] for one in results.values()})
    return (
        f"{machine['processors']} processors, {machine['system']}, Python {machine['python']}, SQLite"
        f" {machine['sqlite']}, aiohttp {machine['aiohttp']}; measured on {' and '.join(days)}.\n"
    )


if __name__ == "__main__":
    main()
