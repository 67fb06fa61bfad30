"""`nightreel redo`: another take of a clip that somebody dislikes, or that never came."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from pipeline.advice import run_again
from pipeline.cli.app import put
from pipeline.decisions import redo
from pipeline.opening import find_batch


def command(
    batch: Annotated[str, typer.Argument(help="A batch below --output, or a path.", show_default=False)],
    jobs: Annotated[list[str], typer.Argument(help="The job keys.", show_default=False)],
    output: Annotated[Path, typer.Option(help="Where batches are kept.", envvar="NIGHTREEL_OUTPUT")] = Path(
        "output"
    ),
) -> None:
    """Mark clips to be made once more from the same prompt. Sends nothing itself; the next run pays for it.

    The clip that is there keeps its name until the new one arrives, and is kept in superseded/ from then on.

    \b
    Examples:
      nightreel redo teasers candle
      nightreel redo output/teasers candle spring/fox
    """
    folder = find_batch(output, batch)
    for take in asyncio.run(redo(folder, jobs)):
        put(f"{take.job.key}: take {take.number} is planned; {run_again(folder)} to make it")
