"""Until when a run sends and collects: a deadline as somebody wrote it, and as one run keeps to it.

A time of day is resolved once, as the run starts; from then on the run's own clock counts, so that nobody
moves a deadline by setting the machine's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

from pipeline.clock import next_local
from pipeline.errors import UsageError
from pipeline.manifest.rules import parse_duration
from pipeline.manifest.scalars import quoted

GRACE_S = 900.0
MOST_S = 7 * 86_400.0
_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """`text`: as written; `at`: on the run's clock (`Clock.monotonic`), seconds."""

    text: str
    at: float
    grace_s: float = GRACE_S

    @property
    def over_at(self) -> float:
        """From then on nothing is asked or loaded any more."""
        return self.at + self.grace_s

    def is_too_late(self, now: float, longest_s: float) -> bool:
        """Whether a clip that may take so long, sent now, may come after the deadline."""
        return now + longest_s > self.at


def deadline_of(text: str, *, grace_s: float = GRACE_S, now: float, wall: float) -> Deadline:
    """`3h30m` from now, or the next `06:30` on this machine's clock. Raises UsageError.

    `now`: monotonic; `wall`: UTC seconds since the epoch.
    """
    of_day = time_of_day(text)
    in_s = seconds_of("--deadline", text) if of_day is None else next_local(of_day, wall) - wall
    return Deadline(text=text, at=now + in_s, grace_s=grace_s)


def check_deadline(text: str) -> None:
    """Raises UsageError for what is neither a duration nor a time of day."""
    if time_of_day(text) is None:
        seconds_of("--deadline", text, "a time of day such as 06:30, or ")


def time_of_day(text: str) -> time | None:
    """`06:30` or `6:30`; None for anything else."""
    match = _TIME_OF_DAY.fullmatch(text)
    return None if match is None else time(int(match[1]), int(match[2]))


def seconds_of(option: str, text: str, what: str = "") -> float:
    """A duration such as `90s`, `15m` or `3h30m`, up to seven days. Raises UsageError."""
    found = parse_duration(text)
    if not isinstance(found, float) or not 0 <= found <= MOST_S:
        raise UsageError(
            f"{option} is {what}a duration such as 3h30m, at most seven days, not {quoted(text)}"
        )
    return found


def in_words(seconds: float) -> str:
    """`40 s`, `4 min`, `2 h 5 min`: a duration as people say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes or not hours)
    return " ".join(parts)
