"""A copy of the ledger that stands on its own, and whether a file is a ledger that can be read."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from enum import Enum
from pathlib import Path

from pipeline.durable import sync
from pipeline.errors import LedgerError
from pipeline.ledger.connection import APPLICATION_ID, translated

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Health(Enum):
    """What can be said of a ledger's file."""

    MISSING = "missing"
    DAMAGED = "damaged"
    WHOLE = "whole"


def copy_database(source: Path, target: Path) -> None:
    """Copy a ledger, also beside a writer. `target` is the old copy or the whole new one.

    Raises LedgerError, DiskFullError.
    """
    temporary = target.with_name(target.name + ".tmp")
    try:
        temporary.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            _copy(source, temporary)
            sync(temporary)
            os.replace(temporary, target)
            sync(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except (sqlite3.Error, OSError) as exc:
        raise translated(exc, target) from exc


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")  # one file: no -wal to go with it


def health(path: Path) -> Health:
    """Look through a whole ledger. Raises LedgerError where it is something else, or cannot be looked at."""
    if not path.exists():
        return Health.MISSING
    try:
        with closing(sqlite3.connect(path)) as db:
            return _health(db, path)
    except sqlite3.Error as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
            return Health.DAMAGED
        raise translated(exc, path) from exc


def _health(db: sqlite3.Connection, path: Path) -> Health:
    ((tables,),) = db.execute("SELECT count(*) FROM sqlite_schema")
    ((application,),) = db.execute("PRAGMA application_id")
    if tables and application != APPLICATION_ID:
        raise LedgerError(f"{path} is not a nightreel ledger: move it away, then recover")
    ((found,),) = db.execute("PRAGMA quick_check(1)")
    ((takes,),) = db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'takes'")
    return Health.WHOLE if found == "ok" and takes else Health.DAMAGED
