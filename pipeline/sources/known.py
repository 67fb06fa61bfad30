"""Pictures that passed the checks before, so that the next night does not read them all again.

A small database in the user's cache folder. It saves time and decides nothing: what is sent is hashed again
right before. Whenever it cannot be used (locked, damaged, foreign, no folder), it is as if it knew nothing,
for the rest of the run; it may be deleted at any time.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

RULES_VERSION = 1
"""Raise it with every change of the checks: what passed the old ones is then looked at again."""
MAX_ROWS = 200_000
FRESH_S = 2.0  # a file changed so recently may change again and show the same time
BUSY_S = 0.25
_BATCH = 500  # rows that are written together, and lost together when the process is killed
_APPLICATION_ID = 0x4E525043  # "NRPC" in the file's header
_SCHEMA_VERSION = 1
_DAY_S = 86_400
_TABLE = """
CREATE TABLE IF NOT EXISTS picture (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    rules INTEGER NOT NULL, sha256 TEXT NOT NULL, media_type TEXT NOT NULL, used_day INTEGER NOT NULL
) WITHOUT ROWID
"""
_FIND = (
    "SELECT sha256, media_type, used_day FROM picture"
    " WHERE path = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND rules = ?"
)
_ADD = "INSERT OR REPLACE INTO picture VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_TOUCH = "UPDATE picture SET used_day = ? WHERE path = ?"
_PRUNE = """
DELETE FROM picture WHERE path IN (
    SELECT path FROM picture ORDER BY used_day LIMIT max(0, (SELECT count(*) FROM picture) - ?)
)
"""
_Row = tuple[bytes, int, int, int, int, str, str, int]


def cache_path(env: Mapping[str, str]) -> Path | None:
    """Where the user's cache lies; None where there is no place for it. Source: XDG Base Directory 0.8."""
    named, home = Path(env.get("XDG_CACHE_HOME", "")), Path(env.get("HOME", ""))
    folder = named if named.is_absolute() else home / ".cache"
    return folder / "nightreel" / "pictures.sqlite" if folder.is_absolute() else None


class Known:
    """What is known of pictures by path, size and times. For any number of threads and processes."""

    def __init__(self, path: Path | None, wall: Callable[[], float], *, max_rows: int = MAX_ROWS) -> None:
        """`path`: the database, made where there is none; None: know nothing. `wall`: UTC seconds."""
        self._wall = wall
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._added: dict[bytes, _Row] = {}
        self._touched: set[bytes] = set()
        self._db = None if path is None else _open(path)

    def find(self, path: Path, now: os.stat_result) -> tuple[str, str] | None:
        """SHA-256 and media type of the picture at `path`, if it is as it was when it passed the checks."""
        key = os.fsencode(path)
        with self._lock:
            if (added := self._added.get(key)) is not None:
                return added[5:7] if added[:5] == _identity(key, now) else None
            if self._db is None:
                return None
            try:
                row = self._db.execute(_FIND, _identity(key, now)).fetchone()
            except (sqlite3.Error, OverflowError):
                self._give_up()
                return None
            if row is None or not _sound(row):
                return None
            if row[2] != self._today():
                self._touched.add(key)
                self._flush_if_many()
            return row[0], row[1]

    def add(self, path: Path, now: os.stat_result, sha256: str, media_type: str) -> None:
        """Remember a picture that passed the checks. `now`: as it was just before it was read."""
        if self._wall() - now.st_mtime < FRESH_S:
            return
        key = os.fsencode(path)
        with self._lock:
            if self._db is not None:
                self._added[key] = (*_identity(key, now), sha256, media_type, self._today())
                self._flush_if_many()

    def close(self) -> None:
        """Write what is not written yet. What comes after is neither found nor kept."""
        with self._lock:
            self._flush()
            self._give_up()

    def _today(self) -> int:
        return int(self._wall() // _DAY_S)

    def _flush_if_many(self) -> None:
        if len(self._added) + len(self._touched) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._db is None or not (self._added or self._touched):
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(_TOUCH, [(self._today(), key) for key in self._touched])
            self._db.executemany(_ADD, self._added.values())
            self._db.execute(_PRUNE, (self._max_rows,))
            self._db.execute("COMMIT")
            self._added.clear()
            self._touched.clear()
        except (sqlite3.Error, OverflowError):
            self._give_up()

    def _give_up(self) -> None:
        """An error once means an error, or a wait, for each of 100,000 pictures."""
        if self._db is not None:
            self._db.close()
        self._db = None
        self._added.clear()
        self._touched.clear()


def _identity(key: bytes, now: os.stat_result) -> tuple[bytes, int, int, int, int]:
    """With the time of any change at all: `cp -p` and `rsync -t` bring other content with an old date."""
    return key, now.st_size, now.st_mtime_ns, now.st_ctime_ns, RULES_VERSION


def _sound(row: tuple[object, ...]) -> bool:
    return isinstance(row[0], str) and len(row[0]) == 64 and str(row[1]).startswith("image/")


def _open(path: Path) -> sqlite3.Connection | None:
    """The database, for its owner's eyes only; None if it cannot be had, or is not ours."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o600))
        if not path.is_file():
            return None
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
    except (OSError, ValueError, sqlite3.Error):
        return None
    try:
        if _is_ours(db):
            path.chmod(0o600)
            return db
    except (OSError, sqlite3.Error):
        pass
    db.close()
    return None


def _is_ours(db: sqlite3.Connection) -> bool:
    """Whether it may be used; an empty one, and one of an older version, is made anew."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (owner,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    db.execute("PRAGMA synchronous = NORMAL")
    if tables and owner != _APPLICATION_ID:
        return False
    if version != _SCHEMA_VERSION or not tables:
        db.execute("BEGIN IMMEDIATE")
        db.execute("DROP TABLE IF EXISTS picture")
        db.execute(_TABLE)
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        db.execute("COMMIT")
    return True
