"""Whose turn it is to be loaded: of the takes that are due, the one whose link dies first.

Pure: due times are monotonic seconds, and when a link dies may be told in any unit and by any clock.
"""

from __future__ import annotations

import heapq


class ByExpiry:
    """Takes that wait for a time, and among those whose time has come for their turn."""

    def __init__(self) -> None:
        self._later: list[tuple[float, float, int, int]] = []  # due, dies, in the order put in, take
        self._due: list[tuple[float, int, int]] = []
        self._count = 0

    def put(self, take_id: int, due: float, dies: float) -> None:
        self._count += 1
        heapq.heappush(self._later, (due, dies, self._count, take_id))

    def due_in(self, now: float) -> float | None:
        """Seconds until some take is due: 0 where one is, None where there is none at all."""
        if self._due:
            return 0.0
        return max(0.0, self._later[0][0] - now) if self._later else None

    def pop_due(self, now: float) -> int | None:
        """The take whose link dies first, ties to the one put in first; None: no take is due yet."""
        while self._later and self._later[0][0] <= now:
            _, dies, count, take_id = heapq.heappop(self._later)
            heapq.heappush(self._due, (dies, count, take_id))
        return heapq.heappop(self._due)[2] if self._due else None
