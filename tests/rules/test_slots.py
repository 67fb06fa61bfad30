"""Who counts against `max_in_flight`: never too many, in order, also after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from anyio.lowlevel import checkpoint

from pipeline.stages.slots import SlotPool, Slots


@dataclass
class WallClock:
    """Wall time that stands still until a test moves it."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


def some_slots(limit: int) -> tuple[Slots, WallClock, anyio.Event]:
    clock, off = WallClock(), anyio.Event()
    return Slots(SlotPool(limit, clock), off), clock, off


@asynccontextmanager
async def waiting(slots: Slots, *take_ids: int) -> AsyncIterator[list[int]]:
    """Takes that ask for a slot, one after the other; the list grows as they get one."""
    served: list[int] = []

    async def ask(take_id: int) -> None:
        if await slots.take(take_id):
            served.append(take_id)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for take_id in take_ids:
                group.start_soon(ask, take_id)
                await settle()
            yield served
            group.cancel_scope.cancel()


async def settle() -> None:
    for _ in range(10):
        await checkpoint()


async def test_never_more_than_the_limit() -> None:
    """Whoever comes too many waits, and comes in the order of arrival as others end."""
    slots, _, _ = some_slots(2)

    async with waiting(slots, 1, 2, 3, 4, 5) as served:
        first = list(served)
        slots.free(2)
        await settle()
        second = list(served)
        slots.free(1)
        slots.free(3)
        await settle()

    assert first == [1, 2]
    assert second == [1, 2, 3]
    assert served == [1, 2, 3, 4, 5]
    assert len(slots) == 2


async def test_what_earlier_runs_left_in_flight_counts() -> None:
    """A restart does not double what runs at the gateway."""
    slots, _, _ = some_slots(2)
    slots.fill([(7, 1010.0), (8, 1020.0)])

    async with waiting(slots, 1) as served:
        full = list(served)
        slots.free(7)
        await settle()

    assert (full, served) == ([], [1])


async def test_a_slot_is_kept_until_the_job_deadline_and_no_longer() -> None:
    """A take past its deadline may render on, but stops nobody."""
    slots, clock, _ = some_slots(1)
    await slots.take(1)
    slots.count_until(1, 1010.0)

    async with waiting(slots, 2) as served:
        clock.now = 1009.9
        slots.wake()
        await settle()
        early = list(served)
        clock.now = 1010.0
        slots.wake()
        await settle()

    assert (early, served) == ([], [2])


async def test_a_deadline_wakes_those_who_wait() -> None:
    """Nobody has to come by."""
    slots, clock, _ = some_slots(1)
    await slots.take(1)
    slots.count_until(1, clock.now + 0.01)

    async with waiting(slots, 2) as served:
        clock.now += 1.0
        while not served:
            await anyio.lowlevel.checkpoint()

    assert served == [2]


async def test_a_slot_of_what_is_being_sent_has_no_end() -> None:
    """While the answer is out, no clock frees the slot."""
    slots, clock, _ = some_slots(1)
    await slots.take(1)

    async with waiting(slots, 2) as served:
        clock.now = 10**9
        slots.wake()
        await settle()

    assert served == []


async def test_when_submits_go_off_nobody_waits_on() -> None:
    """Those who wait are told no, and so is whoever comes later."""
    slots, _, off = some_slots(1)
    await slots.take(1)
    answers: list[bool] = []

    async def ask() -> None:
        answers.append(await slots.take(2))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(ask)
            await settle()
            off.set()
            slots.wake()

    assert answers == [False, False, False]
    assert await slots.take(3) is False
    assert len(slots) == 1


async def test_a_waiter_that_is_cancelled_holds_nobody_up() -> None:
    """The next in line moves up."""
    slots, _, _ = some_slots(1)
    await slots.take(1)
    async with waiting(slots, 2):
        pass

    async with waiting(slots, 3) as served:
        slots.free(1)
        await settle()

    assert served == [3]


async def test_freeing_what_has_no_slot_is_no_error() -> None:
    """Whoever ends a take need not know whether it counted."""
    slots, _, _ = some_slots(1)

    slots.free(99)

    assert await slots.take(1)


async def test_batches_of_one_pool_tell_their_takes_apart() -> None:
    """Each numbers its own; the limit is of all together."""
    clock = WallClock()
    pool = SlotPool(2, clock)
    one, other = Slots(pool, anyio.Event()), Slots(pool, anyio.Event())

    assert await one.take(1)
    assert await other.take(1)
    async with waiting(one, 2) as served:
        full = list(served)
        one.free(99)
        other.free(1)
        await settle()

    assert (full, served, len(pool)) == ([], [2], 2)


async def test_whoever_waits_in_one_batch_is_not_in_the_way_of_another() -> None:
    """A batch whose submits went off leaves the line, and a free slot goes to the other."""
    pool, off = SlotPool(1, WallClock()), anyio.Event()
    one, other = Slots(pool, off), Slots(pool, anyio.Event())
    assert await other.take(7)

    async with waiting(one, 1, 2) as gone, waiting(other, 8) as served:
        off.set()
        one.wake()
        await settle()
        other.free(7)
        await settle()

    assert (gone, served) == ([], [8])


async def test_a_batch_that_left_holds_nobody_up() -> None:
    """Neither with what it was sending nor with clips that it did not load; what a gateway has counts on."""
    clock = WallClock()
    pool = SlotPool(2, clock, most_behind=0)
    told: list[int] = []
    left = Slots(pool, anyio.Event(), tell_behind=told.append)
    stays = Slots(pool, anyio.Event())
    assert await left.take(1)
    assert await left.take(2)
    left.count_until(2, 1010.0)
    left.ready(3)

    async with waiting(stays, 1, 2) as served:
        before = list(served)
        left.leave()
        await settle()

    assert (before, served, told) == ([], [1], [1])


def a_pool_that_loads() -> SlotPool:
    """Two clips at once, and no more than 100 s of loading ahead."""
    return SlotPool(9, WallClock(), most_behind=4, at_once=2, most_behind_s=100.0)


def test_nothing_is_sent_while_loading_what_waits_would_take_too_long() -> None:
    """Three clips of 80 s, two at once, are 120 s of work; with one less there is time again."""
    pool = a_pool_that_loads()
    for _ in range(100):
        pool.took(80.0)

    told = [pool.fall_behind((None, take_id)) for take_id in range(3)]

    assert told == [None, None, 3]
    assert not pool.has_room()
    pool.catch_up((None, 0))
    assert pool.has_room()


def test_a_host_that_got_faster_is_believed() -> None:
    """A slow evening does not stop the submits for the night."""
    pool = a_pool_that_loads()
    for _ in range(100):
        pool.took(1000.0)
    for take_id in range(3):
        pool.fall_behind((None, take_id))
    assert not pool.has_room()

    for _ in range(20):
        pool.took(1.0)

    assert pool.has_room()


def test_with_nothing_to_load_nothing_stands_in_the_way() -> None:
    """However slow the last clips were: the pause ends by itself."""
    pool = a_pool_that_loads()
    pool.took(1e9)

    assert pool.has_room()
