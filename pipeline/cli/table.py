"""Takes as people read them: a table that fits a terminal, and facts for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.advice import advice
from pipeline.clock import utc_text
from pipeline.model import Take, TakeState
from pipeline.money import usd_text
from pipeline.shown import shown

WIDE = 220  # columns where nobody's window sets a width: paths must not wrap in a file
PROMPT_CHARS = 60
SIMULATED = "simulated: nothing was bought"
GOOD = {TakeState.DONE}
BUSY = {TakeState.PLANNED, TakeState.SUBMITTING, TakeState.ACCEPTED, TakeState.READY, TakeState.HELD}


def out() -> Console:
    """stdout, in the width of the window or wide enough for paths."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, soft_wrap=False)


def put(console: Console, line: str, *, soft_wrap: bool | None = None) -> None:
    """One line of a result, in which nothing is markup."""
    console.print(Text(shown(line)), soft_wrap=soft_wrap)


def style_of(state: TakeState) -> str:
    return "green" if state in GOOD else "yellow" if state in BUSY else "red"


def take_table(rows: Iterable[tuple[Take, Path | None]], *, times: bool = False) -> Table:
    """One line per take: where it stands, its cost, and the clip or the reason why there is none.

    `times`: also when it changed last.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("job", overflow="fold")
    table.add_column("state", no_wrap=True)
    if times:
        table.add_column("since", no_wrap=True)
    table.add_column("cost", justify="right", no_wrap=True)
    table.add_column("clip, or why there is none", overflow="fold")
    for take, clip in rows:
        cost = "" if take.cost_ticks is None else usd_text(take.cost_ticks)
        what = str(clip) if clip is not None else take.reason or ""
        if take.state is TakeState.DONE and clip is None:
            what = "gone from the folder"
        state = Text(take.state.value, style=style_of(take.state))
        since = [_since(take)] if times else []
        table.add_row(Text(shown(take.job.key)), state, *since, cost, Text(shown(what)))
    return table


def _since(take: Take) -> str:
    return "" if take.changed_at is None else utc_text(take.changed_at)


def prompt_start(take: Take) -> str:
    """Enough of the prompt to know it again in a gateway's list."""
    words = " ".join(take.job.prompt.split())
    return words if len(words) <= PROMPT_CHARS else f"{words[: PROMPT_CHARS - 1]}…"


def counts_text(counts: Mapping[TakeState, int]) -> str:
    """`3 done, 1 unknown`, in the order of the states."""
    return ", ".join(f"{counts[state]} {state}" for state in TakeState if counts.get(state)) or "no jobs"


def take_facts(take: Take, folder: Path, clip: Path | None) -> dict[str, Any]:
    """A take for `--json`, under the ledger's names. `folder`: of its batch."""
    return {
        "job": take.job.key,
        "state": take.state.value,
        "wanted": take.wanted,
        "take": take.number,
        "fingerprint": take.fingerprint,
        "provider": take.provider,
        "remote_id": take.remote_id,
        "reason": take.reason,
        "cost_ticks": take.cost_ticks,
        "replaced": take.replaced,
        "prompt_start": prompt_start(take),
        "intent_at": None if take.intent_at is None else utc_text(take.intent_at),
        "accepted_at": None if take.accepted_at is None else utc_text(take.accepted_at),
        "ended_at": None if take.ended_at is None else utc_text(take.ended_at),
        "clip": None if clip is None else str(clip),
        "sha256": take.sha256,
        "next_step": advice(take, folder),
    }
