"""When to ask about which take: one heap for all that wait, the provider's advice, and what this run learned.

Pure: ages are seconds since acceptance, due times are monotonic seconds.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Hashable

from pipeline.providers.base import PollAdvice


def poll_gap_s(age_s: float, advice: PollAdvice) -> float:
    """Seconds from one poll to the next for a take of this age: a share of the age, within bounds."""
    if age_s < advice.first_s:
        return max(advice.first_s - age_s, advice.min_s)
    return min(max(age_s * advice.growth, advice.min_s), advice.max_s)


class FirstPolls:
    """Learns when the first clips of a kind appear, so that nobody asks long before.

    A clip seen at one poll was ready at some time since the poll before: the earlier of the two counts,
    and of the last `KEEP` clips the earliest. One that is ready at its very first poll moves the next
    first poll forward, so a gateway that gets faster is noticed.
    """

    ENOUGH = 5
    KEEP = 50
    FORWARD = 0.8

    def __init__(self, advice: PollAdvice) -> None:
        self._advice = advice
        self._seen: dict[Hashable, deque[float]] = {}

    def ready(self, kind: Hashable, age_s: float, unready_s: float | None) -> None:
        """A clip was there at `age_s`, and not yet at `unready_s`, the poll before (None: no such poll)."""
        earliest = age_s * self.FORWARD if unready_s is None else unready_s
        self._seen.setdefault(kind, deque(maxlen=self.KEEP)).append(earliest)

    def first_s(self, kind: Hashable) -> float:
        """The age at which to ask first; before enough was seen, the provider's advice."""
        seen = self._seen.get(kind, ())
        return max(min(seen), self._advice.min_s) if len(seen) >= self.ENOUGH else self._advice.first_s


class Schedule:
    """Takes by the time of their next poll (monotonic seconds); ties go to the one put in first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, int]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, take_id: int, due: float) -> None:
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, take_id))

    def next_due(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> int | None:
        """The take that has been due longest, or None if none is due yet."""
        if self._heap and self._heap[0][0] <= now:
            return heapq.heappop(self._heap)[2]
        return None
