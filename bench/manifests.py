"""Measures long manifests: reading, planning, rerunning, against what it takes to read the same at all.

    python -m bench.manifests

Every figure is the median of runs that alternate with those it is compared with, each in a process of its
own. A figure for many jobs is less that of one job, so that the start of the interpreter and its imports
count on neither side.
"""

from __future__ import annotations

import csv
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.rows import ENV, NIGHTREEL, Measured, Row, medians, seconds
from bench.served import ended

JOBS, MANY = 100_000, 1_000_000
HEAD = """\
version: 1
provider: xai
batch: bench
defaults: {model: grok-imagine-video, resolution: 720p, aspect_ratio: "16:9"}
jobs:
"""
FROM = """\
  - from: %s
    id: ${sku}
    prompt: ${title}, studio light, slow orbit in ${colour}.
    duration: ${seconds}
"""
JOB = """\
  - id: product-%07d
    prompt: A studio shot of product number %d, soft light, slow orbit, photo realistic.
    duration: %d
    tags: [spring]
"""
CSV_AND_SQLITE = """\
import csv, sqlite3, sys
db = sqlite3.connect(sys.argv[2])
db.execute("CREATE TABLE rows (sku TEXT PRIMARY KEY, title TEXT, seconds TEXT, colour TEXT)")
with open(sys.argv[1], newline="") as file:
    rows = csv.reader(file)
    next(rows)
    db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", rows)
db.commit()
"""
EVENTS = """\
import sys, yaml
with open(sys.argv[1], "rb") as file:
    loader = yaml.CBaseLoader(file)
    while not isinstance(loader.get_event(), yaml.StreamEndEvent):
        pass
"""


def measure(long: bool) -> Measured:
    measured = Measured()
    with tempfile.TemporaryDirectory(prefix="nightreel-bench-") as made:
        folder = Path(made)
        tables = {count: table(folder, count) for count in (1, JOBS, MANY)}
        documents = {count: document(folder, count) for count in (1, JOBS)}
        measured.rows += read_and_plan(folder, tables, documents, 5 if long else 3)
        measured.rows += memory(tables)
        measured.rows += rerun(folder, tables[JOBS])
    return measured


def table(folder: Path, jobs: int) -> Path:
    """A manifest over a CSV file with a row for each job."""
    data = folder / f"{jobs}.csv"
    with data.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["sku", "title", "seconds", "colour"])
        for number in range(jobs):
            title = f"A studio shot of product number {number}, soft light"
            rows.writerow([f"product-{number:07d}", title, 5 + number % 5, "red"])
    path = folder / f"table{jobs}.yaml"
    path.write_text(HEAD + FROM % data.name)
    return path


def document(folder: Path, jobs: int) -> Path:
    """The same jobs written out as YAML."""
    path = folder / f"document{jobs}.yaml"
    with path.open("w") as file:
        file.write(HEAD)
        for number in range(jobs):
            file.write(JOB % (number, number, 5 + number % 5))
    return path


def read_and_plan(
    folder: Path, tables: dict[int, Path], documents: dict[int, Path], runs: int
) -> Iterator[Row]:
    def csv_and_sqlite(jobs: int) -> float:
        database = folder / "rows.sqlite"
        database.unlink(missing_ok=True)
        return seconds(sys.executable, "-c", CSV_AND_SQLITE, folder / f"{jobs}.csv", database)

    def ours(command: str, paths: dict[int, Path]) -> Callable[[int], float]:
        return lambda jobs: seconds(NIGHTREEL, command, paths[jobs])

    what = {
        "csv": csv_and_sqlite,
        "validate": ours("validate", tables),
        "plan": ours("plan", tables),
        "events": lambda jobs: seconds(sys.executable, "-c", EVENTS, documents[jobs]),
        "document": ours("validate", documents),
    }
    found = medians(runs, {name: _many(measure_) for name, measure_ in what.items()})
    csv_s, events_s = found["csv"], found["events"]

    def ratio(name: str, what: str, against: float, goal: float) -> Row:
        note = f"{found[what]:.2f} s against {against:.2f} s"
        return Row(name=name, figure=found[what] / against, unit="x", goal=goal, stable=True, note=note)

    yield ratio("validate 100,000 CSV rows / csv module and SQLite", "validate", csv_s, 4)
    yield ratio("plan 100,000 CSV rows / csv module and SQLite", "plan", csv_s, 8)
    yield ratio("validate 100,000 YAML jobs / bare YAML events", "document", events_s, 4)


def _many(measure_: Callable[[int], float]) -> Callable[[], float]:
    """Seconds for 100,000 jobs less those for one."""
    return lambda: measure_(JOBS) - measure_(1)


def memory(tables: dict[int, Path]) -> Iterator[Row]:
    few, many = (ended(NIGHTREEL, "validate", tables[count]).peak_mib for count in (JOBS, MANY))
    yield Row(name="peak memory of validate, 100,000 rows", figure=few, unit="MiB", goal=150)
    plan = ended(NIGHTREEL, "plan", tables[JOBS]).peak_mib
    yield Row(name="peak memory of plan, 100,000 rows", figure=plan, unit="MiB", goal=150)
    yield Row(name="validate 1,000,000 rows: more than 100,000", figure=many - few, unit="MiB", goal=20)


def rerun(folder: Path, manifest: Path) -> Iterator[Row]:
    """A batch whose clips are all there: the same command again; and its table."""
    output = folder / "output"
    finished(manifest, output)
    taken = []
    for _ in range(3):
        environment = {**ENV, "XAI_API_KEY": "bench-key-of-no-use", "XAI_BASE_URL": "http://127.0.0.1:9"}
        began = time.perf_counter()
        command = [str(NIGHTREEL), "run", str(manifest), "--output", str(output), "--json"]
        process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        taken.append(time.perf_counter() - began)
        assert process.returncode == 0, process.stderr
        assert '"requests": 0' in process.stdout
    took = statistics.median(taken)
    yield Row(name="unchanged rerun of 100,000 finished jobs, no request", figure=took, unit="s", goal=5)
    export = seconds(NIGHTREEL, "export", output / "bench")
    yield Row(name="export of the same as CSV", figure=export, unit="s")


FINISH = """\
UPDATE takes SET state = 'done', origin = 'http://127.0.0.1:9', remote_id = 'r' || id, intent_at = 1,
    accepted_at = 2, ready_at = 3, ended_at = 4, sha256 = printf('%064d', id), size_bytes = 3;
UPDATE jobs SET clip_take = (SELECT id FROM takes WHERE job_key = jobs.key);
"""


def finished(manifest: Path, output: Path) -> None:
    """The batch as a run leaves it: planned by the program, then every take set to done, with its clip."""
    environment = {**ENV, "XAI_API_KEY": "bench-key-of-no-use", "XAI_BASE_URL": "http://127.0.0.1:9"}
    command = [str(NIGHTREEL), "run", str(manifest), "--output", str(output), "--collect", "--quiet"]
    subprocess.run(command, env=environment, check=False, stderr=subprocess.DEVNULL)
    batch = output / "bench"
    with sqlite3.connect(batch / "ledger.sqlite") as ledger:
        ledger.executescript(FINISH)
        keys = [key for (key,) in ledger.execute("SELECT key FROM jobs")]
    ledger.close()
    for key in keys:
        (batch / "clips" / f"{key}.mp4").write_bytes(b"mp4")


if __name__ == "__main__":
    for row in measure("--long" in sys.argv).rows:
        print(row)
