"""The page, from the ledger in one pass over the takes.

Rows pass through a file on disk, so that memory stays flat at any number of jobs. Every text from outside is
escaped where it is written: by Jinja in the page, as JSON without `<` in the data, and never as markup by the
scripts. A Content-Security-Policy allows what is in the page by its hash, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import html
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import quote

from pipeline.clock import utc_text
from pipeline.ledger.base import Ledger, Run
from pipeline.model import Take, TakeState
from pipeline.money import usd_text
from pipeline.report.commands import Commands
from pipeline.report.decisions import decisions, steps
from pipeline.report.rows import Rows
from pipeline.report.totals import Totals, budget_ticks, busy_s
from pipeline.shown import shown, shown_json
from pipeline.version import __version__

PIECE_CHARS = 1 << 16
TABLE_PROMPT = 60  # characters in the table for browsers without JavaScript
STATE_ORDER = (
    "done", "ready", "accepted", "submitting", "planned", "unknown", "missing", "undelivered", "failed",
    "expired", "rejected", "moderated", "held", "blocked",
)  # fmt: skip
GONE = "its clip is gone from the folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a report is about. `clip_of`: where a take's clip lies below `folder`, if it does.

    `now`: wall time.
    """

    folder: Path
    commands: Commands
    clip_of: Callable[[Take], Path | None]
    now: float


async def write_page(ledger: Ledger, subject: Subject, out: IO[str]) -> None:
    """The whole page."""
    runs = await ledger.runs()
    since = runs[0].started_at if runs else subject.now
    totals, rows = Totals(), Rows(subject.folder, since)
    last_seen: float | None = None
    with ExitStack() as stack:
        data, table = (stack.enter_context(_scratch()) for _ in range(2))
        async with aclosing(ledger.all_takes()) as takes:
            async for take in takes:
                if not take.wanted and take.state in (TakeState.PLANNED, TakeState.HELD, TakeState.BLOCKED):
                    continue  # never sent, and not asked for any more
                clip = subject.clip_of(take) if take.state is TakeState.DONE else None
                if take.state is TakeState.DONE and clip is None:
                    take = replace(take, state=TakeState.MISSING, reason=GONE)
                last_seen = max(last_seen or 0.0, take.changed_at or 0.0)
                totals.add(take)
                data.write((",\n" if data.tell() else "") + in_script(rows.row(take, clip)))
                if take.wanted:
                    table.write(_table_row(take, clip))
        facts = {
            "since": since,
            "now": subject.now,
            "words": rows.words.all(),
            "calls": [[call.minute, call.kind, call.outcome, call.count] for call in await ledger.calls()],
            "runs": [[run.started_at, run.ended_at] for run in runs],
            "planned": totals.planned_ticks / 1e10,
            "budget": None if (cap := budget_ticks(runs)) is None else cap / 1e10,
            "redo": subject.commands.redo([]),
            "resolve": subject.commands.resolve(None),
            "steps": steps(subject.commands),
        }
        for piece in _template().generate(
            batch=shown(subject.folder.resolve().name),
            head=_head(totals, runs, last_seen),
            bar=_bar(totals),
            decisions=decisions(totals, subject.commands),
            runs=[_run_facts(run) for run in reversed(runs)],
            totals=totals,
            assets=_assets(),
            facts=_safe(in_script(facts)),
            rows=_pieces(data),
            table=_pieces(table),
            version=__version__,
            made_at=_when(subject.now),
            usd=usd_text,
            shown=shown,
        ):
            out.write(piece)


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
        yield _safe(piece)


def _safe(text: str) -> Any:
    import markupsafe

    return markupsafe.Markup(text)  # noqa: S704 - escaped where it was written


def _table_row(take: Take, clip: Path | None) -> str:
    """A job for browsers that run no scripts."""
    prompt = take.job.prompt[:TABLE_PROMPT] + ("…" if len(take.job.prompt) > TABLE_PROMPT else "")
    what = _text(take.reason or "") if clip is None else f'<a href="{_text(quote(str(clip)))}">clip</a>'
    cost = "" if take.cost_ticks is None else usd_text(take.cost_ticks)
    first = f"<tr><td>{_text(take.job.key)}<td>{take.state.value}<td>{cost}"
    return f"{first}<td>{what}<td dir=auto>{_text(prompt)}\n"


def _text(text: str) -> str:
    return html.escape(shown(text))


# --- what stands above


class Tile(NamedTuple):
    """One figure, with what explains it."""

    name: str
    figure: str
    lines: tuple[str, ...]


def _head(totals: Totals, runs: list[Run], last_seen: float | None) -> dict[str, Any]:
    took_s = busy_s(runs, last_seen)
    return {
        "status": _status(runs),
        "providers": ", ".join(sorted(map(shown, totals.providers))),
        "tiles": (_clips(totals), _cost(totals, runs), _time(runs, took_s), _throughput(totals, took_s)),
    }


def _status(runs: list[Run]) -> str:
    if not runs:
        return "never run"
    last = runs[-1]
    if last.ended_at is None:
        return f"the run of {_when(last.started_at)} goes on, or stopped without a word: then run again"
    return f"last run ended {_when(last.ended_at)} with exit code {last.exit_code}"


def _when(wall: float) -> str:
    """`2026-11-29 10:01 UTC`."""
    return f"{utc_text(wall)[:16].replace('T', ' ')} UTC"


def _clips(totals: Totals) -> Tile:
    others = [f"{count:,} {state}" for state in STATE_ORDER[1:] if (count := totals.states[TakeState(state)])]
    lines = [", ".join(others) or ("every clip is there" if totals.jobs else "no jobs yet")]
    noticed = sum(kind.count for kind in totals.noticed.values())
    if noticed:
        lines.append(f"{noticed} to look at")
    return Tile("Clips", f"{totals.done:,} of {totals.jobs:,}", tuple(lines))


def _cost(totals: Totals, runs: list[Run]) -> Tile:
    lines = []
    if totals.reserved_ticks:
        lines.append(f"{usd_text(totals.reserved_ticks)} more may be charged")
    plan = f"planned {usd_text(totals.planned_ticks)}"
    if totals.unpriced:
        plan = (
            f"{plan} and {totals.unpriced} without a price" if totals.planned_ticks else "no price was known"
        )
    cap = budget_ticks(runs)
    lines.append(f"{plan}, " + ("no budget" if cap is None else f"budget {usd_text(cap)}"))
    if totals.simulated:
        lines.append("simulated: nothing was bought")
    return Tile("Cost", usd_text(totals.settled_ticks), tuple(lines))


def _time(runs: list[Run], took_s: float) -> Tile:
    if not runs:
        return Tile("Time", "–", ("no run yet",))
    count = f"{len(runs)} runs, the first" if len(runs) > 1 else "one run,"
    return Tile("Time", duration_text(took_s), (f"{count} on {_when(runs[0].started_at)}",))


def _throughput(totals: Totals, took_s: float) -> Tile:
    if not totals.done or took_s <= 0:
        return Tile("Throughput", "–", ("no clip yet",))
    rendered = (
        [] if totals.render_s is None else [f"half of them rendered within {duration_text(totals.render_s)}"]
    )
    size = f"{totals.size_bytes / 1e6:,.1f} MB"
    film = f", {duration_text(totals.video_s)} of film" if totals.video_s else ""
    per_hour = totals.done / took_s * 3600
    figure = f"{per_hour:,.0f} clips/h" if per_hour >= 10 else f"{per_hour:.1f} clips/h"
    return Tile("Throughput", figure, (size + film, *rendered))


def duration_text(seconds: float) -> str:
    """`41 s`, `3 min 20 s`, `7 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest_s} s" if rest_s else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


class Stretch(NamedTuple):
    """A part of the bar of states, in hundredths of its length."""

    state: str
    x: float
    width: float


def _bar(totals: Totals) -> list[Stretch]:
    found: list[Stretch] = []
    x = 0.0
    for state in STATE_ORDER:
        if count := totals.states[TakeState(state)]:
            width = 100 * count / totals.jobs
            found.append(Stretch(state, round(x, 2), round(width, 2)))
            x += width
    return found


def _run_facts(run: Run) -> dict[str, Any]:
    took = None if run.ended_at is None else duration_text(max(0.0, run.ended_at - run.started_at))
    return {
        "id": run.id,
        "started_at": _when(run.started_at),
        "ended_at": "" if run.ended_at is None else _when(run.ended_at),
        "took": took or "not ended",
        "exit_code": "" if run.exit_code is None else str(run.exit_code),
        "budget": " · ".join(
            usd_text(cap) for cap in (run.budget_ticks, run.run_budget_ticks) if cap is not None
        ),
        "version": shown(run.version),
    }


# --- what is bundled


class Assets(NamedTuple):
    """Scripts and styles, and the policy that allows these alone."""

    script: Any
    style: Any
    policy: str


@cache
def _assets() -> Assets:
    home = files(__package__)
    names = sorted(part.name for part in (home / "assets").iterdir())
    own = [
        "(() => {\n",
        *((home / "assets" / name).read_text("utf-8") for name in names if name.endswith(".js")),
    ]
    script = (home / "vendor" / "uplot.min.js").read_text("utf-8") + "\n" + "".join(own) + "})();\n"
    style = "".join(
        (home / place).read_text("utf-8") for place in ("vendor/uplot.min.css", "assets/page.css")
    )
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src 'self' file:",
            "media-src 'self' file:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return Assets(_safe(script), _safe(style), policy)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def _template() -> Any:
    import jinja2

    page = (files(__package__) / "assets" / "page.html").read_text("utf-8")
    return jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(page)
