"""Short looks at a ledger that is not ours to open: what of it is still open, and how its run stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import LedgerError
from pipeline.ledger.others import opened_to_read
from pipeline.ledger.sqlite import QUERIES
from pipeline.model import SIM_ORIGIN, TakeState


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How a batch stands. `run`: the number of its last run, 0 for none. UTC seconds, and ticks.

    `counts`: wanted and selected takes by state. `provider` and `simulated`: of the take that was sent last.
    """

    run: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    counts: Mapping[TakeState, int]
    settled_ticks: int
    reserved_ticks: int
    provider: str | None = None
    simulated: bool = False


def sight(path: Path) -> Sight:
    """All of it in one short transaction, beside whatever runs. Blocking. Raises LedgerError."""
    try:
        with closing(opened_to_read(path)) as db:
            db.execute("BEGIN")
            last = "SELECT id, started_at, ended_at, exit_code FROM runs ORDER BY id DESC LIMIT 1"
            run, started_at, ended_at, exit_code = next(db.execute(last), (0, None, None, None))
            counts = {TakeState(state): count for state, count in db.execute(QUERIES["counts"])}
            total, settled = next(db.execute(QUERIES["charges"]))
            sent = "SELECT provider, origin FROM takes WHERE origin IS NOT NULL ORDER BY id DESC LIMIT 1"
            provider, origin = next(db.execute(sent), (None, None))
    except (sqlite3.Error, OSError, ValueError) as exc:
        raise LedgerError(f"ledger {path} cannot be read ({exc})") from exc
    return Sight(
        run=run,
        started_at=started_at,
        ended_at=ended_at,
        exit_code=exit_code,
        counts=counts,
        settled_ticks=settled,
        reserved_ticks=total - settled,
        provider=provider,
        simulated=origin == SIM_ORIGIN,
    )
