"""`nightreel status`: what the ledger knows of a batch, also beside a running one."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.cli.history import LAST, run_facts, run_table
from pipeline.cli.survey import Rows, Survey
from pipeline.cli.table import SIMULATED, counts_text, out, put, take_facts, take_table
from pipeline.cli.watch import watch
from pipeline.ledger.base import Ledger
from pipeline.model import Take, TakeState
from pipeline.opening import clip_finder, find_batch, open_ledger
from pipeline.shown import shown_json
from pipeline.simulated import journal_of

IN_MEMORY_BYTES = 8 << 20  # of what is printed as JSON


def command(
    batch: Annotated[str, typer.Argument(help="A batch below --output, or a path.", show_default=False)],
    output: Annotated[Path, typer.Option(help="Where batches are kept.", envvar="NIGHTREEL_OUTPUT")] = Path(
        "output"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the takes as JSON.")] = False,
    watched: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Look on while a run works in another terminal, until it ends. Piped: a line per change;"
            " with --json as JSON Lines.",
        ),
    ] = False,
) -> None:
    """Show each take of a batch, and what to do about those that are not done. Sends nothing.

    \b
    Examples:
      nightreel status quickstart
      nightreel status output/quickstart --json
      nightreel status quickstart --watch
    """
    folder = find_batch(output, batch)
    if watched:
        watch(folder, as_json=as_json)
        return
    asyncio.run(_print_json(folder) if as_json else _print(folder))


async def _print_json(folder: Path) -> None:
    """All takes, of a large batch through a file: what stands before them is known only at their end."""
    survey, clip_of, comma = Survey(folder), clip_finder(folder), ""
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, "w+", encoding="utf-8") as lines:
        async with open_ledger(folder) as ledger:
            async for take in _known(ledger):
                clip = clip_of(take)
                lines.write(comma + shown_json(take_facts(take, folder, clip), indent=None))
                survey.add(take, clip)
                comma = ",\n"
            runs = await ledger.runs(LAST)
        facts = {
            "batch": folder.name,
            "simulated": survey.simulated,
            "counts": {state.value: count for state, count in survey.counts.items() if count},
            "money": survey.costs.facts(),
            "runs": [run_facts(run) for run in runs],
        }
        print(shown_json(facts).removesuffix("\n}"), '"takes": [', sep=",\n  ")
        lines.seek(0)
        shutil.copyfileobj(lines, sys.stdout)
        print("\n  ]\n}")


async def _print(folder: Path) -> None:
    """Tables and sums for a person."""
    survey, console, clip_of = Survey(folder), out(), clip_finder(folder)
    async with open_ledger(folder) as ledger:
        async for take in _known(ledger):
            survey.add(take, clip_of(take))
        runs = await ledger.runs(LAST)
    _print_rows(console, folder, "", survey.wanted)
    _print_rows(console, folder, "\nunknown, and sent again on your word:", survey.replaced)
    _print_rows(console, folder, "\nolder takes, and jobs of earlier manifests:", survey.older)
    if survey.costs.known:
        console.print()
        console.print(survey.costs.table())
    if runs:
        console.print()
        console.print(run_table(runs))
    put(console, f"{folder}: {counts_text(survey.counts)}")
    if survey.simulated:
        console.print(SIMULATED)
    lost = survey.sent_without_answer
    if lost and survey.simulated:
        lost.append(f"what the simulator accepted: {journal_of(folder)}")
    for line in (*survey.next_steps, *lost):
        put(console, line, soft_wrap=True)


async def _known(ledger: Ledger) -> AsyncIterator[Take]:
    """All takes but those that were planned once and are not asked for any more."""
    async with aclosing(ledger.all_takes()) as takes:
        async for take in takes:
            if take.wanted or take.state is not TakeState.PLANNED:
                yield take


def _print_rows(console: Console, folder: Path, title: str, rows: Rows) -> None:
    if title and rows.count:
        console.print(title)
    clip_of = clip_finder(folder)
    if rows.shown or not (title or rows.left_out):
        console.print(take_table(((take, clip_of(take)) for take in rows.shown), times=True))
    if rows.left_out:
        what = "more are not shown" if rows.shown else "are done"
        every = "nightreel export --older" if title else "nightreel export"
        put(console, f"{rows.left_out} {what}; all of them: {every} {folder}", soft_wrap=True)
