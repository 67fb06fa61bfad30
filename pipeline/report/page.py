"""The page, from the ledger in one pass over the takes.

Rows pass through a file on disk, so that memory stays flat at any number of jobs. Every text from outside is
escaped where it is written: by Jinja in the page, as JSON without `<` in the data, and never as markup by the
scripts. A Content-Security-Policy allows what is in the page by its hash, and nothing else.
"""

from __future__ import annotations

import html
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from pipeline.ledger.base import Calls, Ledger, Run
from pipeline.model import TICKS_PER_USD, Take, TakeState
from pipeline.money import usd_text
from pipeline.report.bundle import assets, safe, template
from pipeline.report.commands import Commands
from pipeline.report.decisions import decisions, steps
from pipeline.report.rows import Rows
from pipeline.report.tiles import bar, run_facts, status, tiles, when
from pipeline.report.totals import Totals, budget_ticks
from pipeline.shown import shown, shown_json
from pipeline.version import __version__

PIECE_CHARS = 1 << 16
TABLE_PROMPT = 60  # characters in the table for browsers without JavaScript
_UNSENT = (TakeState.PLANNED, TakeState.HELD, TakeState.BLOCKED)
GONE = "its clip is gone from the folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a report is about. `clip_of`: where a done take's clip lies, if it does.

    `now`: wall time.
    """

    folder: Path
    commands: Commands
    clip_of: Callable[[Take], Path | None]
    now: float


async def write_page(ledger: Ledger, subject: Subject, out: IO[str]) -> None:
    """The whole page."""
    runs, calls = await ledger.runs(), await ledger.calls()
    with ExitStack() as stack:
        found = _Gathered(subject, runs[0].started_at if runs else subject.now, stack)
        async with aclosing(ledger.all_takes()) as takes:
            async for take in takes:
                found.add(take)
        for piece in template().generate(
            batch=shown(subject.folder.resolve().name),
            status=status(runs),
            providers=", ".join(sorted(map(shown, found.totals.providers))),
            tiles=tiles(found.totals, runs, found.last_seen),
            bar=bar(found.totals),
            decisions=decisions(found.totals, subject.commands),
            runs=[run_facts(run) for run in reversed(runs)],
            assets=assets(),
            facts=safe(in_script(_facts(found, runs, calls))),
            rows=_pieces(found.data),
            table=_pieces(found.table),
            version=__version__,
            made_at=when(subject.now),
            shown=shown,
        ):
            out.write(piece)


class _Gathered:
    """All takes, one after the other. `since`: wall time that the times of rows count from."""

    def __init__(self, subject: Subject, since: float, stack: ExitStack) -> None:
        self.subject = subject
        self.since = since
        self.totals = Totals()
        self.rows = Rows(subject.folder, since)
        self.last_seen: float | None = None
        self.data, self.table = (stack.enter_context(_scratch()) for _ in range(2))
        self._comma = ""

    def add(self, take: Take) -> None:
        if not take.wanted and take.state in _UNSENT:
            return  # not asked for any more
        found = self.subject.clip_of(take)
        clip = None if found is None else found.relative_to(self.subject.folder)
        if take.state is TakeState.DONE and clip is None:
            take = replace(take, state=TakeState.MISSING, reason=GONE)
        if take.changed_at is not None:
            self.last_seen = max(self.last_seen or 0.0, take.changed_at)
        self.totals.add(take)
        self.data.write(self._comma + in_script(self.rows.row(take, clip)))
        self._comma = ",\n"
        if take.wanted:
            self.table.write(_table_row(take, clip))


def _facts(found: _Gathered, runs: Sequence[Run], calls: Sequence[Calls]) -> dict[str, Any]:
    """What the scripts need to know besides the rows. Money in US dollars."""
    cap, commands = budget_ticks(runs), found.subject.commands
    return {
        "since": found.since,
        "now": found.subject.now,
        "words": found.rows.words.all(),
        "calls": [[call.minute, call.kind, call.outcome, call.count] for call in calls],
        "runs": [[run.started_at, run.ended_at] for run in runs],
        "planned": found.totals.planned_ticks / TICKS_PER_USD,
        "budget": None if cap is None else cap / TICKS_PER_USD,
        "redo": commands.redo([]),
        "resolve": commands.resolve(None),
        "steps": steps(commands),
    }


def in_script(value: object) -> str:
    """JSON that may stand in a script element: what could end it, or turn the text around, is spelled out."""
    text = shown_json(value, indent=None)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _scratch() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", newline="")


def _pieces(file: IO[str]) -> Iterator[Any]:
    """What was written, as text that needs no more escaping."""
    file.seek(0)
    while piece := file.read(PIECE_CHARS):
        yield safe(piece)


def _table_row(take: Take, clip: Path | None) -> str:
    """A job for browsers that run no scripts."""
    prompt = take.job.prompt[:TABLE_PROMPT] + ("…" if len(take.job.prompt) > TABLE_PROMPT else "")
    what = _text(take.reason or "") if clip is None else f'<a href="{_text(quote(str(clip)))}">clip</a>'
    cost = "" if take.cost_ticks is None else usd_text(take.cost_ticks)
    first = f"<tr><td>{_text(take.job.key)}<td>{take.state.value}<td>{cost}"
    return f"{first}<td>{what}<td dir=auto>{_text(prompt)}\n"


def _text(text: str) -> str:
    return html.escape(shown(text))
