"""`nightreel status`: what the ledger knows of a batch, also beside a running one."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.advice import advice
from pipeline.cli.costs import Costs
from pipeline.cli.history import LAST, run_facts, run_table
from pipeline.cli.table import SIMULATED, counts_text, out, prompt_start, put, take_facts, take_table
from pipeline.cli.watch import watch
from pipeline.clock import utc_text
from pipeline.ledger.base import Run
from pipeline.model import Take, TakeState
from pipeline.opening import clip_of, find_batch, open_ledger
from pipeline.shown import shown_json
from pipeline.simulated import journal_of


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
    takes, runs = asyncio.run(_read(folder))
    counts = Counter(take.state for take in takes if take.wanted)
    costs = Costs.of(takes)
    simulated = any(take.simulated for take in takes)
    if as_json:
        facts = [take_facts(take, folder, clip_of(folder, take)) for take in takes]
        states = {state.value: count for state, count in counts.items()}
        result = {
            "batch": folder.name,
            "simulated": simulated,
            "counts": states,
            "money": costs.facts(),
            "runs": [run_facts(run) for run in runs],
            "takes": facts,
        }
        print(shown_json(result))
        return
    console = out()
    _print(console, folder, "", [take for take in takes if take.wanted])
    replaced = [take for take in takes if _is_replaced(take)]
    _print(console, folder, "\nunknown, and sent again on your word:", replaced)
    older = [take for take in takes if not take.wanted and not _is_replaced(take)]
    _print(console, folder, "\nolder takes, and jobs of earlier manifests:", older)
    if costs.known:
        console.print()
        console.print(costs.table())
    if runs:
        console.print()
        console.print(run_table(runs))
    put(console, f"{folder}: {counts_text(counts)}")
    if simulated:
        console.print(SIMULATED)
    for line in next_steps(takes, folder):
        put(console, line, soft_wrap=True)
    lost = sent_without_answer(takes)
    if lost and simulated:
        lost.append(f"what the simulator accepted: {journal_of(folder)}")
    for line in lost:
        put(console, line, soft_wrap=True)


def _is_replaced(take: Take) -> bool:
    return take.replaced and take.state is TakeState.UNKNOWN


def _print(console: Console, folder: Path, title: str, takes: list[Take]) -> None:
    if title and takes:
        console.print(title)
    if takes or not title:
        console.print(take_table(((take, clip_of(folder, take)) for take in takes), times=True))


def sent_without_answer(takes: list[Take]) -> list[str]:
    """What helps to find unknown takes in a gateway's own list: when they were sent, and what for."""
    return [
        f"{take.label}: sent {utc_text(take.intent_at)}: {prompt_start(take)}"
        for take in takes
        if take.state is TakeState.UNKNOWN and take.intent_at is not None
    ]


async def _read(folder: Path) -> tuple[list[Take], list[Run]]:
    """What there is to tell of: takes, and the last runs."""
    async with open_ledger(folder) as ledger:
        takes = ledger.all_takes()
        found = [take async for take in takes if take.wanted or take.state is not TakeState.PLANNED]
        return found, await ledger.runs(LAST)


def next_steps(takes: list[Take], folder: Path) -> list[str]:
    """What to do, said once for takes that want the same."""
    jobs: dict[str, list[str]] = {}
    for take in takes:
        if take.state is TakeState.UNKNOWN or take.wanted:
            step = advice(take, folder)
            if step is not None:
                jobs.setdefault(f"{take.state}: {step}", []).append(take.job.key)
    return [f"{_few(keys)}: {step}" for step, keys in jobs.items()]


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
