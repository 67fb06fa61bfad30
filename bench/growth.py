"""Runs of ever more jobs, with posters and checks: what grows with them, and what must not.

python -m bench.growth [--long]    # up to 100,000 jobs: a quarter of an hour
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.rows import Measured, Row
from bench.served import manifest_of, run, simulator


def measure(long: bool) -> Measured:
    measured = Measured()
    with tempfile.TemporaryDirectory(prefix="nightreel-bench-") as made:
        grown(measured, Path(made), (1000, 10_000, 100_000) if long else (500, 2000))
    return measured


def grown(measured: Measured, folder: Path, counts: Sequence[int]) -> None:
    found: list[dict[str, Any]] = []
    with simulator(folder, "{render_s: 0.3, spread: 0, clips: small}") as server:
        for jobs in counts:
            name = f"grown{jobs}"
            run_, batch = (
                run(manifest_of(folder, name, jobs), folder / "output", server, posters=True),
                folder / "output" / name,
            )
            size = sum(path.stat().st_size for path in batch.glob("ledger.sqlite*"))
            found.append(
                {
                    "jobs": jobs,
                    "cpu_ms_per_job": round(1000 * run_.cpu_s / jobs, 3),
                    "peak_mib": round(run_.peak_mib, 1),
                    "ledger_bytes_per_job": round(size / jobs),
                    "wall_s": round(run_.wall_s, 1),
                }
            )
    measured.data["growth"] = found
    few, many = found[0], found[-1]
    most, more = f"{counts[-1]:,} jobs", many["peak_mib"] - few["peak_mib"]
    measured.rows += [
        Row(name=f"peak memory, {most}", figure=many["peak_mib"], unit="MiB", goal=150),
        Row(name=f"the same, more than for {counts[0]:,} jobs", figure=more, unit="MiB", goal=20),
        Row(name=f"ledger per job, {most}", figure=many["ledger_bytes_per_job"], unit="B", stable=True),
    ]


if __name__ == "__main__":
    for row in measure("--long" in sys.argv).rows:
        print(row)
