"""What a manifest asks for, job by job, in a database that lasts as long as a look at it: `base.Wishes`.

Pairs jobs that are not paid yet with clips that are there under another key, or in another batch, each once
and in the manifest's order. In a file without a name, so that memory stays flat at any length.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.ledger.base import Pair, Wish
from pipeline.offload import Offload

_TABLE = """
CREATE TABLE wishes (
    key         TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    position    INTEGER NOT NULL,
    on_record   INTEGER NOT NULL,
    unsent      INTEGER NOT NULL,
    open        INTEGER NOT NULL,
    old_key     TEXT,
    source      TEXT,
    sha256      TEXT
) STRICT, WITHOUT ROWID
"""
_ADD = """
INSERT INTO wishes (key, fingerprint, position, on_record, unsent, open)
VALUES (?, ?, ?, ?, ?, ?)
"""
_PAIR = """
UPDATE wishes SET old_key = :old WHERE key = (
    SELECT key FROM wishes WHERE fingerprint = :fingerprint AND unsent AND old_key IS NULL
    ORDER BY position LIMIT 1
)
AND NOT EXISTS (SELECT 1 FROM wishes WHERE key = :old OR old_key = :old)
"""
_GRANT = """
UPDATE wishes SET source = :source, sha256 = :sha256 WHERE key = (
    SELECT key FROM wishes WHERE fingerprint = :fingerprint AND open AND source IS NULL
    ORDER BY position LIMIT 1
)
AND NOT EXISTS (SELECT 1 FROM wishes WHERE fingerprint = :fingerprint AND sha256 = :sha256)
"""
_OPEN_AMONG = """
SELECT DISTINCT fingerprint FROM wishes
WHERE fingerprint IN (SELECT value FROM json_each(?)) AND open AND source IS NULL
"""
_GRANTED = """
SELECT key, source FROM wishes
WHERE source IS NOT NULL AND (?1 IS NULL OR key IN (SELECT value FROM json_each(?1)))
ORDER BY position LIMIT ?2
"""


class SqliteWishes:
    """`ledger.base.Wishes` in a private SQLite database."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute(_TABLE)
        self._has_index = False
        self._db.execute("CREATE INDEX by_old_key ON wishes (old_key) WHERE old_key IS NOT NULL")

    def close(self) -> None:
        self._db.close()

    async def add(self, wishes: Sequence[Wish]) -> None:
        await self._write(_ADD, wishes)

    async def on_record(self) -> int:
        return await self._number("SELECT count(*) FROM wishes WHERE on_record")

    async def any_unsent(self) -> bool:
        return bool(await self._number("SELECT EXISTS (SELECT 1 FROM wishes WHERE unsent)"))

    async def any_open(self) -> bool:
        return bool(await self._number("SELECT EXISTS (SELECT 1 FROM wishes WHERE open)"))

    async def _index(self) -> None:
        """By fingerprint: made once all jobs are there, and only if somebody looks for one."""
        if not self._has_index:
            self._has_index = True
            await self._rows("CREATE INDEX by_fingerprint ON wishes (fingerprint, position)")

    async def _write(self, sql: str, rows: Sequence[Mapping[str, object] | Sequence[object]]) -> None:
        def work() -> None:  # a cursor that ends its life in another thread disturbs the next statement here
            self._db.executemany(sql, rows)

        await self._offload(work)

    async def _number(self, sql: str) -> int:
        return int((await self._rows(sql))[0][0])

    async def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return await self._offload(lambda: list(self._db.execute(sql, values)))

    # --- other keys

    async def pair(self, orphans: Sequence[tuple[str, str]]) -> None:
        await self._index()
        rows = [{"old": key, "fingerprint": print_} for key, print_ in orphans]
        await self._write(_PAIR, rows)

    async def pairs(self, limit: int) -> tuple[int, list[Pair]]:
        count = await self._number("SELECT count(*) FROM wishes WHERE old_key IS NOT NULL")
        sql = "SELECT old_key, key FROM wishes WHERE old_key IS NOT NULL ORDER BY position LIMIT ?"
        return count, [Pair(str(old), str(new)) for old, new in await self._rows(sql, limit)]

    # --- other batches

    async def open_among(self, fingerprints: Sequence[str]) -> set[str]:
        await self._index()
        return {str(row[0]) for row in await self._rows(_OPEN_AMONG, json.dumps(fingerprints))}

    async def grant(self, fingerprint: str, source: str, sha256: str) -> None:
        await self._index()
        values = {"fingerprint": fingerprint, "source": source, "sha256": sha256}
        await self._write(_GRANT, [values])

    async def granted(self, keys: Sequence[str] | None = None) -> Mapping[str, str]:
        found = await self._rows(
            _GRANTED, None if keys is None else json.dumps(keys), 1 if keys is None else -1
        )
        return {str(key): str(source) for key, source in found}

    async def count_granted(self) -> int:
        return await self._number("SELECT count(*) FROM wishes WHERE source IS NOT NULL")
