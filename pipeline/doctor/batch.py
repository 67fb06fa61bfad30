"""A batch that is there already: its lock, its ledger, and what lies about. Looks only, changes nothing.

So the ledger is opened by hand and not by its own door, which would make, configure and migrate it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

from pipeline.doctor.finding import Finding, fine, problem, warning
from pipeline.errors import UsageError
from pipeline.ledger.connection import APPLICATION_ID
from pipeline.ledger.sqlite import QUERIES
from pipeline.opening import LEDGER_NAME
from pipeline.storage.lock import is_held
from pipeline.storage.planted import refuse_links

BUSY_S = 5.0
MIGRATIONS = files("pipeline.ledger") / "migrations"
KNOWN_SCHEMA = sum(part.name.endswith(".sql") for part in MIGRATIONS.iterdir())
LEFT = {"part": "part file", "rejected": "rejected file"}
KEEP = "restore it from a backup: a run without it would pay for every clip again"
ELSEWHERE = "give it another --output, or another batch name"


def batch_check(folder: Path, origin: str | None) -> Finding:
    """One batch folder. `origin`: of the gateway that a run would use; None where that is not known."""
    name = f"batch {folder.name}"
    try:
        if not os.path.lexists(folder):
            return fine(name, f"not begun: there is no {folder}")
        if not folder.is_dir():
            return problem(name, f"{folder} is not a folder", ELSEWHERE)
        refuse_links(folder)
        ledger = folder / LEDGER_NAME
        if not os.path.lexists(ledger):
            return fine(name, f"not begun: no ledger in {folder}")
        held = is_held(folder)
        return ledger_check(name, ledger, origin, held=held, notes=_notes(folder, held=held))
    except UsageError as exc:
        seen, _, do = str(exc).partition(": ")
        return problem(name, seen, do)
    except OSError as exc:
        return problem(name, f"{folder} cannot be read: {exc.strerror}", ELSEWHERE)


def _notes(folder: Path, *, held: bool) -> list[str]:
    notes = ["a run holds it now"] if held else []
    for ending, what in LEFT.items():
        if count := sum(1 for _ in (folder / "clips").rglob(f"*.{ending}")):
            notes.append(f"{count} {what}{'s' * (count != 1)} in clips/")
    return notes


def ledger_check(name: str, path: Path, origin: str | None, *, held: bool, notes: list[str]) -> Finding:
    """Whether a run could go on with this ledger."""
    wal, index = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
    unwritten = wal.exists() and wal.stat().st_size > 0
    if unwritten and not index.exists() and not held:
        seen = f"{wal.name} lies beside the ledger without its -shm, so a look would write"
        return warning(name, seen, f"nightreel status {path.parent} opens it, and shows whether it is whole")
    # Without "immutable" SQLite makes -wal and -shm for a mere look; with it, it does not read what is there.
    how = "mode=ro" if held or unwritten else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=BUSY_S)) as db:
            return _read(name, path, db, origin, held=held, notes=notes)
    except sqlite3.Error as exc:
        return problem(name, f"ledger {path} cannot be used: {exc}", KEEP)


def _read(
    name: str, path: Path, db: sqlite3.Connection, origin: str | None, *, held: bool, notes: list[str]
) -> Finding:
    tables = _one(db, "SELECT count(*) FROM sqlite_schema")
    if not tables:
        return fine(name, ", ".join(["not begun: its ledger is empty", *notes]))
    if _one(db, "PRAGMA application_id") != APPLICATION_ID:
        return problem(name, f"{path} is not a nightreel ledger", f"move it away, or {ELSEWHERE}")
    schema = _one(db, "PRAGMA user_version")
    if schema > KNOWN_SCHEMA:
        seen = f"ledger {path} is from a newer nightreel (schema {schema}, this one knows {KNOWN_SCHEMA})"
        return problem(name, seen, "upgrade")
    # A long reader stops the checkpoints of a run, and a run finds damage by itself.
    if not held and (damage := _one(db, "PRAGMA quick_check(1)")) != "ok":
        return problem(name, f"ledger {path} is damaged: {damage}", KEEP)
    made_at = sorted(row[0] for row in db.execute(QUERIES["origins"]))
    others = [place for place in made_at if origin is not None and place != origin]
    if others:
        seen = f"{path.parent} was made at {others[0]}, a run would use {origin}"
        return problem(name, seen, ELSEWHERE)
    takes = _one(db, "SELECT count(*) FROM takes")
    if schema < KNOWN_SCHEMA:
        notes = [*notes, f"of an older nightreel: the next run brings it from schema {schema} up to date"]
    made = f"made at {made_at[0]}" if made_at else "nothing sent yet"
    return fine(name, ", ".join([f"{takes} take{'s' * (takes != 1)}, {made}, ledger is whole", *notes]))


def _one(db: sqlite3.Connection, sql: str) -> Any:
    return db.execute(sql).fetchone()[0]
