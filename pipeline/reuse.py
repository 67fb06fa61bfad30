"""`run --reuse`: clips that another batch has already take the place of paid ones.

A clip counts if its ledger says that it was made from the same fingerprint at the same gateway, so that no
simulated one stands in for a real one, and if its file still has the bytes on record. It serves one job of
this batch; jobs that ask for the same want different films.

Order, as in a finish: bytes durable and checked in the part file, ledger (planned to ready), place, ledger
(done). A run that died in between is gone on with by the next one, with or without `--reuse`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing

from pipeline.asked import side_of
from pipeline.ledger.base import KeptClip, Ledger, labels_of
from pipeline.model import Take, TakeState
from pipeline.offload import Offload
from pipeline.stages.base import Record
from pipeline.storage.base import Storage

Kept = AsyncGenerator[list[KeptClip], None]


async def offers(
    kept: Kept,
    asked: Callable[[Sequence[str]], Awaitable[set[str]]],
    has_film: Callable[[str, str], Awaitable[bool]],
) -> AsyncIterator[KeptClip]:
    """Clips of other batches that are asked for, and that this batch does not have yet.

    `asked`: which of these fingerprints still want a clip.
    """
    async with aclosing(kept):
        async for page in kept:
            wanted = await asked([clip.take.fingerprint for clip in page])
            for clip in page if wanted else []:
                print_, sha256 = clip.take.fingerprint, clip.take.sha256
                if print_ in wanted and sha256 is not None and not await has_film(print_, sha256):
                    yield clip


async def take_over(kept: Kept, ledger: Ledger, storage: Storage, record: Record, disk: Offload) -> int:
    """Give every job that can have one the clip of another batch; how many got one is returned."""
    count = 0
    async for clip in offers(kept, ledger.open_among, ledger.has_film):
        take = await ledger.open_take(clip.take.fingerprint)
        if take is not None and await disk(storage.borrow, take, clip.folder, clip.take):
            await _place(await record.take_over(take, clip), ledger, storage, record, disk)
            count += 1
    return count


async def finish_taken_over(ledger: Ledger, storage: Storage, record: Record, disk: Offload) -> None:
    """What a run that died had taken over and not placed yet. Without its bytes, the gateway is asked."""
    async for take in ledger.collectable(TakeState.READY):
        if take.reused_from is not None and take.url is None:
            await _place(take, ledger, storage, record, disk)


async def _place(take: Take, ledger: Ledger, storage: Storage, record: Record, disk: Offload) -> None:
    if await disk(storage.borrowed, take):
        side = side_of(take, record.clock.wall(), None)
        await disk(storage.place, take, side, await labels_of(ledger, take))
    elif await disk(storage.adoptable, take) is None:
        return
    await record.end(take, TakeState.DONE, None)
