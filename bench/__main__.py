"""Every measurement in one table: `make bench` (minutes), `make bench-long` (for docs/performance.md).

    python -m bench [--long] [--only NAME]... [--keep]

Figures go to build/bench.json, from which `python -m bench.page` makes docs/performance.md. Ratios that the
machine's noise hardly moves are compared with those in bench/kept.json: what got worse by more than a tenth
is told at the end, with exit code 1. `--keep` writes that file anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import time
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.rows import Measured, Row

MODULES = (
    "start",
    "ledger",
    "nights",
    "downloads",
    "manifests",
    "report",
    "polls",
    "pace",
    "engine",
    "growth",
)
FOLDER = Path(__file__).parent
RESULTS = FOLDER.parent / "build" / "bench.json"
KEPT = FOLDER / "kept.json"
WORSE = 1.1


def main() -> int:
    said = _arguments()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() and said.only else {}
    rows: list[Row] = []
    print(f"{'':70} {'figure':>10} {'goal':>12}")
    for name in said.only or MODULES:
        began = time.monotonic()
        measured: Measured = import_module(f"bench.{name}").measure(said.long)
        rows += measured.rows
        for row in measured.rows:
            print(line_of(row), flush=True)
        results[name] = {
            "rows": [asdict(row) for row in measured.rows],
            "data": measured.data,
            "seconds": round(time.monotonic() - began),
            "long": said.long,
            "machine": machine(),
        }
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1))
    return _keep(rows) if said.keep else _compare(rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--long", action="store_true", help="more runs, and those that take long")
    parser.add_argument("--only", action="append", choices=MODULES, help="only this part; may be repeated")
    parser.add_argument("--keep", action="store_true", help="keep the stable ratios for later comparisons")
    return parser.parse_args()


def line_of(row: Row) -> str:
    goal = "" if row.goal is None else f"{'>=' if row.at_least else '<='} {row.goal:g} {row.unit}"
    verdict = {None: "", True: "met", False: "MISSED"}[row.met]
    note = f"  ({row.note})" if row.note else ""
    return f"{row.name:70} {row.figure:7.2f} {row.unit:3} {goal:>12} {verdict:6}{note}"


def machine() -> dict[str, Any]:
    """What a figure hangs on."""
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": git.stdout.strip(),
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "aiohttp": version("aiohttp"),
    }


def _keep(rows: list[Row]) -> int:
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    kept |= {row.name: round(row.figure, 4) for row in rows if row.stable}
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    print(f"\nkept in {KEPT.relative_to(Path.cwd())}")
    return 0


def _compare(rows: list[Row]) -> int:
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    worse = []
    for row in rows:
        before = kept.get(row.name)
        if before and row.stable:
            grown = before / row.figure if row.at_least else row.figure / before
            if grown > WORSE:
                worse.append(f"worse than kept: {row.name}: {row.figure:.3g} {row.unit}, was {before:.3g}")
    print("\n" + "\n".join(worse or ["nothing got worse by more than a tenth"]))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
