"""The last runs of a batch, as people and programs read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from pipeline.cli.endings import cut, exit_text
from pipeline.clock import utc_text
from pipeline.deadline import in_words
from pipeline.ledger.base import Run
from pipeline.money import usd_text
from pipeline.shown import shown

LAST = 5
NO_END = "goes on, or was killed"


def run_table(runs: Sequence[Run]) -> Table:
    """One line per run: when, how long, what it brought and spent, and how it ended."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("run", "began", "took"):
        table.add_column(column, no_wrap=True)
    table.add_column("clips", justify="right", no_wrap=True)
    table.add_column("spent", justify="right", no_wrap=True)
    table.add_column("how it ended", overflow="fold")
    for run in runs:
        took = "" if run.ended_at is None else in_words(max(0.0, run.ended_at - run.started_at))
        clips = "" if run.clips is None else str(run.clips)
        spent = usd_text(run.spent_ticks) if run.spent_ticks else ""
        table.add_row(str(run.id), utc_text(run.started_at), took, clips, spent, Text(shown(_ended(run))))
    return table


def _ended(run: Run) -> str:
    if run.exit_code is None:
        return NO_END
    return exit_text(run.exit_code) + (f": {cut(run.reason)}" if run.reason else "")


def run_facts(run: Run) -> dict[str, Any]:
    """A run for `--json`, under the ledger's names."""
    return {
        "run": run.id,
        "manifest": run.manifest,
        "version": run.version,
        "started_at": utc_text(run.started_at),
        "ended_at": None if run.ended_at is None else utc_text(run.ended_at),
        "exit_code": run.exit_code,
        "reason": run.reason,
        "clips": run.clips,
        "spent_ticks": run.spent_ticks,
    }
