"""`nightreel recover`: a new ledger for a batch whose ledger is gone or damaged."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from pipeline.advice import run_again
from pipeline.cli.app import put
from pipeline.opening import find_traces
from pipeline.recovery import recover


def command(
    batch: Annotated[str, typer.Argument(help="A batch below --output, or a path.", show_default=False)],
    output: Annotated[Path, typer.Option(help="Where batches are kept.", envvar="NIGHTREEL_OUTPUT")] = Path(
        "output"
    ),
) -> None:
    """Make a lost or damaged ledger anew, from its copy, the log and the side files. Sends nothing.

    A ledger that can be read is left as it is; a damaged one is kept as ledger.damaged-<time>.sqlite.

    \b
    Examples:
      nightreel recover teasers
      nightreel recover output/teasers
    """
    folder = find_traces(output, batch)
    found = asyncio.run(recover(folder, time.time()))
    if found.aside is not None:
        put(f"the damaged ledger is kept as {found.aside}")
    put(f"{folder}: {found.takes} takes on record again, {found.from_copy} of them from the copy")
    if found.unknown:
        put(f"{found.unknown} unknown, which will not be sent again: nightreel status {folder} says more")
    put(f"{run_again(folder)} to go on")
