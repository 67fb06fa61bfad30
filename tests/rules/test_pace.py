"""The pace of one account: never faster than the rate, and nobody goes while everybody is held."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.backoff import SUBMIT_BACKOFF
from pipeline.pace import Pace

EPSILON_S = 1e-6  # what sums of floats may be off by


@dataclass
class Street:
    """Callers in virtual time, each as the stages are: reserve, sleep, look whether it is held, go."""

    pace: Pace
    seed: int = 0
    gone: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    holds: list[tuple[float, float]] = field(default_factory=list)

    def run(self, arrivals: list[tuple[float, str]], refusals: list[tuple[float, float | None]]) -> None:
        rng = random.Random(self.seed)
        events: list[tuple[float, int, str, object]] = []
        for at, kind in arrivals:
            heapq.heappush(events, (at, len(events), "arrive", kind))
        for at, hint_s in refusals:
            heapq.heappush(events, (at, len(events), "refused", hint_s))
        count = len(events)
        while events:
            now, _, what, fact = heapq.heappop(events)
            if what == "refused":
                held_s = self.pace.refused(now, now, fact, rng)  # type: ignore[arg-type]
                self.holds.append((now, now + held_s))
            elif what == "wake" and not self.pace.held(now):
                self.gone[str(fact)].append(now)
            else:
                count += 1
                due = now + self.pace.reserve(str(fact), now)
                heapq.heappush(events, (due, count, "wake", fact))


times = st.floats(0, 100)
arrivals = st.lists(st.tuples(times, st.sampled_from(["submit", "poll"])), max_size=40)
refusals = st.lists(st.tuples(times, st.none() | st.floats(0, 900)), max_size=6)
rates = st.floats(0.1, 50)


@steady
@given(arrivals=arrivals, refusals=refusals, submit_per_s=rates, poll_per_s=rates, seed=st.integers())
def test_never_faster_than_the_rate_and_never_into_a_hold(
    arrivals: list[tuple[float, str]],
    refusals: list[tuple[float, float | None]],
    submit_per_s: float,
    poll_per_s: float,
    seed: int,
) -> None:
    """Whoever comes when, and whatever is refused: the spacing holds, holds hold, and everybody goes."""
    street = Street(Pace(submit_per_s, poll_per_s), seed)

    street.run(arrivals, refusals)

    for kind, rate in (("submit", submit_per_s), ("poll", poll_per_s)):
        gone = street.gone[kind]
        assert len(gone) == sum(1 for _, wanted in arrivals if wanted == kind)
        assert all(later - earlier >= 1 / rate - EPSILON_S for earlier, later in pairwise(gone))
        for began, until in street.holds:
            assert not any(began < at < until - EPSILON_S for at in gone)


def test_an_idle_lane_saves_nothing_up() -> None:
    """After an hour without a call, two calls still keep the distance."""
    pace = Pace(submit_per_s=2.0, poll_per_s=5.0)
    pace.reserve("submit", 0.0)

    waits = [pace.reserve("submit", 3600.0) for _ in range(3)]

    assert waits == [0.0, 0.5, 1.0]


def test_lanes_do_not_slow_one_another() -> None:
    """Polls have a limit of their own."""
    pace = Pace(submit_per_s=0.01, poll_per_s=5.0)
    pace.reserve("submit", 0.0)

    assert pace.reserve("poll", 0.0) == 0.0


def test_a_refusal_holds_every_lane() -> None:
    """The account is refused, not the kind of call."""
    pace = Pace(submit_per_s=1.0, poll_per_s=1.0)

    held_s = pace.refused(now=10.0, sent_at=9.0, hint_s=30.0, rng=random.Random(7))

    assert 30.0 <= held_s <= 31.0
    assert pace.reserve("submit", 10.0) == pace.reserve("poll", 10.0) == pytest.approx(held_s)
    assert pace.held(39.9)
    assert not pace.held(41.1)


def test_one_burst_of_refusals_counts_once() -> None:
    """Forty answers to calls that all left before the first refusal are one refusal, not forty doublings."""
    pace, rng = Pace(submit_per_s=100.0, poll_per_s=100.0), random.Random(7)

    for number in range(40):
        pace.refused(now=10.0 + number / 100, sent_at=9.5, hint_s=None, rng=rng)

    assert pace.refusals == 1
    assert pace.held_until <= 10.4 + SUBMIT_BACKOFF.base_s


def test_a_refusal_of_a_call_sent_later_counts_again() -> None:
    """The probe after a hold was refused too: the next hold is longer."""
    pace, rng = Pace(submit_per_s=1.0, poll_per_s=1.0), random.Random(7)

    holds = []
    now = 10.0
    for _ in range(9):
        holds.append(pace.refused(now=now, sent_at=now, hint_s=None, rng=rng))
        now += holds[-1] + 1.0

    assert pace.refusals == 9
    assert all(late >= early for early, late in pairwise(holds[:6]))
    assert SUBMIT_BACKOFF.cap_s / 2 <= holds[-1] <= SUBMIT_BACKOFF.cap_s


def test_a_shorter_hint_never_shortens_a_hold() -> None:
    """Whoever said longer is believed."""
    pace, rng = Pace(submit_per_s=1.0, poll_per_s=1.0), random.Random(7)
    pace.refused(now=10.0, sent_at=9.0, hint_s=300.0, rng=rng)

    still_s = pace.refused(now=11.0, sent_at=10.5, hint_s=1.0, rng=rng)

    assert still_s >= 299.0


def test_a_proper_answer_lets_the_next_refusal_start_small() -> None:
    """A bad evening does not make the night slow."""
    pace, rng = Pace(submit_per_s=1.0, poll_per_s=1.0), random.Random(7)
    for now in (10.0, 20.0, 40.0, 80.0, 160.0):
        pace.refused(now=now, sent_at=now, hint_s=None, rng=rng)

    pace.served()
    held_s = pace.refused(now=1000.0, sent_at=999.0, hint_s=None, rng=rng)

    assert held_s <= SUBMIT_BACKOFF.base_s
