"""Finish stage: a downloaded file becomes the clip of its job, or is kept aside with the reason why not.

In: takes with a durable part file.  Out: nothing; the ledger says done.
Order, so that a crash anywhere loses nothing: docs/design.md, "Downloading and finishing".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from pipeline.asked import asked_of
from pipeline.clock import utc_text
from pipeline.errors import NotAClipError
from pipeline.model import TICKS_PER_USD, Probe, Take, TakeState
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
        if await self._disk(self._storage.part_path(take).exists):
            try:
                probe = await self._probe(take)
            except NotAClipError as exc:
                kept = await self._disk(self._storage.reject, take)
                why = f"paid for, but the file is no clip: {exc}; kept as {kept.name}"
                await self._record.end(take, TakeState.UNDELIVERED, why, sha256=None, size_bytes=None)
                return None
            labels = await self._labels(take)
            await self._disk(self._storage.place, take, self._side(take, probe), labels)
        elif await self._disk(self._storage.adoptable, take) is None:
            self._record.trouble("take.part_gone", "its part file is gone; run again to load it anew", take)
            return None
        return await self._record.end(take, TakeState.DONE, None)

    async def _labels(self, take: Take) -> dict[str, str]:
        """What each other clip of this job is called, by its content; some are the same to the bit."""
        takes = await self._record.ledger.takes_of(take.job.key)
        return {other.sha256: other.label for other in takes if other.sha256 and other.id != take.id}

    def _side(self, take: Take, probe: Probe) -> dict[str, Any]:
        """The side file: all that a person, or a rebuilt ledger, needs to know about this clip."""
        cost = take.cost_ticks
        return {
            "version": 1,
            "job": take.job.key,
            "label": take.label,
            "take": take.number,
            "fingerprint": take.fingerprint,
            "asked": asked_of(take.job),
            "provider": take.provider,
            "simulated": take.simulated,
            "origin": take.origin,
            "credential": take.credential,
            "remote_id": take.remote_id,
            "submitted_at": _text(take.intent_at),
            "accepted_at": _text(take.accepted_at),
            "ready_at": _text(take.ready_at),
            "finished_at": utc_text(self._record.clock.wall()),
            "estimate_ticks": take.estimate_ticks,
            "own_price": take.own_price,
            "reserved_ticks": take.reserved_ticks,
            "cost_ticks": cost,
            "cost_usd": None if cost is None else cost / TICKS_PER_USD,
            "reported_s": take.reported_s,
            "sha256": take.sha256,
            "size_bytes": take.size_bytes,
            "probe": asdict(probe),
        }


def _text(wall: float | None) -> str | None:
    return None if wall is None else utc_text(wall)
