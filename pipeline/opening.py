"""What can be opened without a gateway: manifests, batch folders, and their ledgers.

Apart from `wiring`, so that a look at a batch needs no HTTP client.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from pipeline.again import NO_ENDS, UNKNOWN, Ends
from pipeline.clock import LoopClock, local_day
from pipeline.config import gateway_origin
from pipeline.errors import GatewayUnusableError, LedgerError, UsageError
from pipeline.forecast import JobForecast, forecast
from pipeline.ledger.base import Ledger, Pair, Wishes
from pipeline.ledger.others import kept_clips
from pipeline.ledger.sqlite import COPY_NAME, SqliteLedger
from pipeline.ledger.wishes import SqliteWishes
from pipeline.model import REHEARSALS, SIM_ORIGIN, Take, TakeState
from pipeline.offload import Offload, Threads
from pipeline.plan import Checked, check
from pipeline.providers import provider_named
from pipeline.remembered import refuse_other
from pipeline.reuse import offers
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
MAX_PAIRS = 40


def check_manifest(
    path: Path,
    provider: str | None = None,
    env: Mapping[str, str] = os.environ,
    day: date | None = None,
) -> Checked:
    """Everything that can be said about a manifest without sending anything. Raises ManifestError.

    `day`: of the batch where there is one per night; else it is today's.
    """
    day = day or local_day(LoopClock().wall())
    with closing(Known(cache_path(env), LoopClock().wall)) as known:
        look, files = partial(check_image, known=known), LocalFiles(path.parent)
        return check(path, provider_named, look, ImageError, provider, env, files, day=day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finds:
    """What would save money. `gone`: jobs on record that the manifest asks for no more; `notes`: what could
    not be looked at."""

    gone: int = 0
    renamed: int = 0
    pairs: tuple[Pair, ...] = ()  # the first of those
    elsewhere: int = 0  # jobs whose clip another batch has
    example: str | None = None  # such a clip: batch and label
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """A manifest, and what a run would do. `spent_ticks`: spent and reserved before.

    `finds` may be asked once all of `jobs` have passed.
    """

    checked: Checked
    jobs: AsyncGenerator[JobForecast, None]
    finds: Callable[[], Awaitable[Finds]]
    spent_ticks: int


@asynccontextmanager
async def foreseen(
    checked: Checked,
    *,
    output: Path,
    selection: Selection = ALL,
    again: Ends = NO_ENDS,
    reuse: bool = False,
    base_url: str | None = None,
    simulated: bool = False,
    env: Mapping[str, str] = os.environ,
) -> AsyncIterator[Foreseen]:
    """A manifest with what its batch has to tell of it, and what a run would do for each of its jobs.

    Sends nothing, and makes no folder.

    `reuse`: clips of other batches are taken over. `simulated`: a rehearsal.
    """
    folder = output / checked.batch
    refuse_lost_ledger(folder)
    again |= UNKNOWN if checked.head.resubmit else NO_ENDS
    async with AsyncExitStack() as stack:
        ledger, spent = None, 0
        if (folder / LEDGER_NAME).is_file():
            ledger = await stack.enter_async_context(open_ledger(folder))
            note = refuse_other(await ledger.last_manifest(), checked.path, folder)
            if note is not None:
                checked = replace(checked, notes=(*checked.notes, note))
            spent, _ = await ledger.spent()
        thread = Threads("plan", 1)
        stack.callback(thread.close)
        wishes = await thread(SqliteWishes, thread)
        stack.push_async_callback(thread, wishes.close)
        origin = _origin(checked, env, base_url, simulated=simulated)
        look = _Look(folder, ledger, wishes, thread, origin)
        if reuse:  # twice over the manifest: who gets a clip is known once all jobs have passed
            async with aclosing(forecast(checked, ledger, selection, again, wishes=wishes)) as jobs:
                async for _ in jobs:
                    pass
            await look.elsewhere()
        yield Foreseen(
            checked=checked,
            jobs=forecast(
                checked,
                ledger,
                selection,
                again,
                wishes=None if reuse else wishes,
                granted=wishes if reuse else None,
            ),
            finds=look.finds,
            spent_ticks=spent,
        )


def _origin(checked: Checked, env: Mapping[str, str], base_url: str | None, *, simulated: bool) -> str | None:
    """Where a run would send; None where that is not known, which a run will complain of."""
    if simulated or checked.provider.name == "sim":
        return SIM_ORIGIN
    try:
        return gateway_origin(checked.provider.capabilities, env, base_url, allow_insecure=True)
    except GatewayUnusableError:
        return None


class _Look:
    """Around a manifest: jobs that have another key only, and clips that other batches have."""

    def __init__(
        self, folder: Path, ledger: Ledger | None, wishes: Wishes, thread: Offload, origin: str | None
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._wishes = wishes
        self._thread = thread
        self._origin = origin
        self._looked = False
        self._notes: list[str] = []

    async def finds(self) -> Finds:
        gone = await self._gone()
        await self.elsewhere()
        renamed, pairs = await self._wishes.pairs(MAX_PAIRS)
        example = await self._wishes.granted()
        return Finds(
            gone=gone,
            renamed=renamed,
            pairs=tuple(pairs),
            elsewhere=await self._wishes.count_granted(),
            example=next(iter(example.values()), None),
            notes=tuple(self._notes),
        )

    async def _gone(self) -> int:
        """How many jobs left the manifest; those of them that only have another key are paired."""
        if self._ledger is None:
            return 0
        gone = await self._ledger.count_jobs() - await self._wishes.on_record()
        if gone and await self._wishes.any_unsent():
            async for page in self._ledger.kept():
                await self._wishes.pair(page)
        return gone

    async def elsewhere(self) -> None:
        """Grant open jobs the clips of other batches, once. A look by name and size: a run looks closer."""
        if self._looked or self._origin is None or not await self._wishes.any_open():
            return
        self._looked = True
        kept = kept_clips(self._folder.parent, self._folder, self._origin, self._thread, self._notes.append)
        async for clip in offers(kept, self._wishes.open_among, self._has_film):
            if await self._thread(LocalStorage(clip.folder).where, clip.take) is not None:
                await self._wishes.grant(clip.take.fingerprint, clip.name, clip.take.sha256 or "")

    async def _has_film(self, fingerprint: str, sha256: str) -> bool:
        return self._ledger is not None and await self._ledger.has_film(fingerprint, sha256)


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


def clip_finder(folder: Path) -> Callable[[Take], Path | None]:
    """What tells where the clip of a done take of this batch lies, if it still lies there."""
    where = LocalStorage(folder).where
    return lambda take: where(take) if take.state is TakeState.DONE else None


@asynccontextmanager
async def batch_takes(folder: Path) -> AsyncIterator[AsyncGenerator[Take, None]]:
    """All takes of a batch, read beside whatever runs."""
    async with open_ledger(folder) as ledger:
        yield ledger.all_takes()
