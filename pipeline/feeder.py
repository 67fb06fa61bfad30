"""The only source of the stages: reads the ledger and feeds what can be worked on, in order.

First what the gateway may still have for us (ready, accepted, undelivered, missing), then the planned
jobs of this manifest. A child of a chain waits until its parent's take is done, or over.
Remembers only parents that somebody waits for, and takes that left this run without an end.
"""

from __future__ import annotations

import anyio

from pipeline.advice import parent_advice
from pipeline.ledger.base import Ledger
from pipeline.model import Take, TakeState
from pipeline.stages.base import CLOSED, Inbox, Record, Switches

COLLECT_ORDER = (TakeState.READY, TakeState.ACCEPTED, TakeState.UNDELIVERED, TakeState.MISSING)
OPEN = frozenset({TakeState.PLANNED, TakeState.SUBMITTING, *COLLECT_ORDER})
"""A parent in these states may still become done in this run, unless it has left it."""


class Feeder:
    """Feeds one run. `leave` is told of every take that is over for this run.

    `collect`: nothing is sent, so the planned jobs stay where they are, and nobody waits for a parent.
    `canary`: so many jobs go first, and the others only once all of these are done.
    """

    def __init__(
        self,
        ledger: Ledger,
        record: Record,
        switches: Switches,
        *,
        collect: bool = False,
        canary: int | None = None,
    ) -> None:
        self._ledger = ledger
        self._record = record
        self._switches = switches
        self._collect = collect
        self._awaited: set[str] = set()  # keys of parents whose children wait
        self._left_open: set[str] = set()  # keys of wanted takes that left this run in an open state
        self._settled: list[str] = []  # awaited parents that have left since we last looked
        self._news = anyio.Event()
        self._canaries: dict[int, str] = {}  # those that were fed: take and job key
        self._canaries_wanted = canary or 0
        self._canaries_back: set[int] = set()

    def leave(self, take: Take) -> None:
        if not take.wanted:
            return
        if take.id in self._canaries:
            self._canaries_back.add(take.id)
            self._news.set()
        if take.state in OPEN:
            self._left_open.add(take.job.key)
        if take.job.key in self._awaited:
            self._settled.append(take.job.key)
            self._news.set()

    async def run(self, outbox: Inbox) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch_switch)
            with self._switches.spared("feeding jobs"):
                await self._feed(outbox)
            group.cancel_scope.cancel()
        await outbox.put(CLOSED)

    async def _watch_switch(self) -> None:
        await self._switches.submits_off.wait()
        self._news.set()

    async def _feed(self, outbox: Inbox) -> None:
        for state in COLLECT_ORDER:
            async for take in self._ledger.collectable(state):
                if self._switches.draining:
                    return
                await outbox.put(take)
        if self._collect:
            return
        async for take in self._ledger.planned():
            if self._switches.submits_off.is_set():
                return
            await self._feed_or_wait(take, outbox)
        self._settled = list(self._awaited)  # some may have left before anybody waited for them
        while self._awaited and not self._switches.submits_off.is_set():
            if not self._settled:
                self._news = anyio.Event()
                await self._news.wait()
            for key in self._drain_settled():
                await self._settle(key, outbox)

    def _drain_settled(self) -> list[str]:
        keys, self._settled = self._settled, []
        return keys

    async def _feed_or_wait(self, take: Take, outbox: Inbox) -> None:
        parent_key = take.job.parent_key
        if parent_key is None:
            await self._send(take, outbox)
        elif parent_key not in self._awaited:
            parent = await self._ledger.wanted_take(parent_key)
            if self._may_finish(parent):
                self._awaited.add(parent_key)
            else:
                await self._feed_or_block(take, parent, outbox)

    def _may_finish(self, parent: Take | None) -> bool:
        if parent is None or parent.state not in OPEN or parent.job.key in self._left_open:
            return False
        return parent.selected or parent.state is not TakeState.PLANNED

    async def _settle(self, parent_key: str, outbox: Inbox) -> None:
        """A parent has left: its waiting children are fed, or blocked with it."""
        if parent_key not in self._awaited:
            return
        parent = await self._ledger.wanted_take(parent_key)
        if self._may_finish(parent):
            return
        self._awaited.discard(parent_key)
        for child in await self._ledger.children(parent_key):
            await self._feed_or_block(child, parent, outbox)

    async def _feed_or_block(self, child: Take, parent: Take | None, outbox: Inbox) -> None:
        if parent is not None and parent.state is TakeState.DONE:
            await self._send(child, outbox)
            return
        why = "is not in the manifest" if parent is None else f"is {parent.state}"
        blocked = f"its parent {child.job.parent_key!r} {why}: {parent_advice(parent)}"
        self.leave(await self._record.end(child, TakeState.BLOCKED, blocked))

    # --- canaries

    async def _send(self, take: Take, outbox: Inbox) -> None:
        if self._canaries_wanted and len(self._canaries) == self._canaries_wanted:
            await self._judge_canaries()
        if self._canaries_wanted:
            self._canaries[take.id] = take.job.key
        if self._switches.held is None:
            await outbox.put(take)

    async def _judge_canaries(self) -> None:
        """Wait until those that went first are over; without a clip of each, nothing more is sent."""
        while len(self._canaries_back) < len(self._canaries) and not self._switches.submits_off.is_set():
            self._news = anyio.Event()
            await self._news.wait()
        if self._switches.submits_off.is_set():
            return
        takes = [await self._ledger.wanted_take(key) for key in self._canaries.values()]
        bad = [take for take in takes if take is not None and take.state is not TakeState.DONE]
        self._canaries_wanted = 0
        if bad:
            first = f"{bad[0].job.key!r} is {bad[0].state}" + (f" ({bad[0].reason})" * bool(bad[0].reason))
            self._switches.hold(f"canary: {len(bad)} of {len(takes)} did not become a clip: {first}")
