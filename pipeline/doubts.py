"""A gateway that does not know a take: is it that take, or all of them?

Pure; times are monotonic seconds. The rule: docs/design.md, "Polling".
"""

from __future__ import annotations

import math


class Doubts:
    """Refused polls of one account, and what the answers to others say about them."""

    def __init__(self) -> None:
        self._refused_at: dict[int, float] = {}  # the first of a row of refusals, by take id
        self._asked_at = -math.inf  # when the last poll left that was answered properly

    def answered(self, take_id: int, asked_at: float) -> None:
        """A proper answer to a poll that left at `asked_at`."""
        self._refused_at.pop(take_id, None)
        self._asked_at = max(self._asked_at, asked_at)

    def refused(self, take_id: int, now: float) -> bool:
        """Note a refusal. True: it is not the first of a row, so others had time to be answered."""
        return self._refused_at.setdefault(take_id, now) < now

    def forget(self, take_id: int) -> None:
        self._refused_at.pop(take_id, None)

    def is_lost(self, take_id: int) -> bool:
        """The account is well, for a poll that left after this refusal was answered: it is this take."""
        return self._asked_at > self._refused_at.get(take_id, math.inf)

    def are_all_refused(self) -> bool:
        """Two or more takes are refused, and nothing was answered since: it is the account or the address."""
        return len(self._refused_at) > 1 and self._asked_at < min(self._refused_at.values())
