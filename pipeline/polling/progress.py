"""Whether a gateway's `progress` tells when a clip will be ready, and when to ask if it does.

Progress p at age a says: ready at a x 100 / p. It is believed only while the takes that ended last bear it
out. Since it puts two polls close around the time it tells, a progress that begins to lie is found out.
"""

from __future__ import annotations

from collections import deque

TELLING = 20  # percent, before which a whole number is too coarse
WITHIN = 0.1  # of the truth: closer than most kinds are to their own middle
LAST, ENOUGH, MOST_WRONG = 20, 10, 0.1
SHORTLY_BEFORE, UNTIL = 0.94, 1.15
CLOSE = 0.03  # gap between polls around the time told, as a share of it


def predicted(age_s: float, progress: int | None) -> float | None:
    """The age at which a take is ready by its progress at this age."""
    return age_s * 100.0 / progress if progress is not None and TELLING <= progress < 100 else None


class Progress:
    """Of one kind: how well it told so far."""

    def __init__(self) -> None:
        self._right: deque[bool] = deque(maxlen=LAST)

    @property
    def trusted(self) -> bool:
        return len(self._right) >= ENOUGH and self._right.count(False) <= MOST_WRONG * len(self._right)

    def learn(self, predicted_s: float | None, unready_s: float, ready_s: float) -> None:
        """A take became ready between two polls. One without a telling progress says nothing."""
        if predicted_s is not None:
            middle = (unready_s + ready_s) / 2.0
            self._right.append(abs(predicted_s - middle) <= WITHIN * middle)

    def next_age(self, age_s: float, progress: int | None, floor_s: float, latest_s: float) -> float | None:
        """When to ask again; None where the kind's odds know better. Nothing after `latest_s` is believed."""
        told = predicted(age_s, progress)
        if told is None or not self.trusted or told > latest_s:
            return None
        if age_s < SHORTLY_BEFORE * told:
            return max(age_s + floor_s, SHORTLY_BEFORE * told)
        return age_s + max(floor_s, CLOSE * told) if age_s < UNTIL * told else None
