"""A batch's books, kept apart from the product's: what each row counts, by arithmetic of the tests' own.

Read in SQL inside the very transaction of each intent, so that no other write can come in between.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

COUNTS = """CASE
    WHEN t.state IN ('planned', 'held', 'blocked') THEN 0
    WHEN t.state = 'rejected' THEN COALESCE(t.cost_ticks, 0)
    WHEN t.cost_ticks = 0 AND t.state IN ('failed', 'expired', 'moderated') THEN 0
    WHEN t.cost_ticks IS NOT NULL AND NOT t.own_price THEN t.cost_ticks
    WHEN t.state IN ('done', 'missing') THEN COALESCE(t.estimate_ticks, 0)
    ELSE COALESCE(t.reserved_ticks, 0)
END"""
"""Ticks of a take t. docs/design.md, "Money"."""

ON_INTENT = f"""
CREATE TEMP TRIGGER intended AFTER UPDATE OF state ON takes WHEN new.state = 'submitting' BEGIN
    SELECT note_intent(
        (SELECT sum({COUNTS}) FROM takes t),
        (SELECT sum({COUNTS}) FROM takes t WHERE t.sent_by = new.sent_by)
    );
END"""  # noqa: S608 - text of ours
"""Tells `note_intent` what batch and run count with the new take."""

_TOTALS = f"""
SELECT
    (SELECT COALESCE(sum({COUNTS}), 0) FROM takes t),
    (SELECT COALESCE(sum(ticks), 0) FROM spending),
    (SELECT COALESCE(sum(max(0, t.cost_ticks - COALESCE(t.reserved_ticks, 0))), 0) FROM takes t
        WHERE NOT t.own_price)
"""  # noqa: S608


_BY_RUN = f"""
SELECT t.sent_by, strftime('%Y-%m', COALESCE(t.intent_at, 0), 'unixepoch'), sum({COUNTS})
FROM takes t GROUP BY 1, 2 HAVING sum({COUNTS}) <> 0 ORDER BY 1, 2
"""  # noqa: S608
_KEPT = "SELECT run_id, month, ticks FROM spending WHERE ticks <> 0 ORDER BY run_id, month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """`excess_ticks`: by how much figures of the gateway are above what was reserved for them."""

    counted_ticks: int
    on_record_ticks: int
    excess_ticks: int
    by_run: list[tuple[int, str, int]]  # counted, by the run that sent and the month of the intent
    kept_by_run: list[tuple[int, str, int]]


def read_books(ledger: Path) -> Books | None:
    """What is in a ledger's file, as another process finds it; None where a run died before it was made."""
    db = sqlite3.connect(ledger)
    try:
        if not list(db.execute("SELECT name FROM sqlite_schema WHERE name = 'spending'")):
            return None
        counted, on_record, excess = next(iter(db.execute(_TOTALS)))
        return Books(
            counted_ticks=counted,
            on_record_ticks=on_record,
            excess_ticks=excess,
            by_run=list(db.execute(_BY_RUN)),
            kept_by_run=list(db.execute(_KEPT)),
        )
    finally:
        db.close()
