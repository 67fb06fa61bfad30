"""Whose turn it is: takes by the age they are due at, and where more are due than may be asked, by the odds.

A poll goes where a finished clip is most likely, and what a take has waited for its turn counts more and
more, so that none starves. Pure; times are monotonic seconds.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.polling.render_times import Kind, Watch

Odds = Callable[[Watch, float], float]


@dataclass(frozen=True, slots=True)
class _Entry:
    take_id: int
    due: float
    begun: float  # when it was accepted
    watch: Watch


class DuePolls:
    """Takes that wait for their next poll; ties go to the one put in first.

    Those that are due lie in lanes: one for each kind and, roughly, age at the last poll. Takes of a lane are
    about as likely, so only the one of each that has been due longest is looked at: a few dozen, however many
    takes wait.
    """

    def __init__(self, odds: Odds, per_s: float) -> None:
        self._odds = odds
        self._per_s = per_s
        self._later: list[tuple[float, int, _Entry]] = []
        self._lanes: dict[tuple[Kind, int], deque[_Entry]] = {}
        self._due = 0
        self._count = 0

    def __len__(self) -> int:
        return len(self._later) + self._due

    def put(self, take_id: int, due: float, begun: float, watch: Watch) -> None:
        self._count += 1
        heapq.heappush(self._later, (due, self._count, _Entry(take_id, due, begun, watch)))

    def next_due(self) -> float | None:
        """When the next take is due, or was."""
        if self._due:
            return next(iter(self._lanes.values()))[0].due
        return self._later[0][0] if self._later else None

    def pop_due(self, now: float) -> int | None:
        """The take to ask about now, or None if none is due yet."""
        while self._later and self._later[0][0] <= now:
            entry = heapq.heappop(self._later)[2]
            if not self._due and not (self._later and self._later[0][0] <= now):
                return entry.take_id
            lane = (entry.watch.kind, _rough(entry.watch.unready_s))
            self._lanes.setdefault(lane, deque()).append(entry)
            self._due += 1
        if not self._due:
            return None
        round_s = 2.0 * self._due / self._per_s  # who has waited so long goes before any fresh one

        def urgency(lane: tuple[Kind, int]) -> float:
            entry = self._lanes[lane][0]
            return self._odds(entry.watch, now - entry.begun) + (now - entry.due) / round_s

        best = max(self._lanes, key=urgency)
        entry = self._lanes[best].popleft()
        if not self._lanes[best]:
            del self._lanes[best]
        self._due -= 1
        return entry.take_id


def _rough(age_s: float) -> int:
    """Ages that are about the same."""
    return round(4.0 * math.log2(age_s)) if age_s > 1e-3 else -100
