"""What holds for headers that speak of time: `Retry-After`, and the gateway's `Date`."""

from __future__ import annotations

import random

from pipeline.backoff import MAX_HINT_S, SUBMIT_BACKOFF, parse_retry_after, retry_delay
from pipeline.doctor.answers import clock_check
from pipeline.doctor.finding import Verdict

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
YEAR_9999_S = 253_402_300_800.0  # since the epoch; no date, and no number of eleven digits, is much later


def retry_after_holds(value: str, now: float = NOW) -> None:
    """A wait that can be slept, or nothing; and nobody is sent to sleep for longer than the cap."""
    wait_s = parse_retry_after(value, now)

    assert wait_s is None or (type(wait_s) is float and 0.0 <= wait_s <= YEAR_9999_S)
    delay_s = retry_delay(1, SUBMIT_BACKOFF, random.Random(7), wait_s)
    assert 0.0 < delay_s <= MAX_HINT_S + SUBMIT_BACKOFF.cap_s


def clock_holds(value: str) -> None:
    """Whatever a gateway calls the time, this machine's clock is at most worth a warning."""
    found = clock_check("clock", value, NOW, NOW + 1)

    assert found.verdict in (Verdict.OK, Verdict.WARNING)
    assert found.seen.isprintable()


def times_hold(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    retry_after_holds(text)
    clock_holds(text)
