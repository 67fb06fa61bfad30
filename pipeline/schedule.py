"""Takes by the time of their next turn, and the provider's advice on when to ask about one.

What a run learns beyond that advice: polling/. Pure: ages are seconds since acceptance, due times are
monotonic seconds.
"""

from __future__ import annotations

import heapq

from pipeline.providers.base import PollAdvice


def poll_gap_s(age_s: float, advice: PollAdvice) -> float:
    """Seconds from one poll to the next for a take of this age: a share of the age, within bounds."""
    if age_s < advice.first_s:
        return max(advice.first_s - age_s, advice.min_s)
    return min(max(age_s * advice.growth, advice.min_s), advice.max_s)


class Schedule:
    """Takes by the time of their next turn (monotonic seconds); ties go to the one put in first."""

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
