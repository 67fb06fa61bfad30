"""Faults planted in the product on purpose, to see whether the nights find them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import anyio

from pipeline.deadline import Deadline
from pipeline.doubts import Doubts
from pipeline.ledger import connection
from pipeline.ledger.base import OverCapError
from pipeline.ledger.connection import Connection
from pipeline.ledger.sqlite import QUERIES, SqliteLedger
from pipeline.model import Take, TakeState
from pipeline.money import NO_CAPS, Caps
from pipeline.stages.gateway import Gateway
from pipeline.stages.submit import SubmitStage
from pipeline.storage.local import LocalPart
from pipeline.transport.base import Sent

Planted = Callable[[], AbstractContextManager[object]]


def sent_before_the_intent() -> AbstractContextManager[object]:
    """The POST goes out first; the intent is on record once its answer is there."""

    async def send_once(self: Any, take: Take, job: Any, video: Any) -> tuple[Take, float | None]:
        submitted, hint_s = await self._gateway.submit(job, video, Sent())
        facts = {"intent_at": self._clock.wall(), "origin": self._settings.origin, "reason": None}
        take = await self._record.move(take, TakeState.SUBMITTING, **facts)
        return await self._settle(take, submitted), hint_s

    return mock.patch.object(SubmitStage, "_send_once", send_once)


def retry_after_a_lost_answer() -> AbstractContextManager[object]:
    """A submit without an answer is sent once more."""
    once = Gateway.submit

    async def submit(self: Any, job: Any, video: Any, sent: Sent) -> Any:
        submitted, hint_s = await once(self, job, video, sent)
        return await once(self, job, video, sent) if submitted.verdict == "unknown" else (submitted, hint_s)

    return mock.patch.object(Gateway, "submit", submit)


def handle_dropped_with_the_prompt() -> AbstractContextManager[object]:
    """What was bought for an earlier prompt is not asked about any more."""
    wanted = "WHERE t.fingerprint = j.fingerprint AND t.state"
    return mock.patch.dict(QUERIES, collectable=QUERIES["collectable"].replace("WHERE t.state", wanted))


def unknown_everywhere_is_final() -> AbstractContextManager[object]:
    """An id that is unknown twice is lost, although every other id is unknown, too."""
    return mock.patch.object(Doubts, "is_lost", return_value=True)


def commits_not_synced() -> AbstractContextManager[object]:
    """SQLite may report a commit before it is on the disk."""

    def configure(db: Connection) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            list(db.execute(f"PRAGMA {pragma}"))

    return mock.patch.object(connection, "_configure", configure)


def renamed_before_fsync() -> AbstractContextManager[object]:
    """A clip gets its name before its bytes are on the disk."""

    def seal(self: Any) -> str:
        os.ftruncate(self._fd, self.size_bytes)
        self.close()
        return str(self._hash.hexdigest())

    return mock.patch.object(LocalPart, "seal", seal)


def checked_before_the_reservation() -> AbstractContextManager[object]:
    """A budget is looked at, and a busy disk later the money is reserved."""
    reserve = SqliteLedger.intend

    async def intend(self: Any, take: Take, caps: Caps, **facts: Any) -> Take:
        for spent_ticks, cap in zip(await self.spent(), (caps.batch_ticks, caps.run_ticks), strict=True):
            if cap is not None and spent_ticks + (facts["reserved_ticks"] or 0) > cap:
                raise OverCapError("no money left")
        await anyio.sleep(2.0)
        return await reserve(self, take, NO_CAPS, **facts)

    return mock.patch.object(SqliteLedger, "intend", intend)


def no_look_at_the_clock() -> AbstractContextManager[object]:
    """A take is sent although its clip may come after the deadline."""
    return mock.patch.object(Deadline, "is_too_late", return_value=False)


PLANTED: Mapping[str, Planted] = {
    "sent before the intent": sent_before_the_intent,
    "retry after a lost answer": retry_after_a_lost_answer,
    "handle dropped with the prompt": handle_dropped_with_the_prompt,
    "404 on all polls is final": unknown_everywhere_is_final,
    "synchronous = NORMAL": commits_not_synced,
    "rename before fsync": renamed_before_fsync,
    "budget checked before the reservation": checked_before_the_reservation,
    "sent too late for the deadline": no_look_at_the_clock,
}
