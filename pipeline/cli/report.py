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
from pipeline.model import Take
from pipeline.opening import clip_of, find_batch, open_ledger
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
            clip_of=_Clips(folder).of,
            now=LoopClock().wall(),
        )
        try:
            with _text_file(temporary) as out:
                await write_page(ledger, subject, out)
            os.replace(temporary, page)
        finally:
            temporary.unlink(missing_ok=True)
    return page


class _Clips:
    """What lies in the folders of clips, looked at once: a look for each of 10,000 takes costs a second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[str, int] = {}
        for home in ("clips", "superseded"):
            if not (folder / home).is_symlink():
                self._look_at(home)

    def _look_at(self, home: str) -> None:
        try:
            with os.scandir(self._folder / home) as entries:
                for entry in entries:
                    place = f"{home}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        self._look_at(place)
                    elif entry.name.endswith(".mp4") and entry.is_file(follow_symlinks=False):
                        self._sizes[place] = entry.stat(follow_symlinks=False).st_size
        except OSError:  # not there, or not to be read: then its clips are not there
            return

    def of(self, take: Take) -> Path | None:
        """Where the clip of a done take lies, from the batch folder; by size, as `Storage.has_clip`."""
        kept, own = f"superseded/{take.label}.mp4", f"clips/{take.job.key}.mp4"
        if kept in self._sizes:
            return Path(kept)
        if own not in self._sizes or self._sizes[own] != take.size_bytes:
            return None
        if not take.wanted and clip_of(self._folder, take) is None:  # the newer take's, just as large
            return None
        return Path(own)


def _text_file(path: Path) -> IO[str]:
    """For the owner's eyes, as the ledger that it tells of."""
    return open(opened_anew(path, 0o600), "w", encoding="utf-8", newline="")
