"""Measures long manifests: reading, planning, rerunning, against what it takes to read the same at all.

    make bench-manifests

Prints a row per goal. Every figure is the median of runs that alternate with those it is compared with, each
in a process of its own. A figure for many jobs is less that of one job, so that the start of the interpreter
and its imports count on neither side.
"""

from __future__ import annotations

import csv
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

NIGHTREEL = Path(sys.executable).with_name("nightreel")
RUNS = int(os.environ.get("RUNS", "5"))
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


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="nightreel-bench-") as made:
        folder = Path(made)
        print(f"{RUNS} runs each, medians; Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")
        tables = {count: table(folder, count) for count in (1, JOBS, MANY)}
        documents = {count: document(folder, count) for count in (1, JOBS)}
        read_and_plan(folder, tables, documents)
        memory(tables)
        rerun(folder, tables[JOBS])


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


def read_and_plan(folder: Path, tables: dict[int, Path], documents: dict[int, Path]) -> None:
    def csv_and_sqlite(jobs: int) -> float:
        database = folder / "rows.sqlite"
        database.unlink(missing_ok=True)
        return seconds(sys.executable, "-c", CSV_AND_SQLITE, folder / f"{jobs}.csv", database)

    def ours(command: str, paths: dict[int, Path]) -> Callable[[int], float]:
        return lambda jobs: seconds(NIGHTREEL, command, paths[jobs])

    found = alternating(
        {
            "csv and SQLite": csv_and_sqlite,
            "validate, 100,000 CSV rows": ours("validate", tables),
            "plan, 100,000 CSV rows": ours("plan", tables),
            "bare YAML events": lambda jobs: seconds(sys.executable, "-c", EVENTS, documents[jobs]),
            "validate, 100,000 YAML jobs": ours("validate", documents),
        }
    )
    bare, events = found["csv and SQLite"], found["bare YAML events"]
    print(f"\n{'csv module and SQLite, 100,000 rows':42}{bare:8.2f} s")
    print(f"{'YAML parser, 100,000 jobs, events alone':42}{events:8.2f} s\n")
    show("validate, 100,000 CSV rows", found, bare, 4)
    show("plan, 100,000 CSV rows", found, bare, 8)
    show("validate, 100,000 YAML jobs", found, events, 4)


def alternating(what: dict[str, Callable[[int], float]]) -> dict[str, float]:
    """Seconds for 100,000 jobs less those for one."""
    taken: dict[str, list[float]] = {name: [] for name in what}
    for _ in range(RUNS):
        for name, measure in what.items():
            taken[name].append(measure(JOBS) - measure(1))
    return {name: statistics.median(times) for name, times in taken.items()}


def show(name: str, found: dict[str, float], against: float, goal: float) -> None:
    ratio = found[name] / against
    verdict = "met" if ratio <= goal else "MISSED"
    print(f"{name:42}{found[name]:8.2f} s  {ratio:5.2f} x   goal {goal:g} x   {verdict}")


def memory(tables: dict[int, Path]) -> None:
    few, many = (peak_mib("validate", tables[count]) for count in (JOBS, MANY))
    plan = peak_mib("plan", tables[JOBS])
    print()
    told("peak memory of validate, 100,000 rows", f"{few:.0f} MiB", "150 MiB", met=few <= 150)
    told("peak memory of plan, 100,000 rows", f"{plan:.0f} MiB", "150 MiB", met=plan <= 150)
    told(
        "validate 1,000,000 rows: more than 100,000", f"{many - few:.0f} MiB", "20 MiB", met=many - few <= 20
    )


def told(name: str, figure: str, goal: str, *, met: bool) -> None:
    print(f"{name:42}{figure:>10}            goal {goal}   {'met' if met else 'MISSED'}")


def rerun(folder: Path, manifest: Path) -> None:
    """A batch whose clips are all there: the same command again."""
    output = folder / "output"
    finished(manifest, output)
    taken = []
    for _ in range(min(RUNS, 3)):
        environment = {**ENV, "XAI_API_KEY": "bench-key-of-no-use", "XAI_BASE_URL": "http://127.0.0.1:9"}
        began = time.perf_counter()
        command = [str(NIGHTREEL), "run", str(manifest), "--output", str(output), "--json"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        taken.append(time.perf_counter() - began)
        assert ended.returncode == 0, ended.stderr
        assert '"requests": 0' in ended.stdout
    took = statistics.median(taken)
    print()
    told("unchanged rerun of 100,000 finished jobs", f"{took:.2f} s", "5 s, no request", met=took <= 5)


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


ENV = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


def seconds(*words: object) -> float:
    began = time.perf_counter()
    subprocess.run([str(word) for word in words], env=ENV, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def peak_mib(command: str, manifest: Path) -> float:
    with subprocess.Popen(
        [str(NIGHTREEL), command, str(manifest)], env=ENV, stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


if __name__ == "__main__":
    main()
