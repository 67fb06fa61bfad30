"""What can be opened without a gateway: manifests, batch folders, and their ledgers.

Apart from `wiring`, so that a look at a batch needs no HTTP client.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path

from pipeline.again import NO_ENDS, UNKNOWN, Ends
from pipeline.clock import LoopClock
from pipeline.errors import LedgerError, UsageError
from pipeline.forecast import JobForecast, forecast
from pipeline.ledger.sqlite import COPY_NAME, SqliteLedger
from pipeline.model import REHEARSALS, Take, TakeState
from pipeline.offload import Threads
from pipeline.plan import Checked, check
from pipeline.providers import provider_named
from pipeline.selection import ALL, Selection
from pipeline.sources.files import LocalFiles
from pipeline.sources.images import check_image
from pipeline.sources.known import Known, cache_path
from pipeline.sources.layout import ImageError
from pipeline.storage.local import LocalStorage, make_folder
from pipeline.storage.network import network_kind
from pipeline.storage.planted import opened_anew, refuse_links

LEDGER_NAME = "ledger.sqlite"
LOG_NAME = "log.jsonl"


def check_manifest(path: Path, provider: str | None = None, env: Mapping[str, str] = os.environ) -> Checked:
    """Everything that can be said about a manifest without sending anything. Raises ManifestError."""
    with closing(Known(cache_path(env), LoopClock().wall)) as known:
        look, files = partial(check_image, known=known), LocalFiles(path.parent)
        return check(path, provider_named, look, ImageError, provider, env, files)


@asynccontextmanager
async def foreseen(
    manifest: Path,
    *,
    output: Path,
    provider: str | None = None,
    selection: Selection = ALL,
    again: Ends = NO_ENDS,
    env: Mapping[str, str] = os.environ,
) -> AsyncIterator[tuple[Checked, AsyncGenerator[JobForecast, None], int]]:
    """A manifest, what a run would do for each of its jobs, and the ticks spent and reserved before.

    Sends nothing, and makes no folder.
    """
    checked = check_manifest(manifest, provider, env)
    selection.refuse_none(checked.jobs())
    folder = output / checked.batch
    refuse_lost_ledger(folder)
    async with AsyncExitStack() as stack:
        ledger, spent = None, 0
        if (folder / LEDGER_NAME).is_file():
            ledger = await stack.enter_async_context(open_ledger(folder))
            spent, _ = await ledger.spent()
        again |= UNKNOWN if checked.head.resubmit else NO_ENDS
        yield checked, forecast(checked, ledger, selection, again), spent


def batch_folder(output: Path, batch: str) -> Path:
    """The batch's folder, made if need be. Raises UsageError where no ledger can be kept."""
    folder = output / batch
    if (kind := network_kind(folder)) is not None:
        raise UsageError(
            f"output folder {output} lies on a network file system ({kind}), where a ledger is not safe:"
            " name a folder on a local disk with --output, and copy the clips from there"
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        make_folder(folder, output)  # a ledger must not vanish with its folder's name in a power cut
        probe = folder / ".write-test"
        os.close(opened_anew(probe))
        probe.unlink()
    except OSError as exc:
        raise UsageError(f"output folder {folder} cannot be written: {exc.strerror}") from exc
    return folder


@asynccontextmanager
async def open_ledger(folder: Path) -> AsyncIterator[SqliteLedger]:
    """The ledger of a batch, on a thread of its own. Raises UsageError for links in its folder."""
    refuse_links(folder)
    thread = Threads("ledger", 1)
    try:
        ledger = await SqliteLedger.open(folder / LEDGER_NAME, thread)
        try:
            yield ledger
        finally:
            await ledger.close()
    finally:
        thread.close()


def _has_traces(folder: Path) -> bool:
    """Whether something was sent from this folder once, as far as other files than the ledger tell."""
    refuse_links(folder)
    log = folder / LOG_NAME
    if (folder / COPY_NAME).is_file() or (log.is_file() and log.stat().st_size > 0):
        return True
    return any(True for home in ("clips", "superseded") for _ in (folder / home).rglob("*.json"))


def refuse_lost_ledger(folder: Path) -> None:
    """A batch whose ledger is gone must not begin anew: all of it would be paid again. Raises LedgerError."""
    if not (folder / LEDGER_NAME).exists() and _has_traces(folder):
        raise LedgerError(
            f"{folder / LEDGER_NAME} is gone, and without it all would be paid for again:"
            f" `nightreel recover {folder}` makes a new one; to begin anew, choose another batch or --output"
        )


def find_traces(output: Path, batch: str) -> Path:
    """The folder of a batch that may have lost its ledger. Raises UsageError."""
    for folder in (output / batch, Path(batch)):
        if (folder / LEDGER_NAME).exists() or _has_traces(folder):
            return folder
    raise UsageError(f"no batch {batch!r} (looked for {output / batch} and {batch})")


def find_batch(output: Path, batch: str) -> Path:
    """The folder of a batch given by name or path. Raises UsageError with what there is instead."""
    for folder in (output / batch, Path(batch)):
        if (folder / LEDGER_NAME).is_file():
            return folder
    for folder in (output / batch, Path(batch)):
        refuse_lost_ledger(folder)
    rehearsal = output / REHEARSALS / batch
    if (rehearsal / LEDGER_NAME).is_file():
        raise UsageError(f"no batch {batch!r} was run yet; its rehearsal is {rehearsal}")
    there = sorted(path.parent.name for path in output.glob(f"*/{LEDGER_NAME}"))
    known = f"; there are: {', '.join(there[:10])}" if there else ""
    raise UsageError(f"no batch {batch!r} (looked for {output / batch} and {batch}){known}")


def clip_of(folder: Path, take: Take) -> Path | None:
    """Where the clip of a done take lies, if it still lies there."""
    return LocalStorage(folder).where(take) if take.state is TakeState.DONE else None


@asynccontextmanager
async def batch_takes(folder: Path) -> AsyncIterator[AsyncGenerator[Take, None]]:
    """All takes of a batch, read beside whatever runs."""
    async with open_ledger(folder) as ledger:
        yield ledger.all_takes()
