"""Ledgers of other batches: their clips and how long these took, read beside whatever runs there.

Nothing is locked or changed, not even a journal. Pages are read in transactions of their own: a long reader
would stop a run's checkpoints. What cannot be read is left out, with a note.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.ledger.base import KeptClip, RenderTime
from pipeline.ledger.connection import APPLICATION_ID, newest_schema
from pipeline.manifest.rules import check_key
from pipeline.model import Job, Take, TakeState
from pipeline.offload import Offload

PAGE = 256
LAST_BATCHES = 5  # whose render times are read
LEDGER_NAME = "ledger.sqlite"
_COLUMNS = (
    "id", "fingerprint", "number", "provider", "origin", "credential", "remote_id", "reported_s", "sha256",
    "size_bytes",
)  # fmt: skip
_KEPT = f"""
SELECT job_key, {", ".join(_COLUMNS)} FROM takes
WHERE state = 'done' AND id > ? AND origin = ? AND sha256 IS NOT NULL ORDER BY id LIMIT ?
"""  # noqa: S608 - names of ours
_TIMES = "SELECT kind, unready_s, ready_s FROM render_times ORDER BY id DESC LIMIT 10000"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
Note = Callable[[str], None]


async def kept_clips(
    batches: Path, own: Path, origin: str, offload: Offload, note: Note
) -> AsyncGenerator[list[KeptClip], None]:
    """Done takes of every other batch in a folder that were made at `origin`, page by page."""
    for folder in await offload(_other_batches, batches, own):
        try:
            db = await offload(opened_to_read, folder / LEDGER_NAME)
            try:
                after = 0
                while page := await offload(_page, db, folder, after, origin):
                    yield page
                    after = page[-1].take.id
            finally:
                await offload(db.close)
        except (sqlite3.Error, OSError, ValueError) as exc:
            note(f"batch {folder.name} is left out: its ledger cannot be read ({exc})")


def other_render_times(batches: Path, own: Path, origin: str) -> list[RenderTime]:
    """What the last other batches at `origin` saw of how long clips take, the oldest first. Blocking.

    Only advice on when to ask: a ledger that cannot be read, or is older than these times, tells nothing.
    """
    folders = _other_batches(batches, own)
    found: list[RenderTime] = []
    for folder in sorted(folders, key=_last_change)[-LAST_BATCHES:]:
        try:
            with closing(opened_to_read(folder / LEDGER_NAME)) as db:
                if list(db.execute("SELECT 1 FROM takes WHERE origin = ? LIMIT 1", (origin,))):
                    rows = list(db.execute(_TIMES))
                    found += [
                        RenderTime(str(kind), float(low), float(high)) for kind, low, high in rows[::-1]
                    ]
        except (sqlite3.Error, OSError, ValueError, TypeError):
            continue
    return found


def _last_change(folder: Path) -> float:
    try:
        return (folder / LEDGER_NAME).stat().st_mtime
    except OSError:
        return 0.0


def _other_batches(batches: Path, own: Path) -> list[Path]:
    found = sorted(path.parent for path in batches.glob(f"*/{LEDGER_NAME}"))
    return [folder for folder in found if not _is_same(folder, own)]


def _is_same(folder: Path, own: Path) -> bool:
    try:
        return folder.samefile(own)
    except OSError:  # ours is not there yet, or that one is not there any more
        return False


def opened_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises ValueError for what is no ledger that we know."""
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is no plain file")
    # Without a journal nobody has it open, and none need be made to read it.
    idle = not path.with_name(path.name + "-wal").exists()
    address = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' * idle}"
    db = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=2.0)
    try:
        if _one(db, "PRAGMA application_id") != APPLICATION_ID:
            raise ValueError("it is not a nightreel ledger")
        if _one(db, "PRAGMA user_version") > newest_schema():
            raise ValueError("it is from a newer nightreel")
    except BaseException:
        db.close()
        raise
    return db


def _one(db: sqlite3.Connection, sql: str) -> Any:
    return next(iter(db.execute(sql)))[0]


def _page(db: sqlite3.Connection, folder: Path, after: int, origin: str) -> list[KeptClip]:
    with closing(db.execute(_KEPT, (after, origin, PAGE))) as rows:
        return list(_clips(rows, folder))


def _clips(rows: sqlite3.Cursor, folder: Path) -> Iterator[KeptClip]:
    for key, *values in rows:
        check_key(key)  # it becomes a path, and so does the fingerprint
        if not _FINGERPRINT.fullmatch(values[1]):
            raise ValueError(f"{values[1]!r} is no fingerprint")
        facts = dict(zip(_COLUMNS, values, strict=True))
        job = Job(key=key, prompt="")  # what it asks for is in its fingerprint
        yield KeptClip(folder=folder, take=Take(job=job, state=TakeState.DONE, **facts))
