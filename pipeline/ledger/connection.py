"""Opening the ledger's database: pragmas, identity, numbered migrations, and the seam for tests.

A file that is not ours, or that a newer version wrote, is refused and left as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import DiskFullError, LedgerError

APPLICATION_ID = 0x4E52454C  # "NREL" in the file's header


class Connection(Protocol):
    """The little of a database connection that the ledger uses, so that a test can bring its own."""

    def execute(self, sql: str, values: Mapping[str, Any] = ..., /) -> Iterable[tuple[Any, ...]]: ...
    def close(self) -> None: ...


Connect = Callable[[Path], Connection]


def connect(path: Path) -> Connection:
    """A connection that commits only when told to, usable from the ledger's own thread."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)


def open_database(path: Path, connect: Connect = connect) -> Connection:
    """A ready ledger database at `path`, made or migrated as needed. Raises LedgerError."""
    try:
        db = connect(path)
        try:
            _check(db, path)
            path.chmod(0o600)  # first: SQLite makes -wal and -shm with the mode that the database has then
            _configure(db)
            _migrate(db)
        except BaseException:
            db.close()
            raise
        return db
    except (sqlite3.Error, OSError) as exc:
        raise translated(exc, path) from exc


def translated(exc: Exception, path: Path) -> DiskFullError | LedgerError:
    """A database error as ours, saying what to do."""
    code = getattr(exc, "sqlite_errorcode", 0)
    # With a few KiB left it is the index of the WAL that finds no room, and SQLite calls that an I/O error.
    if code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return DiskFullError(f"no room left to write {path}: free some space and run again")
    damaged = code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    hint = f"; `nightreel recover {path.parent}` makes a new one" if damaged else ""
    return LedgerError(f"ledger {path} cannot be used: {exc}{hint}")


def _one(db: Connection, sql: str) -> Any:
    return next(iter(db.execute(sql)))[0]


def _check(db: Connection, path: Path) -> None:
    tables = _one(db, "SELECT count(*) FROM sqlite_schema")
    if tables and _one(db, "PRAGMA application_id") != APPLICATION_ID:
        raise LedgerError(f"{path} is not a nightreel ledger: move it away or choose another --output")
    found, known = _one(db, "PRAGMA user_version"), len(_migrations())
    if found > known:
        raise LedgerError(
            f"ledger {path} is from a newer nightreel (schema {found}, this one knows {known}): upgrade"
        )


def _configure(db: Connection) -> None:
    """WAL, so that `status` reads beside a run; FULL, so that a commit is on disk when it returns."""
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "foreign_keys = ON"):
        list(db.execute(f"PRAGMA {pragma}"))


@cache
def _migrations() -> Sequence[str]:
    folder = files(__package__) / "migrations"
    return [
        part.read_text("utf-8")
        for part in sorted(folder.iterdir(), key=lambda part: part.name)
        if part.name.endswith(".sql")
    ]


def newest_schema() -> int:
    """The number of the last migration that we know."""
    return len(_migrations())


def _migrate(db: Connection) -> None:
    """Run what this database has not seen, each in its own transaction."""
    for number, script in enumerate(_migrations(), start=1):
        if _one(db, "PRAGMA user_version") >= number:
            continue
        db.execute("BEGIN IMMEDIATE")
        if _one(db, "PRAGMA user_version") < number:  # else another process made it while we waited
            for statement in statements(script):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: a transaction cannot span `executescript`."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def named_queries(text: str) -> dict[str, str]:
    """The queries of a file by the name in the `-- name:` line above each."""
    found: dict[str, str] = {}
    for block in text.split("-- name:")[1:]:
        name, _, query = block.partition("\n")
        found[name.strip()] = query.strip().rstrip(";")
    return found
