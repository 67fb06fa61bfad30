"""Servers that limit a rate, and clients that press against them, in virtual time.

A limiter stands at the door, a few hundredths of a second away; the rest of a round trip is work behind it.
The client is the product's own `Pace`, called as stages/turns.py does when there is always somebody in
line.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.backoff import SUBMIT_BACKOFF, retry_delay
from pipeline.pace import Pace

EXACT_S = 1e-6
DOOR_S, JITTER = 0.05, 0.2  # one way at most, and the share by which times differ
SECONDS, DATE, NONE = "seconds", "date", "none"
"""Forms of `Retry-After`: both of the first are rounded up to whole seconds."""


class Limiter(Protocol):
    @property
    def per_s(self) -> float: ...
    def ask(self, now: float) -> float | None:
        """Admit a call (None), or say in how many seconds one would be."""

    def scale(self, by: float, now: float) -> None: ...


@dataclass(slots=True)
class Bucket:
    """Tokens come steadily, and at most `burst` are kept."""

    per_s: float
    burst: float
    tokens: float = 0.0
    at: float = 0.0

    def _fill(self, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.at) * self.per_s)
        self.at = max(self.at, now)

    def ask(self, now: float) -> float | None:
        self._fill(now)
        if self.tokens < 1.0 - 1e-9:
            return (1.0 - self.tokens) / self.per_s
        self.tokens -= 1.0
        return None

    def scale(self, by: float, now: float) -> None:
        self._fill(now)
        self.per_s *= by


@dataclass(slots=True)
class FixedWindow:
    """So many calls in each minute of the server's clock."""

    calls: int
    window: int = -1
    count: int = 0

    @property
    def per_s(self) -> float:
        return self.calls / 60.0

    def ask(self, now: float) -> float | None:
        if (window := int(now // 60.0)) != self.window:
            self.window, self.count = window, 0
        if self.count >= self.calls:
            return (window + 1) * 60.0 - now
        self.count += 1
        return None

    def scale(self, by: float, now: float) -> None:  # noqa: ARG002 - counts, not times
        self.calls = int(self.calls * by)


@dataclass(slots=True)
class SlidingWindow:
    """So many calls in any 60 s."""

    calls: int
    recent: deque[float] = field(default_factory=deque)

    @property
    def per_s(self) -> float:
        return self.calls / 60.0

    def ask(self, now: float) -> float | None:
        while self.recent and self.recent[0] <= now - 60.0:
            self.recent.popleft()
        if len(self.recent) >= self.calls:
            return self.recent[-self.calls] + 60.0 - now
        self.recent.append(now)
        return None

    def scale(self, by: float, now: float) -> None:  # noqa: ARG002 - counts, not times
        self.calls = int(self.calls * by)


LIMITERS: dict[str, Callable[[], Limiter]] = {
    "bucket 10/s, burst 5": lambda: Bucket(10.0, 5.0),
    "bucket 1/s, burst 1": lambda: Bucket(1.0, 1.0),
    "fixed window 60/min": lambda: FixedWindow(60),
    "sliding window 60/min": lambda: SlidingWindow(60),
}


@dataclass(slots=True)
class Played:
    """`calls`: when each came to the door, and whether it was let in. `rates`: of the lane, over time."""

    calls: list[tuple[float, bool]] = field(default_factory=list)
    rates: list[tuple[float, float]] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    holds: list[tuple[float, float]] = field(default_factory=list)

    def admitted(self, since: float, until: float) -> int:
        return sum(let_in for at, let_in in self.calls if since <= at < until)

    def refused(self, since: float, until: float) -> int:
        return sum(not let_in for at, let_in in self.calls if since <= at < until)


@dataclass(slots=True, kw_only=True)
class World:
    """One limiter for `until_s`, whose limit changes by `change` at half time."""

    limiter: Limiter
    form: str = SECONDS
    change: float = 1.0
    round_trip_s: float = 0.4
    until_s: float = 7200.0
    rng: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - not for secrets
    clock: float = 0.0  # the server's, at our zero

    def __post_init__(self) -> None:
        self.clock = 1000.0 + 60.0 * self.rng.random()

    def about(self, seconds: float) -> float:
        return seconds * self.rng.uniform(1.0 - JITTER, 1.0 + JITTER)

    def hint_s(self, at: float, wait_s: float, read_at: float) -> float | None:
        """What `Retry-After` says to who reads it then."""
        if self.form == NONE:
            return None
        return (
            float(math.ceil(wait_s)) if self.form == SECONDS else max(0.0, math.ceil(at + wait_s) - read_at)
        )


Event = tuple[float, int, Callable[[float], None]]


class Loop:
    """Events in the order of their times."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._count = 0

    def at(self, when: float, what: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, what))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            when, _, what = heapq.heappop(self._events)
            what(when)


def play(world: World, pace: Pace) -> Played:
    """A lane of submits with somebody always in line."""
    loop, played = Loop(), Played()

    def next_turn(now: float) -> None:
        if (wait_s := pace.wait_s("submit", now)) > EXACT_S:
            loop.at(now + wait_s, next_turn)
            return
        pace.go("submit", now)
        played.left.append(now)
        back_at = now + world.about(world.round_trip_s)
        door_at = min(back_at, now + world.about(min(DOOR_S, world.round_trip_s / 2)))
        loop.at(door_at, lambda at: arrive(at, now, back_at))
        loop.at(now, next_turn)

    def arrive(at: float, sent_at: float, back_at: float) -> None:
        wait_s = world.limiter.ask(world.clock + at)
        played.calls.append((at, wait_s is None))
        loop.at(back_at, lambda now: answer(now, sent_at, at, wait_s))

    def answer(now: float, sent_at: float, at: float, wait_s: float | None) -> None:
        if wait_s is None:
            pace.served("submit", now, sent_at)
        else:
            held_s = pace.refused("submit", now, sent_at, world.hint_s(at, wait_s, now), world.rng)
            played.holds.append((now, now + held_s))
        played.rates.append((now, pace.submit.rate))

    loop.at(0.0, next_turn)
    loop.at(world.until_s / 2, lambda at: world.limiter.scale(world.change, world.clock + at))
    loop.run(world.until_s)
    return played


def retry(world: World, workers: int) -> Played:
    """No pace: each of some workers sends as it can, and waits by itself after a refusal, ever longer."""
    loop, played = Loop(), Played()

    def worker() -> Iterator[float]:
        tries, now = 0, 0.0
        while True:
            back_at = now + world.about(world.round_trip_s)
            now = yield min(back_at, now + world.about(min(DOOR_S, world.round_trip_s / 2)))
            at, wait_s = now, world.limiter.ask(world.clock + now)
            played.calls.append((at, wait_s is None))
            now = yield back_at
            tries = 0 if wait_s is None else tries + 1
            if wait_s is not None:
                hint_s = world.hint_s(at, wait_s, now)
                now = yield now + retry_delay(tries, SUBMIT_BACKOFF, world.rng, hint_s)

    def drive(steps: Iterator[float], when: float) -> None:
        loop.at(when, lambda now: drive(steps, steps.send(now)))  # type: ignore[attr-defined]

    for _ in range(workers):
        steps = worker()
        drive(steps, next(steps))
    loop.at(world.until_s / 2, lambda at: world.limiter.scale(world.change, world.clock + at))
    loop.run(world.until_s)
    return played
