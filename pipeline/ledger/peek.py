"""A short look at a ledger that nobody opened: which manifest it is of, and what of it is still open."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import LedgerError
from pipeline.ledger.others import opened_to_read
from pipeline.model import TakeState


@dataclass(frozen=True, slots=True)
class Peek:
    """`manifest`: as the last run called it; `counts`: takes in the states that were asked for."""

    manifest: str | None
    counts: Mapping[TakeState, int]


def peek(path: Path, states: Collection[TakeState]) -> Peek:
    """Blocking. Unknown takes that were sent again do not count. Raises LedgerError."""
    try:
        with closing(opened_to_read(path)) as db:
            manifests = list(db.execute("SELECT manifest FROM runs ORDER BY id DESC LIMIT 1"))
            marks = ", ".join("?" * len(states))
            counts = db.execute(
                f"SELECT state, count(*) FROM takes WHERE NOT replaced AND state IN ({marks}) GROUP BY state",  # noqa: S608
                [state.value for state in states],
            )
            found = {TakeState(state): count for state, count in counts}
            return Peek(manifests[0][0] if manifests else None, found)
    except (sqlite3.Error, OSError, ValueError) as exc:
        raise LedgerError(f"its ledger cannot be read ({exc})") from exc
