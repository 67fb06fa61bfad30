"""`nightreel resolve`: a person says what became of a submit whose answer was lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from pipeline.advice import run_again
from pipeline.cli.app import put
from pipeline.decisions import resolve_unknown
from pipeline.errors import UsageError
from pipeline.opening import find_batch


def command(
    batch: Annotated[str, typer.Argument(help="A batch below --output, or a path.", show_default=False)],
    job: Annotated[str, typer.Argument(help="The job key.", show_default=False)],
    remote_id: Annotated[
        str | None, typer.Option(help="The gateway's id of the job: the next run collects its clip.")
    ] = None,
    not_charged: Annotated[
        bool, typer.Option("--not-charged", help="The gateway has no such job: the next run sends it again.")
    ] = False,
    take: Annotated[
        str | None,
        typer.Option(help="Which take, as `nightreel status` names it, where there are two.", metavar="TAKE"),
    ] = None,
    output: Annotated[Path, typer.Option(help="Where batches are kept.", envvar="NIGHTREEL_OUTPUT")] = Path(
        "output"
    ),
) -> None:
    """Settle a take in state `unknown`. Sends nothing itself; the next run goes on with it.

    \b
    Examples:
      nightreel resolve teasers candle --remote-id 4b2cd27e-0b0d-3dec-c31c-7572daf74bb3
      nightreel resolve teasers candle --not-charged
      nightreel resolve teasers candle --take 0e4f6c2a.1 --not-charged
    """
    if (remote_id is None) == (not not_charged):
        raise UsageError("say one of --remote-id ID (the gateway has the job) and --not-charged (it has not)")
    folder = find_batch(output, batch)
    settled = asyncio.run(resolve_unknown(folder, job, remote_id, take))
    put(f"{job}: {settled.state}; {run_again(folder)} to go on with it")
