"""The pace of one account: never faster than a known limit, never into a hold, and always back up again."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from bench.limiters import DATE, LIMITERS, NONE, SECONDS, World, play
from pipeline.backoff import SUBMIT_BACKOFF
from pipeline.lane import FASTEST_PER_S, SLOWEST_PER_S, Lane
from pipeline.pace import MOST_IN_A_ROW, Pace

EPSILON_S = 1e-6  # what sums of floats may be off by
ROUND_TRIP_S = 0.3
SEARCH_S, SEARCH_CALLS = 120.0, 200  # what is not counted, as in bench/pace.py
Answers = Sequence[tuple[bool, float | None]]


@dataclass
class Street:
    """Callers in virtual time, each as stages/turns.py has them: ask, sleep, ask again, go.

    `answers`: refusals and their hints, in the order of calls; after them all is well.
    """

    pace: Pace
    answers: Answers = ()
    gone: list[tuple[float, str]] = field(default_factory=list)
    holds: list[tuple[float, float]] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rng: random.Random = field(default_factory=lambda: random.Random(7))

    def run(self, arrivals: Sequence[tuple[float, str]]) -> None:
        events: list[tuple[float, int, str, str, float]] = []
        for number, (at, kind) in enumerate(arrivals):
            heapq.heappush(events, (at, number, "arrive", kind, at))
        count, answers = len(events), iter(self.answers)
        while events:
            now, _, what, kind, sent_at = heapq.heappop(events)
            count += 1
            if what == "answer":
                is_refused, hint_s = next(answers, (False, None))
                if is_refused:
                    self.holds.append((now, now + self.pace.refused(kind, now, sent_at, hint_s, self.rng)))
                else:
                    self.pace.served(kind, now, sent_at)
                continue
            self.waiting[kind] += what == "arrive"
            others = {other for other, many in self.waiting.items() if many and other != kind}
            if (wait_s := self.pace.wait_s(kind, now, others)) > EPSILON_S:
                heapq.heappush(events, (now + wait_s, count, "ask", kind, 0.0))
                continue
            self.waiting[kind] -= 1
            self.pace.go(kind, now, others)
            self.gone.append((now, kind))
            heapq.heappush(events, (now + ROUND_TRIP_S, count, "answer", kind, now))

    def times(self, kind: str | None = None) -> list[float]:
        return [at for at, each in self.gone if kind in (None, each)]


def gaps(times: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def refuse(pace: Pace, now: float, sent_at: float | None = None, hint_s: float | None = None) -> float:
    return pace.refused("submit", now, now if sent_at is None else sent_at, hint_s, random.Random(7))


times = st.floats(0, 100)
arrivals = st.lists(st.tuples(times, st.sampled_from(["submit", "poll"])), max_size=60)
answers = st.lists(st.tuples(st.booleans(), st.none() | st.floats(0, 900)), max_size=40)
rates = st.floats(0.1, 50)


@steady
@given(
    arrivals=arrivals, answers=answers, submit_per_s=rates, poll_per_s=rates,
    known=st.booleans(), share=st.booleans(),
)  # fmt: skip
def test_never_faster_than_a_limit_and_never_into_a_hold(
    arrivals: list[tuple[float, str]],
    answers: Answers,
    submit_per_s: float,
    poll_per_s: float,
    known: bool,
    share: bool,
) -> None:
    """Whoever comes when, and whatever is refused: limits and holds are kept, and everybody goes."""
    street = Street(Pace.by(submit_per_s, poll_per_s, known=known, share=share), answers)

    street.run(arrivals)

    most_per_s = submit_per_s if known else max(FASTEST_PER_S, submit_per_s)
    limited = {"submit": most_per_s, "poll": poll_per_s} | ({None: most_per_s} if share else {})
    for kind, per_s in limited.items():
        assert min(gaps(street.times(kind)), default=1e9) >= 1 / per_s - 2 * EPSILON_S
    assert sorted(kind for _, kind in street.gone) == sorted(kind for _, kind in arrivals)
    for began, until in street.holds:
        assert not [at for at in street.times() if began < at < until - EPSILON_S]


@steady
@given(waiting=st.integers(2, 60), hint_s=st.none() | st.floats(0, 900), seed=st.integers())
def test_no_burst_after_a_hold(waiting: int, hint_s: float | None, seed: int) -> None:
    """However many wait behind a hold, they go on one by one, and no faster than before it."""
    street = Street(Pace.by(5.0, 5.0, known=False), [(True, hint_s)], rng=random.Random(seed))

    street.run([(0.0, "submit")] + [(1.0, "submit")] * waiting)

    (_, until), *_ = street.holds
    after = [at for at in street.times() if at >= until - EPSILON_S]
    assert len(after) >= waiting - 1
    assert min(gaps(after)) >= 1 / FASTEST_PER_S
    assert min(gaps(after)[:2], default=1.0) >= 1 / 5.0 - EPSILON_S


@steady
@given(submits=st.integers(0, 60), polls=st.integers(0, 20), per_s=st.floats(0.5, 20))
def test_in_a_shared_lane_polls_yield_and_are_never_starved(submits: int, polls: int, per_s: float) -> None:
    """One of ten turns is theirs while both wait; all the others are the submits'."""
    street = Street(Pace.by(per_s, 50.0, share=True))

    street.run([(0.0, "submit")] + [(0.01, "submit")] * submits + [(0.01, "poll")] * polls)

    rounds = min(polls, submits // MOST_IN_A_ROW)
    expected = (["submit"] * MOST_IN_A_ROW + ["poll"]) * rounds
    expected += ["submit"] * (submits - MOST_IN_A_ROW * rounds) + ["poll"] * (polls - rounds)
    assert [kind for _, kind in street.gone] == ["submit", *expected]
    assert min(gaps(street.times()), default=1e9) >= 1 / per_s - EPSILON_S


@steady
@given(answers=answers, known=st.booleans())
def test_it_recovers_from_any_series_of_refusals(answers: Answers, known: bool) -> None:
    """Once all is well again, 600 calls bring the rate back to where it started, or to its cap."""
    pace, now, rng = Pace.by(1.0, 1.0, known=known), 0.0, random.Random(7)

    for is_refused, hint_s in [*answers, *[(False, None)] * 600]:
        now += max(0.0, pace.wait_s("submit", now))
        pace.go("submit", now)
        if is_refused:
            pace.refused("submit", now + 0.01, now, hint_s, rng)
        else:
            pace.served("submit", now + 0.01, now)

    assert pace.submit.rate >= 1.0
    assert pace.refusals == 0


@steady
@given(answers=st.lists(st.booleans(), max_size=300), cap=st.floats(0.01, 50), start=st.floats(0.01, 50))
def test_a_lane_stays_between_its_bounds(answers: list[bool], cap: float, start: float) -> None:
    """Whatever is answered: never above the cap, and never so slow that a night is lost."""
    lane, now = Lane(start, cap), 0.0
    least = min(lane.rate, SLOWEST_PER_S)

    for is_served in answers:
        lane.go(now, 0.0)
        if is_served:
            lane.served(now)
        else:
            lane.cut(now, now)
        now = lane.free_at
        assert least <= lane.rate <= cap


@pytest.mark.parametrize("form", [SECONDS, DATE, NONE])
@pytest.mark.parametrize("limiter", list(LIMITERS))
def test_an_unknown_limit_is_found_and_used(limiter: str, form: str) -> None:
    """95 % of it, with 2 % of calls refused, on servers of every kind; the whole grid is in bench/pace.py."""
    world = World(limiter=LIMITERS[limiter](), form=form, round_trip_s=0.2, until_s=1500.0)

    played = play(world, Pace.by(1.0, 5.0, known=False))

    since = max(SEARCH_S, played.calls[SEARCH_CALLS][0])
    admitted, refused = played.admitted(since, 1500.0), played.refused(since, 1500.0)
    assert admitted >= 0.95 * world.limiter.per_s * (1500.0 - since)
    assert refused <= 0.02 * (admitted + refused)


@pytest.mark.parametrize("change", [0.5, 2.0])
@pytest.mark.parametrize("limiter", list(LIMITERS))
def test_a_limit_that_changes_is_followed(limiter: str, change: float) -> None:
    """Halved or doubled: ten minutes later the new one is used.

    A burst of 1 refuses what comes early by as little as travel times differ: there it is less.
    """
    least = 0.92 if limiter == "bucket 1/s, burst 1" else 0.95
    world = World(limiter=LIMITERS[limiter](), change=change, round_trip_s=0.2, until_s=3000.0)

    played = play(world, Pace.by(1.0, 5.0, known=False))

    admitted, refused = played.admitted(2100.0, 3000.0), played.refused(2100.0, 3000.0)
    assert admitted >= least * world.limiter.per_s * 900.0
    assert refused <= 0.02 * (admitted + refused)


def test_a_known_limit_is_the_cap_and_the_start() -> None:
    """At a vendor that states one call a second, nothing is tried beyond it."""
    world = World(limiter=LIMITERS["bucket 10/s, burst 5"](), until_s=600.0)

    played = play(world, Pace.by(1.0, 5.0))

    assert min(gaps(played.left)) >= 1.0 - EPSILON_S
    assert len(played.left) >= 595


def test_a_lane_without_demand_learns_nothing() -> None:
    """A call every ten seconds says nothing about one call a second, let alone two."""
    pace = Pace.by(1.0, 5.0, known=False)

    Street(pace).run([(10.0 * number, "submit") for number in range(200)])

    assert pace.submit.rate == 1.0


def test_an_idle_lane_saves_nothing_up() -> None:
    """After an hour without a call, calls still keep the distance."""
    street = Street(Pace.by(2.0, 5.0))

    street.run([(0.0, "submit")] + [(3600.0, "submit")] * 3)

    assert street.times() == pytest.approx([0.0, 3600.0, 3600.5, 3601.0])


def test_lanes_do_not_slow_one_another() -> None:
    """Polls have a limit of their own: a refused submit holds them, and cuts only the rate of submits."""
    pace = Pace.by(0.01, 5.0)
    pace.go("submit", 0.0)
    assert pace.wait_s("poll", 0.0) <= 0.0

    Street(pace, [(False, None)] * 3 + [(True, None)]).run([(10.0, "submit")] * 8)

    assert pace.submit.ceiling is not None
    assert pace.poll.ceiling is None
    assert pace.poll.rate == 5.0


def test_a_refusal_holds_every_lane() -> None:
    """The account is refused, not the kind of call."""
    pace = Pace.by(1.0, 1.0)

    held_s = refuse(pace, 10.0, sent_at=9.0, hint_s=30.0)

    assert 30.0 <= held_s <= 31.0
    assert pace.wait_s("submit", 10.0) == pace.wait_s("poll", 10.0) == pytest.approx(held_s)
    assert pace.wait_s("poll", 39.9) > 0
    assert pace.wait_s("poll", 41.1) <= 0


def test_one_burst_of_refusals_counts_once() -> None:
    """Forty answers to calls that all left before the first refusal are one refusal, not forty cuts."""
    pace = Pace.by(100.0, 100.0)

    for number in range(40):
        refuse(pace, 10.0 + number / 100, sent_at=9.5)

    assert pace.refusals == 1
    assert pace.held_until <= 10.4 + SUBMIT_BACKOFF.base_s
    assert pace.submit.rate >= 0.7 * 100.0 - EPSILON_S


def test_an_answer_that_was_under_way_before_a_hold_proves_nothing() -> None:
    """It left before the limit was met."""
    pace = Pace.by(1.0, 1.0)
    refuse(pace, 10.0)

    pace.served("submit", 10.5, sent_at=9.9)

    assert pace.refusals == 1


def test_a_refusal_of_a_call_sent_later_counts_again() -> None:
    """The probe after a hold was refused too: the next hold is longer, and the rate is cut only once."""
    pace = Pace.by(1.0, 1.0)

    holds, now = [], 10.0
    for _ in range(9):
        holds.append(refuse(pace, now))
        now += holds[-1] + 1.0

    assert pace.refusals == 9
    assert all(late >= early for early, late in pairwise(holds[:6]))
    assert SUBMIT_BACKOFF.cap_s / 2 <= holds[-1] <= SUBMIT_BACKOFF.cap_s
    assert pace.submit.rate >= 0.7 - EPSILON_S


def test_in_a_row_of_refusals_each_call_is_answered_before_the_next_leaves() -> None:
    """While the gateway refuses, one probe is enough."""
    pace = Pace.by(10.0, 10.0)
    refuse(pace, 10.0, sent_at=8.0)
    refuse(pace, 20.0, sent_at=18.0)

    pace.go("submit", 30.0)

    assert pace.wait_s("submit", 30.0) == pytest.approx(2.0)


def test_a_shorter_hint_never_shortens_a_hold() -> None:
    """Whoever said longer is believed."""
    pace = Pace.by(1.0, 1.0)
    refuse(pace, 10.0, sent_at=9.0, hint_s=300.0)

    assert refuse(pace, 11.0, sent_at=10.5, hint_s=1.0) >= 299.0


def test_a_proper_answer_lets_the_next_refusal_start_small() -> None:
    """A bad evening does not make the night slow."""
    pace = Pace.by(1.0, 1.0)
    for now in (10.0, 20.0, 40.0, 80.0, 160.0):
        refuse(pace, now)

    pace.served("submit", 990.0, sent_at=989.0)

    assert refuse(pace, 1000.0, sent_at=999.0) <= SUBMIT_BACKOFF.base_s


def test_a_limit_below_what_was_asked_is_told_once_for_each_halving() -> None:
    """One line a night, not one for each refusal."""
    world = World(limiter=LIMITERS["bucket 1/s, burst 1"](), until_s=1200.0)
    pace, told = Pace.by(5.0, 5.0), []

    for _ in range(3):
        play(world, pace)
        told.append(pace.submit.found())
        told.append(pace.submit.found())

    assert told[0] == pytest.approx(1.0, rel=0.2)
    assert told[1:].count(None) >= 4


def test_the_slowest_pace_anybody_can_name_learns_without_a_fault() -> None:
    """A call a day: the answer to a paid call is at stake."""
    lane = Lane(1e-5, 25.0)
    for number in range(3):
        lane.go(number * 1e5, 0.0)
        lane.served(number * 1e5 + 1.0)

    assert 0 < lane.rate <= 25.0
