"""Submits through the ledger against what the disk can sync: sixteen at once share a commit.

python -m bench.ledger
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.rows import Measured, Row
from pipeline.ledger.base import PlannedJob
from pipeline.ledger.connection import Connection, connect
from pipeline.ledger.sqlite import Connect, SqliteLedger
from pipeline.model import Job, Take, TakeState
from pipeline.money import NO_CAPS
from pipeline.offload import Threads

AT_ONCE = 16
SUBMITS = 2000
SYNCS = 300
SLOW_SYNCS_PER_S = 400


class SlowDisk:
    """A connection whose commits take as long as on a disk that syncs so seldom, and sync nothing."""

    def __init__(self, inner: Connection) -> None:
        self._inner = inner

    def execute(self, sql: str, values: Mapping[str, Any] = {}, /) -> Iterable[tuple[Any, ...]]:
        if sql == "PRAGMA synchronous = FULL":
            sql = "PRAGMA synchronous = OFF"
        if sql == "COMMIT":
            time.sleep(1 / SLOW_SYNCS_PER_S)
        return self._inner.execute(sql, values)

    def close(self) -> None:
        self._inner.close()


async def submits_per_s(folder: Path, connect_: Connect = connect) -> float:
    """Intent and answer of each are durable: two commits, as in a run."""
    thread = Threads("ledger", 1)
    ledger = await SqliteLedger.open(folder / "ledger.sqlite", thread, connect_)
    await ledger.begin_run("./bench.yaml", 1.0)
    jobs = [Job(key=f"job-{number}", prompt=f"Clip {number}.") for number in range(SUBMITS)]
    rows = [PlannedJob(job=job, fingerprint=f"{n:064x}", position=n) for n, job in enumerate(jobs)]
    await ledger.plan(rows, "cometapi")
    takes = iter([take async for take in ledger.planned()])

    async def worker() -> None:
        for take in takes:
            sent = await ledger.intend(take, NO_CAPS, origin="https://g:443", intent_at=2.0)
            await accepted(ledger, sent)

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    took = time.perf_counter() - began
    await ledger.close()
    thread.close()
    return SUBMITS / took


async def accepted(ledger: SqliteLedger, take: Take) -> None:
    await ledger.move(take, TakeState.ACCEPTED, remote_id=f"r-{take.id}", accepted_at=3.0)


def syncs_per_s(folder: Path) -> float:
    """A page written and synced, one after the other."""
    with (folder / "page").open("wb", buffering=0) as file:
        began = time.perf_counter()
        for number in range(SYNCS):
            os.pwrite(file.fileno(), bytes(4096), 4096 * number)
            os.fsync(file.fileno())
        return SYNCS / (time.perf_counter() - began)


def measure(long: bool) -> Measured:
    ratios, syncs, submits, slow = [], [], [], []
    for _ in range(5 if long else 3):
        with (
            tempfile.TemporaryDirectory(prefix="nightreel-bench-") as made,
            tempfile.TemporaryDirectory(prefix="nightreel-bench-") as other,
        ):
            syncs.append(syncs_per_s(Path(made)))
            submits.append(asyncio.run(submits_per_s(Path(made))))
            ratios.append(submits[-1] / syncs[-1])
            slow.append(asyncio.run(submits_per_s(Path(other), lambda path: SlowDisk(connect(path)))))
    note = f"{statistics.median(submits):.0f} submits/s, {statistics.median(syncs):.0f} syncs/s"
    name = f"submits through the ledger, {AT_ONCE} at once / syncs per second"
    figures = {
        f"{name}, this disk": (statistics.median(ratios), note),
        f"{name}, a disk with {SLOW_SYNCS_PER_S}": (statistics.median(slow) / SLOW_SYNCS_PER_S, ""),
    }
    rows = [
        Row(name=name, figure=figure, unit="x", goal=3, at_least=True, note=note)
        for name, (figure, note) in figures.items()
    ]
    return Measured(rows, {"ledger": {"submits_per_s": submits, "syncs_per_s": syncs, "slow": slow}})


if __name__ == "__main__":
    for row in measure(long=False).rows:
        print(row)
