"""`nightreel mv`: another key for a job, with its takes and clips, without paying for anything."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import put
from pipeline.decisions import rename
from pipeline.opening import find_batch


def command(
    batch: Annotated[str, typer.Argument(help="A batch below --output, or a path.", show_default=False)],
    old: Annotated[str, typer.Argument(help="The job key as it was.", show_default=False)],
    new: Annotated[str, typer.Argument(help="The job key as it is to be.", show_default=False)],
    output: Annotated[Path, typer.Option(help="Where batches are kept.", envvar="NIGHTREEL_OUTPUT")] = Path(
        "output"
    ),
) -> None:
    """Rename a job without paying: its takes, clips and all that is in flight get the new key.

    Sends nothing. Change the id in the manifest, too: a key that is not there is a new job. `nightreel plan`
    shows which jobs were renamed in the manifest alone, with the command for each.

    \b
    Examples:
      nightreel mv teasers candle candles/white
      nightreel mv output/teasers desk-72af0c11 desk
    """
    folder = find_batch(output, batch)
    count = asyncio.run(rename(folder, old, new))
    put(f"{old} is {new} now, with {count} take{'s' * (count != 1)}; the manifest must say so, too")
