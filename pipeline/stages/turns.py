"""Who may call next at one account: first come, first served by kind, in the account's pace.

Owns the waiting. Only the first in line of each kind watches the pace, so that a pace that changes is
followed at once, however many wait.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import anyio

from pipeline.clock import Clock
from pipeline.pace import Pace

EXACT_S = 1e-6  # timers and sums of floats are not better
LATE_S = 0.01  # a busy event loop wakes sleepers late; so much of it is made up for


@dataclass(slots=True, eq=False)
class _Place:
    """A place in line. Cancelling the scope wakes who sleeps there; None while nobody does."""

    scope: anyio.CancelScope | None = None


@dataclass(slots=True)
class Turns:
    """The lines of one account."""

    pace: Pace
    clock: Clock
    lines: dict[str, deque[_Place]] = field(default_factory=dict)

    async def turn(self, kind: str, off: anyio.Event) -> bool:
        """Wait until the pace lets one more call of this kind go. False: the switch went off."""
        await anyio.lowlevel.checkpoint()
        line = self.lines.setdefault(kind, deque())
        if not line and not off.is_set() and self._goes(kind, waited=False) is None:
            return True  # nobody waits, and the pace has room: most turns of a quick account
        place = _Place()
        line.append(place)
        try:
            return await self._wait(kind, line, place, off)
        finally:
            was_first = line[0] is place
            line.remove(place)
            if was_first and line and line[0].scope is not None:
                line[0].scope.cancel()

    async def _wait(self, kind: str, line: deque[_Place], place: _Place, off: anyio.Event) -> bool:
        waited = False
        while not off.is_set():
            wait_s = self._goes(kind, waited=waited) if line[0] is place else math.inf
            if wait_s is None:
                return True
            waited = True
            with anyio.move_on_after(wait_s) as place.scope:
                await off.wait()
        return False

    def _goes(self, kind: str, *, waited: bool) -> float | None:
        """None: the call goes, and the pace knows; else the seconds until it may."""
        now, others = self.clock.monotonic(), self._waiting(kind)
        wait_s = self.pace.wait_s(kind, now, others)
        if wait_s > EXACT_S:
            return wait_s
        self.pace.go(kind, now + max(wait_s, -LATE_S if waited else 0.0), others)
        return None

    def _waiting(self, kind: str) -> frozenset[str]:
        """Other kinds with somebody in line."""
        return frozenset(other for other, line in self.lines.items() if line and other != kind)
