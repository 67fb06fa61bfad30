"""Ledgers on disk for tests: opened, planned, and with connections that can be watched and stopped."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
from support.builders_core import ANY_PROVIDER

from pipeline.ledger.base import PlannedJob
from pipeline.ledger.connection import Connect, connect
from pipeline.ledger.sqlite import SqliteLedger
from pipeline.model import Take, TakeState
from pipeline.offload import Threads

Tap = Callable[[str], None]

# One way into each state, for tests that need a take there.
WAY_TO: Mapping[TakeState, tuple[TakeState, ...]] = {
    TakeState.PLANNED: (),
    TakeState.HELD: (TakeState.HELD,),
    TakeState.BLOCKED: (TakeState.BLOCKED,),
    TakeState.SUBMITTING: (TakeState.SUBMITTING,),
    TakeState.REJECTED: (TakeState.SUBMITTING, TakeState.REJECTED),
    TakeState.UNKNOWN: (TakeState.SUBMITTING, TakeState.UNKNOWN),
    TakeState.ACCEPTED: (TakeState.SUBMITTING, TakeState.ACCEPTED),
    TakeState.MODERATED: (TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.MODERATED),
    TakeState.FAILED: (TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.FAILED),
    TakeState.EXPIRED: (TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.EXPIRED),
    TakeState.UNDELIVERED: (TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.UNDELIVERED),
    TakeState.READY: (TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.READY),
    TakeState.DONE: (TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.READY, TakeState.DONE),
    TakeState.MISSING: (
        TakeState.SUBMITTING,
        TakeState.ACCEPTED,
        TakeState.READY,
        TakeState.DONE,
        TakeState.MISSING,
    ),
}


@asynccontextmanager
async def a_ledger(path: Path, connect: Connect = connect) -> AsyncIterator[SqliteLedger]:
    """A ledger as a run has it: on a thread of its own."""
    thread = Threads("ledger", 1)
    try:
        ledger = await SqliteLedger.open(path, thread, connect)
        try:
            yield ledger
        finally:
            await ledger.close()
    finally:
        thread.close()


@asynccontextmanager
async def a_run(
    path: Path, rows: Sequence[PlannedJob] = (), connect: Connect = connect
) -> AsyncIterator[SqliteLedger]:
    """A ledger in a run that has just planned `rows`."""
    async with a_ledger(path, connect) as ledger:
        await ledger.begin_run("teasers.yaml", 1.0)
        await ledger.recover(1.0)
        await ledger.plan(rows, ANY_PROVIDER)
        yield ledger


async def the_take(ledger: SqliteLedger, key: str = "fox") -> Take:
    take = await ledger.wanted_take(key)
    assert take is not None
    return take


async def bring(ledger: SqliteLedger, take: Take, to: TakeState, **facts: Any) -> Take:
    """The planned take led to a state by legal moves; `facts` come with the last."""
    way = WAY_TO[to]
    for step in way[:-1]:
        take = await ledger.move(take, step)
    return await ledger.move(take, way[-1], **facts) if way else take


async def states(ledger: SqliteLedger) -> dict[str, TakeState]:
    """By job key; for ledgers with one take per job."""
    return {take.job.key: take.state async for take in ledger.all_takes()}


def on_disk(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What another process would read now."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return list(db.execute(sql))


class Tapped:
    """A connection that shows every statement to `tap` before it is run; `tap` may count, wait or raise."""

    def __init__(self, path: Path, tap: Tap) -> None:
        self._db = connect(path)
        self._tap = tap

    def execute(self, sql: str, values: Mapping[str, Any] | None = None) -> Iterable[tuple[Any, ...]]:
        self._tap(sql)
        return self._db.execute(sql, values or {})

    def close(self) -> None:
        self._db.close()


def tapped(tap: Tap) -> Connect:
    return lambda path: Tapped(path, tap)


class Gate:
    """A tap that stops at one COMMIT, once armed, until it is opened: others can gather meanwhile."""

    def __init__(self) -> None:
        self.armed = False
        self.reached = anyio.Event()
        self.opened = threading.Event()
        self._token = anyio.lowlevel.current_token()

    def __call__(self, sql: str) -> None:
        if self.armed and sql == "COMMIT":
            self.armed = False
            anyio.from_thread.run_sync(self.reached.set, token=self._token)
            self.opened.wait()
