"""Where each job of a manifest is written, looked up by its key: for tables that lead back to the source.

Kept in a private SQLite database without a name, so that memory stays flat at any length.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.manifest.data import Cell
from pipeline.manifest.shapes import Entry

_TABLE = """
CREATE TABLE written (
    key TEXT PRIMARY KEY, file TEXT NOT NULL, line INTEGER NOT NULL, row INTEGER, inputs TEXT
) STRICT, WITHOUT ROWID
"""


class Written(NamedTuple):
    """`file` and `line`: of the data file, for a job that was made from its `row` (counted from 1, without
    the header); else of the manifest. `inputs`: values by name, of those that were asked for."""

    file: str
    line: int
    row: int | None
    inputs: Mapping[str, Cell]


class WrittenJobs:
    """The jobs of one manifest. `names`: the inputs to keep. Blocking; close it after use."""

    def __init__(self, names: Sequence[str]) -> None:
        self.known: dict[str, None] = {}
        """Every input that some job has, in the order they came."""
        self._names = names
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute(_TABLE)

    def close(self) -> None:
        self._db.close()

    def add(self, entries: Iterable[Entry]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO written VALUES (?, ?, ?, ?, ?)", map(self._row, entries))
        self._db.execute("COMMIT")

    def of(self, key: str) -> Written | None:
        """None for a job that the manifest does not hold."""
        found = self._db.execute("SELECT file, line, row, inputs FROM written WHERE key = ?", (key,))
        for file, line, row, inputs in found:
            return Written(file, line, row, json.loads(inputs or "{}"))
        return None

    def _row(self, entry: Entry) -> tuple[str, str, int, int | None, str | None]:
        inputs, made_from = entry.inputs, entry.row
        self.known.update(dict.fromkeys(inputs))
        kept = {name: inputs[name] for name in self._names if name in inputs}
        text = json.dumps(kept) if kept else None
        if made_from is None:
            return entry.key, entry.file, entry.line, None, text
        return entry.key, made_from.file, made_from.line, made_from.number, text
