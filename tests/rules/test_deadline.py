"""Deadlines: what may be written, and when a time of day comes next, also where clocks are set."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import next_local
from pipeline.deadline import Deadline, check_deadline, deadline_of, in_words, time_of_day
from pipeline.errors import UsageError

DAY_S = 86_400.0


@pytest.fixture(autouse=True)
def berlin() -> Iterator[None]:
    """Clocks there are set forward on 28 March 2027, and back on 31 October 2027, between 2 and 3."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "of_day", "comes"),
    [
        ("2026-11-29 21:00", "06:30", "2026-11-30 05:30"),  # in the evening, for the next morning
        ("2026-11-30 01:00", "06:30", "2026-11-30 05:30"),  # at 02:00, for the same morning
        ("2026-11-30 05:30", "06:30", "2026-12-01 05:30"),  # it is that time: tomorrow
        ("2027-03-27 22:00", "06:30", "2027-03-28 04:30"),  # an hour is left out
        ("2027-03-27 22:00", "02:30", "2027-03-28 01:30"),  # a time that this night does not have
        ("2027-10-30 20:00", "02:30", "2027-10-31 00:30"),  # a time that comes twice: the first
        ("2027-10-31 00:40", "02:30", "2027-10-31 01:30"),  # and then the second
    ],
)
def test_a_time_of_day_is_its_next_occurrence_here(now: str, of_day: str, comes: str) -> None:
    at = time_of_day(of_day)

    assert at is not None
    assert next_local(at, utc(now)) == utc(comes)


@given(st.floats(1.7e9, 1.9e9), st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0)))
def test_the_next_occurrence_is_ahead_and_within_a_day(wall: float, of_day: datetime) -> None:
    """Or a day and an hour, where clocks are set."""
    comes = next_local(of_day, wall)  # type: ignore[arg-type]

    assert 0 < comes - wall <= DAY_S + 3600


def test_a_deadline_counts_on_the_clock_of_the_run() -> None:
    """From the start on, setting the machine's clock moves nothing."""
    assert deadline_of("3h30m", now=100.0, wall=0.0).at == 100.0 + 12_600.0
    assert deadline_of("06:30", now=100.0, wall=utc("2026-11-30 01:00")).at == 100.0 + 4.5 * 3600
    assert deadline_of("1h", grace_s=60.0, now=0.0, wall=0.0).over_at == 3660.0


@pytest.mark.parametrize(
    "text", ["24:00", "6:3", "06:60", "half past six", "3 h", "", "-1h", "8d", "169h", "٠٦:30"]
)
def test_what_is_no_deadline_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--deadline is a time of day such as 06:30, or a duration"):
        check_deadline(text)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_what_is_sent_in_time_comes_before_the_deadline(now: float, longest_s: float, at: float) -> None:
    deadline = Deadline(text="", at=at, grace_s=0.0)

    assert deadline.is_too_late(now, longest_s) == (now + longest_s > at)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (40, "40 s"), (240, "4 min"), (900, "15 min"), (7200, "2 h"), (7500, "2 h 5 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
