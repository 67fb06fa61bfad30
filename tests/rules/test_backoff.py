"""Waiting after a failure: never before the server's hint, never much after it, never an overflow."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from fuzz.headers import clock_holds, retry_after_holds
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.backoff import MAX_HINT_S, SUBMIT_BACKOFF, Backoff, parse_retry_after, retry_delay

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT

tries = st.integers(1, 10**9)
seeds = st.integers()
policies = st.builds(
    lambda base_s, factor: Backoff(base_s, base_s * factor), st.floats(0.001, 100), st.floats(1, 1000)
)


@steady
@given(tries=tries, policy=policies, hint_s=st.floats(0, 1e300), seed=seeds)
def test_a_hint_is_kept(tries: int, policy: Backoff, hint_s: float, seed: int) -> None:
    """Never earlier than the server said, and never later than that and the policy's own step."""
    delay = retry_delay(tries, policy, random.Random(seed), hint_s)

    hint_s = min(hint_s, MAX_HINT_S)
    assert hint_s <= delay <= hint_s + policy.cap_s


@steady
@given(tries=tries, policy=policies, seed=seeds)
def test_without_a_hint_the_step_is_the_bound(tries: int, policy: Backoff, seed: int) -> None:
    """Half of the exponential step at least, so that nobody is back at once; the cap at most."""
    delay = retry_delay(tries, policy, random.Random(seed))

    step = min(policy.cap_s, policy.base_s * 2.0 ** min(tries - 1, 32))
    assert step / 2 <= delay <= step <= policy.cap_s


@steady
@given(hint_s=st.floats(max_value=0, allow_nan=False), seed=seeds)
def test_a_hint_below_zero_is_none_at_all(hint_s: float, seed: int) -> None:
    """A clock that runs ahead must not make a wait negative."""
    assert 0.0 <= retry_delay(1, SUBMIT_BACKOFF, random.Random(seed), hint_s) <= SUBMIT_BACKOFF.cap_s


def test_no_gateway_can_send_us_to_sleep_for_a_night() -> None:
    """A hint of a day is cut at ten minutes; then one probe goes out."""
    delay = retry_delay(1, SUBMIT_BACKOFF, random.Random(7), 86_400.0)

    assert 600.0 <= delay <= 601.0


def test_waits_grow_with_the_tries() -> None:
    """The step doubles from the base until the cap."""
    policy = Backoff(1.0, 60.0)

    ceilings = [max(retry_delay(n, policy, random.Random(seed)) for seed in range(200)) for n in range(1, 9)]

    steps = [1, 2, 4, 8, 16, 32, 60, 60]
    assert all(0.9 * step < top <= step for top, step in zip(ceilings, steps, strict=True))


def test_callers_do_not_come_back_together() -> None:
    """Two with the same tries and hint wait differently long."""
    rng = random.Random(7)

    assert len({retry_delay(3, SUBMIT_BACKOFF, rng, 10.0) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("007", 7.0),
        ("99999999999", 99_999_999_999.0),
        ("9" * 400, MAX_HINT_S),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tuesday, 14-Nov-23 22:14:20 GMT", 60.0),
        ("Tue Nov 14 22:14:20 2023", 60.0),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60.0),
        ("Tue, 14 Nov 2023 23:14:20 +0100", 60.0),
        ("Tue, 14 Nov 2023 22:13:19 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_702_300_799.0),
        (None, None),
        ("", None),
        ("   ", None),
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("1e3", None),
        ("0x10", None),
        ("5, 10", None),
        ("5s", None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("\N{ARABIC-INDIC DIGIT FIVE}", None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("Tue, 99 Nov 2023 22:14:20 GMT", None),
        ("Tue, 14 Nov 2023 22:14:20 +9999", None),
        ("Tue, 14 Nov 99999999999999999999 22:14:20 GMT", None),
        ("\udcff", None),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    """Whole seconds or one of the three dates of HTTP; anything else says nothing. RFC 9110, 10.2.3."""
    assert parse_retry_after(value, NOW) == expected


parts = [
    "Tue",
    ",",
    " ",
    "14",
    "Nov",
    "2023",
    "9999",
    "0000",
    "1",
    ":",
    "22:14:20",
    "GMT",
    "+0000",
    "-9999",
    "(",
    ")",
]
dates = st.lists(st.sampled_from([*parts, "-", "120", "9" * 5000, "\N{SUPERSCRIPT TWO}"]), max_size=12).map(
    "".join
)
any_text = (
    dates | st.text() | st.text("0123456789 ,:-+GMTuesdayNov") | st.from_regex(r"[A-Z][a-z]{2}, .{20,30} GMT")
)


@steady
@given(value=any_text, now=st.floats(0, 4e9))
def test_no_text_breaks_it(value: str, now: float) -> None:
    """Whatever a server writes, the answer is a wait that can be slept, or nothing."""
    retry_after_holds(value, now)
    clock_holds(value)


@steady
@given(wait_s=st.integers(0, 10**6), zone_h=st.integers(-12, 12))
def test_a_date_in_any_zone_is_the_same_moment(wait_s: int, zone_h: int) -> None:
    """What counts is the moment that was named, not where."""
    moment = datetime.fromtimestamp(NOW + wait_s, timezone(timedelta(hours=zone_h)))

    assert parse_retry_after(format_datetime(moment), NOW) == wait_s
