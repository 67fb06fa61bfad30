"""`nightreel run`: the main job, and also every rerun."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.progress import Face, face
from pipeline.cli.table import counts_text, out, take_facts, take_table
from pipeline.model import Take, TakeState
from pipeline.money import usd_text
from pipeline.runner import RunResult
from pipeline.wiring import RunOptions, batch_takes, clip_of, run_manifest

MAX_ROWS = 40
DONE = TakeState.DONE


def command(
    manifest: Annotated[Path, typer.Argument(help="The YAML file with the jobs.", show_default=False)],
    output: Annotated[
        Path, typer.Option(help="Where batches are kept, one folder each.", envvar="NIGHTREEL_OUTPUT")
    ] = Path("output"),
    base_url: Annotated[
        str | None, typer.Option(help="The gateway's address; also COMETAPI_BASE_URL.")
    ] = None,
    max_in_flight: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="How many jobs the gateway may work on at once.")
    ] = None,
    allow_insecure: Annotated[
        bool,
        typer.Option("--allow-insecure", help="Allow plain http to another machine. The key is readable."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make every clip of a manifest that is not there yet.

    The same command again does only what is missing: nothing that a gateway accepted is ever sent twice.
    The first Ctrl-C stops in good order, the second at once; both are safe.

    \b
    Examples:
      nightreel run manifests/quickstart.yaml
      COMETAPI_KEY=... nightreel run teasers.yaml --output clips --max-in-flight 10
    """
    options = RunOptions(
        output=output,
        base_url=base_url,
        max_in_flight=max_in_flight,
        allow_insecure=allow_insecure,
        signals=True,
    )
    shown = face()
    result, takes = asyncio.run(_run(manifest, options, shown))
    print_result(result, takes, as_json=as_json)
    raise typer.Exit(result.exit_code)


async def _run(manifest: Path, options: RunOptions, shown: Face) -> tuple[RunResult, list[Take]]:
    """The run, and the takes to show: all of a small batch, only those without a clip of a large one."""
    try:
        result = await run_manifest(manifest, options, shown)
    finally:
        shown.close()
    total = sum(result.counts.values())
    small = total <= MAX_ROWS
    shown_takes: list[Take] = []
    if small or result.counts.get(DONE, 0) < total:
        async with batch_takes(result.folder) as takes, aclosing(takes):
            async for take in takes:
                if take.wanted and (small or take.state is not DONE):
                    shown_takes.append(take)
                if len(shown_takes) == MAX_ROWS:
                    break
    return result, shown_takes


def print_result(result: RunResult, takes: list[Take], *, as_json: bool) -> None:
    """The table and the sums on stdout, or the same as JSON."""
    if as_json:
        print(json.dumps(_facts(result, takes), ensure_ascii=False, indent=2))
        return
    console = out()
    rows = [(take, clip_of(result.folder, take)) for take in takes]
    if rows:
        console.print(take_table(rows))
    else:
        console.print(f"clips are in {result.folder / 'clips'}", markup=False)
    left_out = sum(result.counts.values()) - result.counts.get(DONE, 0) - len(takes)
    if left_out > 0:
        console.print(f"... and {left_out} more without a clip")
    cost = f", batch so far {usd_text(result.cost_ticks)}" if result.cost_ticks else ""
    console.print(
        f"{counts_text(result.counts)} in {result.folder}"
        f" ({result.requests} request{'s' * (result.requests != 1)}, {result.seconds:.1f} s{cost})",
        markup=False,
    )
    if any(take.state is not DONE for take in takes):
        console.print(f"what to do: nightreel status {result.folder}", markup=False)


def _facts(result: RunResult, takes: list[Take]) -> dict[str, object]:
    return {
        "batch": result.batch,
        "folder": str(result.folder),
        "exit_code": result.exit_code,
        "counts": {state.value: count for state, count in result.counts.items()},
        "cost_ticks": result.cost_ticks,
        "requests": result.requests,
        "seconds": round(result.seconds, 3),
        "takes": [take_facts(take, result.batch, clip_of(result.folder, take)) for take in takes],
    }
