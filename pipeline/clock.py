"""The only place that asks what time it is.

Durations come from `monotonic`, which is the event loop's time, so that a loop with virtual time
drives everything. Wall time is UTC seconds since the epoch: for the record, for deadlines that hold
across restarts, and for people.
"""

from __future__ import annotations

import asyncio
import math
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """What the engine knows of time."""

    def monotonic(self) -> float: ...
    def wall(self) -> float: ...


class LoopClock:
    """Time of the running event loop."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return time.time()


def local_day(wall: float) -> date:
    """The day on the calendar of this machine's time zone."""
    return _local(wall).date()


def next_local(of_day: time_of_day, wall: float) -> float:
    """The next wall time after `wall` at which this machine's time zone shows that time of day.

    Where clocks are set forward over it, the moment that they would show it had they not been.
    """
    today = local_day(wall)
    days = [datetime.combine(today + timedelta(days=more), of_day) for more in range(3)]
    return min(moment for day in days for moment in _moments(day) if moment > wall)


def _moments(day: datetime) -> list[float]:
    """When the clock shows that: twice where it is set back over it."""
    both = [day.replace(fold=fold).timestamp() for fold in (0, 1)]
    return [moment for moment in both if _local(moment).replace(tzinfo=None, fold=0) == day] or both[:1]


def _local(wall: float) -> datetime:
    return datetime.fromtimestamp(wall, UTC).astimezone()


def month_text(wall: float) -> str:
    """The calendar month of a wall time in UTC, such as `2026-11`."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m")


def utc_text(wall: float) -> str:
    """A wall time as ISO 8601 in UTC, to the second, as side files and logs show it."""
    return _second_text(math.floor(wall))


@lru_cache(maxsize=64)  # what happens in one second is told of many times
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
