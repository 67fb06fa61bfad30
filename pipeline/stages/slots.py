"""When the next take may be sent: who counts against `max_in_flight`, and how many clips wait to be loaded.

Against it count what is being sent, what a gateway works on, and what it may work on.

A slot is kept until the take ends, or until its job deadline (wall time) passes; that holds across restarts.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable

import anyio

from pipeline.clock import Clock


class Slots:
    """At most `limit` takes at once; waiters go in the order they came."""

    def __init__(
        self,
        limit: int,
        clock: Clock,
        off: anyio.Event,
        *,
        most_behind: float = math.inf,
        tell_behind: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`most_behind`: with more clips than that to load, nothing is sent; `tell_behind` hears how many."""
        self._limit = limit
        self._most_behind = most_behind
        self._tell_behind = tell_behind
        self._behind: set[int] = set()
        self._clock = clock
        self._off = off
        self._until: dict[int, float] = {}
        self._turn = asyncio.Lock()
        self._changed = anyio.Event()

    def __len__(self) -> int:
        return len(self._until)

    def fill(self, earlier: Iterable[tuple[int, float]]) -> None:
        """What earlier runs left in flight: (take id, wall time until which it counts)."""
        self._until.update(earlier)

    async def take(self, take_id: int) -> bool:
        """Wait for a slot and hold it. False: submits went off meanwhile."""
        async with self._turn:  # only the first in line waits for a change
            while not self._off.is_set():
                self._drop_expired()
                if len(self._until) < self._limit and len(self._behind) <= self._most_behind:
                    self._until[take_id] = math.inf
                    return True
                await self._wait()
            return False

    def count_until(self, take_id: int, wall: float) -> None:
        """The gateway has it, or may have it: it counts until then."""
        self._until[take_id] = wall
        self.wake()

    def ready(self, take_id: int) -> None:
        """Its clip is to be loaded. Downloads come first: links die, and prompts do not."""
        before = len(self._behind)
        self._behind.add(take_id)
        if before <= self._most_behind < len(self._behind):
            self._tell_behind(len(self._behind))

    def loaded(self, take_id: int) -> None:
        """It is on disk, or nobody tries any more."""
        self._behind.discard(take_id)
        self.wake()

    def free(self, take_id: int) -> None:
        if self._until.pop(take_id, None) is not None:
            self.wake()

    def wake(self) -> None:
        """Have the first in line look again: a slot came free, or the switch went off."""
        self._changed.set()
        self._changed = anyio.Event()

    def _drop_expired(self) -> None:
        now = self._clock.wall()
        self._until = {take_id: until for take_id, until in self._until.items() if until > now}

    async def _wait(self) -> None:
        expires_in = min(self._until.values(), default=math.inf) - self._clock.wall()
        with anyio.move_on_after(expires_in if math.isfinite(expires_in) else None):
            await self._changed.wait()
