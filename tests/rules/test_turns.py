"""Who calls next: in order, in the pace, gone at once when switched off, and never behind for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady
from support.night import NightClock, NightLoop

from pipeline.pace import Pace
from pipeline.stages.turns import LATE_S, Turns

EPSILON_S = 2e-6


def at_night(play: Callable[[NightLoop], Awaitable[None]]) -> NightLoop:
    """Play in virtual time; the loop, for what it shows afterwards."""
    loop = NightLoop()
    try:
        loop.run_until_complete(asyncio.wait_for(play(loop), None))
    finally:
        loop.close()
    return loop


async def queue_up(
    turns: Turns, callers: list[tuple[float, str]], off: anyio.Event, busy_s: float = 0.0
) -> list[tuple[float, int]]:
    """When each got a turn, and which it was. `busy_s`: for so long the loop does something else then."""
    gone: list[tuple[float, int]] = []
    loop = asyncio.get_running_loop()
    assert isinstance(loop, NightLoop)

    async def call(number: int, at: float, kind: str) -> None:
        await anyio.sleep(at)
        if await turns.turn(kind, off):
            gone.append((loop.time(), number))
            loop.clockwork.now += busy_s

    async with anyio.create_task_group() as group:
        for number, (at, kind) in enumerate(callers):
            group.start_soon(call, number, at, kind)
    return gone


@steady
@given(
    at=st.lists(st.integers(0, 20_000), min_size=1, max_size=30, unique=True),  # milliseconds
    per_s=st.floats(0.2, 20),
    holds=st.lists(st.tuples(st.floats(0, 30), st.floats(0, 60)), max_size=3),
)
def test_first_come_first_served_in_the_pace(
    at: list[int], per_s: float, holds: list[tuple[float, float]]
) -> None:
    """Whoever comes when, and whenever everybody is held: in order, spaced, and nobody is forgotten."""
    gone: list[tuple[float, int]] = []

    async def play(loop: NightLoop) -> None:
        turns = Turns(Pace.by(per_s, 5.0), NightClock())

        def hold(until: float) -> None:
            turns.pace.held_until = max(turns.pace.held_until, until)

        for began, length_s in holds:
            loop.call_at(began, hold, began + length_s)
        gone.extend(await queue_up(turns, [(each / 1000, "submit") for each in sorted(at)], anyio.Event()))

    at_night(play)

    assert [number for _, number in gone] == list(range(len(at)))
    assert all(late - early >= 1 / per_s - EPSILON_S for (early, _), (late, _) in pairwise(gone))
    for began, length_s in holds:
        assert not [when for when, _ in gone if began < when < began + length_s - EPSILON_S]


@pytest.mark.parametrize("held_s", [0.0, 500.0])
def test_who_is_switched_off_leaves_at_once(held_s: float) -> None:
    """Also from the middle of the line, and during a hold; the others keep their places."""

    async def play(loop: NightLoop) -> None:
        turns, off, on = Turns(Pace.by(0.1, 5.0), NightClock()), anyio.Event(), anyio.Event()
        turns.pace.held_until = held_s
        loop.call_at(5.0, off.set)
        ours: list[tuple[float, int]] = []
        theirs: list[tuple[float, int]] = []

        async def batch(switch: anyio.Event, into: list[tuple[float, int]], at: float) -> None:
            into.extend(await queue_up(turns, [(at, "submit")] * 3, switch))
            into.append((loop.time(), -1))

        async with anyio.create_task_group() as group:
            group.start_soon(batch, off, ours, 0.0)
            group.start_soon(batch, on, theirs, 0.5)

        assert ours[-1] == (5.0, -1)
        assert len(theirs) == 4
        first = held_s or 10.0
        assert [when for when, _ in theirs[:3]] == pytest.approx([first, first + 10.0, first + 20.0])

    at_night(play)


def test_a_loop_that_wakes_late_does_not_slow_the_pace() -> None:
    """Whoever waited was due earlier than now; but never is more than a moment made up for."""

    async def play(loop: NightLoop) -> None:
        turns = Turns(Pace.by(100.0, 5.0), NightClock())
        gone = await queue_up(turns, [(0.0, "submit")] * 101, anyio.Event(), busy_s=0.004)
        assert gone[-1][0] == pytest.approx(1.0, abs=0.02)

        loop.clockwork.now += 3600.0
        gone = await queue_up(turns, [(0.0, "submit")] * 11, anyio.Event())
        assert gone[-1][0] - gone[0][0] >= 0.1 - LATE_S - EPSILON_S

    at_night(play)


def test_a_submit_that_comes_later_goes_before_a_poll_that_waits() -> None:
    """Where the account counts both together."""

    async def play(_: NightLoop) -> None:
        turns = Turns(Pace.by(0.1, 5.0, share=True), NightClock())
        callers = [(0.0, "submit"), (1.0, "poll"), (2.0, "submit"), (3.0, "submit")]

        gone = await queue_up(turns, callers, anyio.Event())

        assert [number for _, number in gone] == [0, 2, 3, 1]
        assert [when for when, _ in gone] == pytest.approx([0.0, 10.0, 20.0, 30.0])

    at_night(play)
