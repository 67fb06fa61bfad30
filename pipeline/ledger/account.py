"""What all batches of one account spend in a month: a small ledger beside the batches, shared by their runs.

Each batch keeps one row a month, always the whole sum from its own ledger, so that a row that a dead run
left is right again with the next. A reservation is one transaction over all rows: two runs cannot both take
the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import DiskFullError, LedgerError
from pipeline.ledger.base import OverCapError
from pipeline.ledger.connection import Connect, Connection, connect, translated
from pipeline.money import usd_text
from pipeline.offload import Offload

ACCOUNT_NAME = ".account.sqlite"
_TABLE = """
CREATE TABLE IF NOT EXISTS spending (
    account TEXT NOT NULL,
    month   TEXT NOT NULL, -- of the intents, in UTC
    batch   TEXT NOT NULL,
    ticks   INTEGER NOT NULL,
    PRIMARY KEY (account, month, batch)
) STRICT, WITHOUT ROWID
"""
_PUT = """
INSERT INTO spending (account, month, batch, ticks) VALUES (:account, :month, :batch, :ticks)
ON CONFLICT (account, month, batch) DO UPDATE SET ticks = excluded.ticks
"""
_SUM = "SELECT COALESCE(sum(ticks), 0) FROM spending WHERE account = :account AND month = :month"


class SqliteAccount:
    """`ledger.base.Account` in one SQLite file. `account`: the origin of the gateway; `batch`: a folder."""

    def __init__(self, db: Connection, path: Path, account: str, batch: str, offload: Offload) -> None:
        self._db = db
        self._path = path
        self._own = {"account": account, "batch": batch}
        self._offload = offload

    @classmethod
    async def open(
        cls, path: Path, account: str, batch: str, offload: Offload, connect: Connect = connect
    ) -> SqliteAccount:
        """Raises LedgerError, DiskFullError."""
        return cls(await offload(_opened, path, connect), path, account, batch, offload)

    async def close(self) -> None:
        await self._offload(self._db.close)

    async def publish(self, spent: Mapping[str, int]) -> None:
        await self._offload(self._commit, spent, None, 0, 0)

    async def reserve(self, spent: Mapping[str, int], month: str, more: int, cap: int) -> None:
        await self._offload(self._commit, {month: 0, **spent}, month, more, cap)

    def _commit(self, spent: Mapping[str, int], month: str | None, more: int, cap: int) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for its_month, ticks in spent.items():
                    ticks += more if its_month == month else 0
                    self._db.execute(_PUT, {**self._own, "month": its_month, "ticks": ticks})
                if month is not None:
                    self._check(month, more, cap)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as exc:
            raise _translated(exc, self._path) from exc

    def _check(self, month: str, more: int, cap: int) -> None:
        total = next(iter(self._db.execute(_SUM, {**self._own, "month": month})))[0]
        if total > cap:
            raise OverCapError(
                f"{usd_text(more)} more would bring what this account has spent and reserved in {month} to"
                f" {usd_text(total)}, above limits.month_usd of {usd_text(cap)}"
            )


def _opened(path: Path, connect: Connect) -> Connection:
    try:
        if path.is_symlink():
            raise LedgerError(f"{path} is a link, and what it leads to is not written: remove it")
        db = connect(path)
        path.chmod(0o600)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON"):
            list(db.execute(f"PRAGMA {pragma}"))
        db.execute(_TABLE)
        return db
    except (sqlite3.Error, OSError) as exc:
        raise _translated(exc, path) from exc


def _translated(exc: Exception, path: Path) -> DiskFullError | LedgerError:
    if isinstance(error := translated(exc, path), DiskFullError):
        return error
    return LedgerError(
        f"{path} cannot be used ({exc}): move it away; each batch adds its sums at its next run"
    )
