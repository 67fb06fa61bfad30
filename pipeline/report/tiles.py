"""What stands above: four figures with what explains them, the bar of states, and the table of runs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline.clock import utc_text
from pipeline.errors import EXIT_MEANS
from pipeline.ledger.base import Run
from pipeline.model import TakeState
from pipeline.money import usd_text
from pipeline.report.totals import Totals, budget_ticks, busy_s
from pipeline.shown import shown

STATE_ORDER = (
    "done", "ready", "accepted", "submitting", "planned", "unknown", "missing", "undelivered", "failed",
    "expired", "rejected", "moderated", "held", "blocked",
)  # fmt: skip


class Tile(NamedTuple):
    """One figure, with what explains it."""

    name: str
    figure: str
    lines: tuple[str, ...]


def tiles(totals: Totals, runs: Sequence[Run], last_seen: float | None) -> tuple[Tile, ...]:
    """`last_seen`: wall time of the last that is known of any take."""
    took_s = busy_s(runs, last_seen)
    return _clips(totals), _cost(totals, runs), _time(runs, took_s), _throughput(totals, took_s)


def status(runs: Sequence[Run]) -> str:
    if not runs:
        return "never run"
    last = runs[-1]
    if last.ended_at is None:
        return f"the run of {when(last.started_at)} goes on, or stopped without a word: then run again"
    return f"last run ended {when(last.ended_at)} with exit code {last.exit_code}"


def when(wall: float) -> str:
    """`2026-11-29 10:01 UTC`."""
    return f"{utc_text(wall)[:16].replace('T', ' ')} UTC"


def _clips(totals: Totals) -> Tile:
    others = [f"{count:,} {state}" for state in STATE_ORDER[1:] if (count := totals.states[TakeState(state)])]
    lines = [", ".join(others) or ("every clip is there" if totals.jobs else "no jobs yet")]
    noticed = sum(kind.count for kind in totals.noticed.values())
    if noticed:
        lines.append(f"{noticed} to look at")
    return Tile("Clips", f"{totals.done:,} of {totals.jobs:,}", tuple(lines))


def _cost(totals: Totals, runs: Sequence[Run]) -> Tile:
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


def _time(runs: Sequence[Run], took_s: float) -> Tile:
    if not runs:
        return Tile("Time", "–", ("no run yet",))
    count = f"{len(runs)} runs, the first" if len(runs) > 1 else "one run,"
    return Tile("Time", duration_text(took_s), (f"{count} on {when(runs[0].started_at)}",))


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


def bar(totals: Totals) -> list[Stretch]:
    found: list[Stretch] = []
    x = 0.0
    for state in STATE_ORDER:
        if count := totals.states[TakeState(state)]:
            width = 100 * count / totals.jobs
            found.append(Stretch(state, round(x, 2), round(width, 2)))
            x += width
    return found


def run_facts(run: Run) -> dict[str, Any]:
    took = None if run.ended_at is None else duration_text(max(0.0, run.ended_at - run.started_at))
    return {
        "id": run.id,
        "started_at": when(run.started_at),
        "ended_at": "" if run.ended_at is None else when(run.ended_at),
        "took": took or "not ended",
        "exit": "" if run.exit_code is None else f"{run.exit_code}: {EXIT_MEANS.get(run.exit_code, 'ended')}",
        "why": shown(run.reason or ""),
        "clips": "" if run.clips is None else f"{run.clips:,}",
        "cost": usd_text(run.spent_ticks) if run.spent_ticks else "",
        "budget": " · ".join(
            usd_text(cap) for cap in (run.budget_ticks, run.run_budget_ticks) if cap is not None
        ),
        "version": shown(run.version),
    }
