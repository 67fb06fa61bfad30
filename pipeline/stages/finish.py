"""Finish stage: a downloaded file becomes the clip of its job, or is kept aside with the reason why not.

In: takes with a durable part file.  Out: nothing; the ledger says done.
Order, so that a crash anywhere loses nothing: docs/design.md, "Downloading and finishing".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pipeline.asked import side_of
from pipeline.errors import NotAClipError
from pipeline.findings import findings
from pipeline.ledger.base import labels_of
from pipeline.model import Probe, Take, TakeState
from pipeline.offload import Offload
from pipeline.stages.base import Inbox, Record, Switches, run_workers
from pipeline.storage.base import Storage

WORKERS = 8


class FinishStage:
    """Workers that check a file and give it its name."""

    def __init__(
        self,
        storage: Storage,
        probe: Callable[[Take], Awaitable[Probe]],
        record: Record,
        switches: Switches,
        disk: Offload,
    ) -> None:
        self._storage = storage
        self._probe = probe
        self._record = record
        self._switches = switches
        self._disk = disk

    async def run(self, inbox: Inbox, leave: Callable[[Take], None]) -> None:
        await run_workers(inbox, None, self._work, leave, self._switches, WORKERS)

    async def _work(self, take: Take) -> Take | None:
        has_part, has_older = await self._disk(self._storage.standing, take)
        if has_part:
            try:
                probe = await self._probe(take)
            except NotAClipError as exc:
                kept = await self._disk(self._storage.reject, take)
                why = f"paid for, but the file is no clip: {exc}; kept as {kept.name}"
                await self._record.end(take, TakeState.UNDELIVERED, why, sha256=None, size_bytes=None)
                return None
            labels = await labels_of(self._record.ledger, take) if has_older else {}
            side = side_of(take, self._record.clock.wall(), probe)
            await self._disk(self._storage.place, take, side, labels)
            done = await self._record.end(take, TakeState.DONE, None, probe=probe)
            for finding in findings(take.job, probe):
                self._record.trouble("clip.noticed", finding, done)
            return done
        if await self._disk(self._storage.adoptable, take) is None:
            self._record.trouble("take.part_gone", "its part file is gone; run again to load it anew", take)
            return None
        return await self._record.end(take, TakeState.DONE, None)
