"""One commit for all writes that wait together.

A write returns once it is durable (`synchronous=FULL`). It is shielded: begun, it is finished, whatever is
cancelled around it. Writers that arrive while a commit runs share the next one, and so do those that the
last one woke: a commit of its own for the quickest of them would halve what a slow disk can take.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio

from pipeline.errors import LedgerError
from pipeline.ledger.connection import Connection, translated
from pipeline.offload import Offload

T = TypeVar("T")


@dataclass(slots=True)
class _Write:
    """One caller's change, and what became of it."""

    work: Callable[[Connection], Any]
    taken: bool = False  # some commit has it
    done: bool = False
    result: Any = None
    error: Exception | None = None
    turn: asyncio.Future[None] | None = None  # while it waits: for the end of its commit, or to lead the next


def _awaits(write: _Write) -> bool:
    """Whether somebody waits for it: not the leader, and nobody who was cancelled outright."""
    return write.turn is not None and not write.turn.done()


class Commits:
    """The one writer of a connection. Whoever reads holds `lock`: nothing is in a transaction then."""

    def __init__(self, db: Connection, path: Path, offload: Offload) -> None:
        self.lock = asyncio.Lock()
        self._db = db
        self._path = path
        self._offload = offload
        self._waiting: list[_Write] = []
        self._has_leader = False
        self._had_company = False  # the last commit was for more than one

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once it is durable. What it raises takes back its own changes alone."""
        write = _Write(work)
        self._waiting.append(write)
        with anyio.CancelScope(shield=True):
            if self._has_leader:
                write.turn = asyncio.get_running_loop().create_future()
                await write.turn
            if not write.taken:
                await self._lead()
        if write.error is not None:
            raise write.error
        if not write.done:
            raise LedgerError(f"{self._path} was not written: the commit broke off")
        return write.result  # type: ignore[no-any-return]  # what `work` returned

    async def _lead(self) -> None:
        """Commit all that wait, and wake them; then the next is for somebody else to lead."""
        self._has_leader = True
        batch: list[_Write] = []
        try:
            if self._had_company:
                await asyncio.sleep(0)  # those that the last commit woke write on, if they do, right now
            async with self.lock:
                batch, self._waiting = self._waiting, []
                for write in batch:
                    write.taken = True
                await self._offload(self._commit, batch)
        finally:
            self._had_company = len(batch) > 1
            next_leader = [write for write in self._waiting if _awaits(write)][:1]
            self._has_leader = bool(next_leader)
            for write in [*filter(_awaits, batch), *next_leader]:
                assert write.turn is not None, "who waits has a turn"
                write.turn.set_result(None)

    def _commit(self, batch: Sequence[_Write]) -> None:
        """All of a batch in one transaction; a write that fails takes back its own part only."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for write in batch:
                self._apply(write)
            self._db.execute("COMMIT")
        except sqlite3.Error as exc:
            self._roll_back()
            for write in batch:
                write.error = write.error or translated(exc, self._path)
        for write in batch:
            write.done = True

    def _apply(self, write: _Write) -> None:
        self._db.execute("SAVEPOINT one")
        try:
            write.result = write.work(self._db)
        except sqlite3.OperationalError:  # disk full, I/O: no write of this commit can succeed
            raise
        except Exception as exc:  # a value SQLite cannot hold, or a bug: this write alone fails
            write.error = translated(exc, self._path) if isinstance(exc, sqlite3.Error) else exc
            self._db.execute("ROLLBACK TO one")
        self._db.execute("RELEASE one")

    def _roll_back(self) -> None:
        try:
            self._db.execute("ROLLBACK")
        except sqlite3.Error:
            return  # SQLite has already rolled back by itself (disk full, I/O error)
