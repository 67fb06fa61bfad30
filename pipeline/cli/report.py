"""`nightreel report`: one page about a batch, beside its clips. Every run writes it at its end, too."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import IO, Annotated

import typer

from pipeline.cli import options as opt
from pipeline.cli.app import put
from pipeline.clock import LoopClock
from pipeline.opening import clip_finder, find_batch, open_ledger
from pipeline.remembered import from_here
from pipeline.report.commands import Commands
from pipeline.report.page import Subject, write_page
from pipeline.storage.planted import opened_anew

NAME = "report.html"


def command(
    batch: Annotated[str, typer.Argument(help="A batch below --output, or a path.", show_default=False)],
    output: opt.Output = opt.OUTPUT,
) -> None:
    """Write report.html beside the clips: what came, what it cost, and what needs a decision.

    One page that opens from disk without a network. Sends nothing, and may run beside a run. How to read it:
    docs/report.md.

    \b
    Examples:
      nightreel report teasers
      nightreel report output/teasers && xdg-open output/teasers/report.html
    """
    put(str(asyncio.run(write_report(find_batch(output, batch)))))


async def write_report(folder: Path) -> Path:
    """Make the page anew. Whoever opens it meanwhile sees the old one whole. Raises LedgerError, OSError."""
    page, temporary = folder / NAME, folder / f"{NAME}.tmp"
    async with open_ledger(folder) as ledger:
        manifest = from_here(await ledger.last_manifest(), folder)
        subject = Subject(
            folder=folder,
            commands=Commands(folder=folder, manifest=manifest),
            clip_of=clip_finder(folder),
            now=LoopClock().wall(),
        )
        try:
            with _text_file(temporary) as out:
                await write_page(ledger, subject, out)
            os.replace(temporary, page)
        finally:
            temporary.unlink(missing_ok=True)
    return page


def _text_file(path: Path) -> IO[str]:
    """For the owner's eyes, as the ledger that it tells of."""
    return open(opened_anew(path, 0o600), "w", encoding="utf-8", newline="")
