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
    """A place in line. Cancelling the scope wakes who sleeps there."""

    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


@dataclass(slots=True)
class Turns:
    """The lines of one account."""

    pace: Pace
    clock: Clock
    lines: dict[str, deque[_Place]] = field(default_factory=dict)

    async def turn(self, kind: str, off: anyio.Event) -> bool:
        """Wait until the pace lets one more call of this kind go. False: the switch went off."""
        line, place, waited = self.lines.setdefault(kind, deque()), _Place(), False
        line.append(place)
        try:
            await anyio.lowlevel.checkpoint()
            while not off.is_set():
                now, wait_s = self.clock.monotonic(), math.inf
                if line[0] is place:
                    wait_s = self.pace.wait_s(kind, now, self._waiting(kind))
                if wait_s <= EXACT_S:
                    self.pace.go(kind, now + max(wait_s, -LATE_S if waited else 0.0), self._waiting(kind))
                    return True
                waited = True
                with anyio.move_on_after(wait_s) as place.scope:
                    await off.wait()
            return False
        finally:
            was_first = line[0] is place
            line.remove(place)
            if was_first and line:
                line[0].scope.cancel()

    def _waiting(self, kind: str) -> frozenset[str]:
        """Other kinds with somebody in line."""
        return frozenset(other for other, line in self.lines.items() if line and other != kind)
