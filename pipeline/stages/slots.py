"""When the next take may be sent: who counts against `max_in_flight`, and how many clips wait to be loaded.

Against it count what is being sent, what a gateway works on, and what it may work on, of all batches of an
account together.

A slot is kept until the take ends, or until its job deadline (wall time) passes; that holds across restarts.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable

import anyio

from pipeline.clock import Clock

NEWS = 0.2  # how much the last clip counts for how long one takes
Slot = tuple[object, int]
"""A batch, and a take of it: each batch numbers its own."""


class SlotPool:
    """At most `limit` takes of one account at once, whichever of its batches they belong to.

    `most_behind`: with more clips than that to load, nothing is sent; nor while to load them all, `at_once`
    at one time, would take longer than `most_behind_s` at the rate of late.
    """

    def __init__(
        self,
        limit: int,
        clock: Clock,
        *,
        most_behind: float = math.inf,
        at_once: int = 1,
        most_behind_s: float = math.inf,
    ) -> None:
        self._limit = limit
        self._most_behind = most_behind
        self._at_once = at_once
        self._most_behind_s = most_behind_s
        self._clip_s = 0.0  # that a clip takes; the later ones count more
        self._clock = clock
        self._until: dict[Slot, float] = {}
        self._soonest = math.inf  # no slot expires before
        self._behind: set[Slot] = set()
        self._changed = anyio.Event()

    def __len__(self) -> int:
        return len(self._until)

    def has_room(self) -> bool:
        now = self._clock.wall()
        if self._soonest <= now:
            self._until = {slot: until for slot, until in self._until.items() if until > now}
            self._soonest = min(self._until.values(), default=math.inf)
        return len(self._until) < self._limit and not self._is_behind()

    def _is_behind(self) -> bool:
        count = len(self._behind)
        return count > self._most_behind or count * self._clip_s / self._at_once > self._most_behind_s

    def hold(self, slot: Slot, until: float) -> None:
        self._until[slot] = until
        self._soonest = min(self._soonest, until)

    def free(self, slot: Slot) -> None:
        if self._until.pop(slot, None) is not None:
            self.wake()

    def fall_behind(self, slot: Slot) -> int | None:
        """One more clip to load: how many there are, where that stops the submits."""
        before = self._is_behind()
        self._behind.add(slot)
        return len(self._behind) if self._is_behind() and not before else None

    def took(self, seconds: float) -> None:
        """How long a clip took, from when it got a place until it was on disk."""
        self._clip_s += NEWS * (seconds - self._clip_s)

    @property
    def behind(self) -> int:
        """How many clips wait to be loaded, where that stops the submits; else 0."""
        return len(self._behind) if self._is_behind() else 0

    def catch_up(self, slot: Slot) -> None:
        self._behind.discard(slot)
        self.wake()

    def leave(self, batch: object) -> None:
        """Nobody of this batch sends or loads any more, however it ended. What a gateway has counts on."""
        self._behind = {slot for slot in self._behind if slot[0] is not batch}
        sending = [slot for slot, until in self._until.items() if slot[0] is batch and math.isinf(until)]
        for slot in sending:
            del self._until[slot]
        self.wake()

    def wake(self) -> None:
        """Have the first in line of each batch look again. Whoever waited longest looks first."""
        self._changed.set()
        self._changed = anyio.Event()

    async def wait(self) -> None:
        """Until something changed, or the next slot expires."""
        expires_in = self._soonest - self._clock.wall()
        with anyio.move_on_after(expires_in if math.isfinite(expires_in) else None):
            await self._changed.wait()


class Slots:
    """The slots of one batch, in a pool that it may share; waiters go in the order they came.

    `off`: the batch's submits are over. `tell_behind` hears how many clips wait to be loaded, where that
    stops the submits.
    """

    def __init__(
        self, pool: SlotPool, off: anyio.Event, *, tell_behind: Callable[[int], None] = lambda _: None
    ) -> None:
        self._pool = pool
        self._off = off
        self._tell_behind = tell_behind
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        """How many are taken, by all batches of the pool."""
        return len(self._pool)

    @property
    def behind(self) -> int:
        """How many clips wait to be loaded, where that stops the submits; else 0."""
        return self._pool.behind

    def _slot(self, take_id: int) -> Slot:
        return self, take_id

    def fill(self, earlier: Iterable[tuple[int, float]]) -> None:
        """What earlier runs left in flight: (take id, wall time until which it counts)."""
        for take_id, until in earlier:
            self._pool.hold(self._slot(take_id), until)

    async def take(self, take_id: int) -> bool:
        """Wait for a slot and hold it. False: submits went off meanwhile."""
        async with self._turn:  # only the first in line waits for a change
            while not self._off.is_set():
                if self._pool.has_room():
                    self._pool.hold(self._slot(take_id), math.inf)
                    return True
                await self._pool.wait()
            return False

    def count_until(self, take_id: int, wall: float) -> None:
        """The gateway has it, or may have it: it counts until then."""
        self._pool.hold(self._slot(take_id), wall)
        self.wake()

    def ready(self, take_id: int) -> None:
        """Its clip is to be loaded. Downloads come first: links die, and prompts do not."""
        if (count := self._pool.fall_behind(self._slot(take_id))) is not None:
            self._tell_behind(count)

    def took(self, seconds: float) -> None:
        """A clip came, and was so long on its way."""
        self._pool.took(seconds)

    def loaded(self, take_id: int) -> None:
        """It is on disk, or nobody tries any more."""
        self._pool.catch_up(self._slot(take_id))

    def free(self, take_id: int) -> None:
        self._pool.free(self._slot(take_id))

    def leave(self) -> None:
        """The batch is over: others of the account do not wait for it."""
        self._pool.leave(self)

    def wake(self) -> None:
        """Have the first in line look again: the switch went off."""
        self._pool.wake()
