"""When to ask, for a known distribution: the floor always holds, and the delay is near the least."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.polling.lognormals import Lognormals, Part
from pipeline.polling.timetable import Plan, Timetable, common_price
from pipeline.providers.base import PollAdvice

TEN_S = PollAdvice(first_s=10.0, min_s=1.0, max_s=10.0, growth=1.0)
advices = st.builds(
    lambda first_s, min_s, extra_s, growth: PollAdvice(
        first_s=first_s, min_s=min_s, max_s=min_s + extra_s, growth=growth
    ),
    st.floats(0, 100),
    st.floats(0.05, 60),
    st.floats(0, 100),
    st.floats(0, 2),
)
distributions = st.lists(
    st.tuples(st.floats(0.05, 1.0), st.floats(-2.0, 8.0), st.floats(0.02, 2.0)), min_size=1, max_size=3
).map(
    lambda parts: Lognormals(
        tuple(Part(share / sum(part[0] for part in parts), mu, sigma) for share, mu, sigma in parts)
    )
)


def lognormal(median_s: float, sigma: float) -> Lognormals:
    return Lognormals((Part(1.0, math.log(median_s), sigma),))


def own_table(times: Lognormals, advice: PollAdvice) -> Timetable:
    plan = Plan(times, advice, 1e9)
    return plan.table(plan.price_s)


def cost(table: Timetable, times: Lognormals) -> tuple[float, float]:
    """Mean polls and mean delay (seconds) of a take, summed over 2,000 equal shares of the clips."""
    ready = [times.quantile((n + 0.5) / 2000) for n in range(2000)]
    polls, delay_s, age, at = 0, 0.0, 0.0, 0
    while at < len(ready):
        polls += len(ready) - at
        age = table.next_age(age)
        while at < len(ready) and ready[at] <= age:
            delay_s += age - ready[at]
            at += 1
    return polls / len(ready), delay_s / len(ready)


@steady
@given(times=distributions, advice=advices, count=st.floats(0, 1e6), since=st.floats(0, 1e6))
def test_the_floor_holds_at_every_age(
    times: Lognormals, advice: PollAdvice, count: float, since: float
) -> None:
    """Whatever was learned, two polls of a take are never closer, and there is always a next one."""
    plan = Plan(times, advice, count)
    table = plan.table(plan.price_s)

    path = [0.0, since]
    for _ in range(20):
        path.append(table.next_age(path[-1]))

    assert all(later - early >= advice.min_s * (1 - 1e-9) for early, later in pairwise(path[1:]))
    assert table.next_age(0.0) >= advice.min_s
    assert path[-1] < math.inf


@steady
@given(times=distributions, unready_s=st.floats(0, 1e6), more_s=st.floats(0, 1e6))
def test_odds_are_odds(times: Lognormals, unready_s: float, more_s: float) -> None:
    """Between 0 and 1, and never less for waiting longer."""
    table = own_table(times, TEN_S)

    sooner = table.odds(unready_s, unready_s + more_s)
    later = table.odds(unready_s, unready_s + more_s + 10.0)

    assert 0.0 <= sooner <= later + 1e-12
    assert later <= 1.0 + 1e-12


@pytest.mark.parametrize(
    ("sigma", "fixed_polls", "optimum_s"), [pytest.param(0.25, 6.7, 2.0), pytest.param(0.5, 7.3, 3.4)]
)
def test_with_as_many_polls_as_every_ten_seconds_the_delay_is_near_the_optimum(
    sigma: float, fixed_polls: float, optimum_s: float
) -> None:
    """The figures are those of a computation of its own (bench/optimum.py); fixed polls have 5.0 s."""
    times = lognormal(60.0, sigma)

    polls, delay_s = cost(own_table(times, TEN_S), times)

    assert polls == pytest.approx(fixed_polls, rel=0.05)
    assert delay_s * polls <= 1.05 * optimum_s * fixed_polls


def test_where_the_floor_binds_no_polls_are_spent_for_nothing() -> None:
    """Nobody asks before clips may be there: fewer polls than the vendors advise, and less delay."""
    times, advice = lognormal(60.0, 0.25), PollAdvice(first_s=5.0, min_s=5.0, max_s=15.0, growth=0.1)

    polls, delay_s = cost(own_table(times, advice), times)

    assert polls < 8.0  # 12.5 by the advice
    assert delay_s < 2.65  # half a floor, at best


def test_behind_all_that_is_known_the_advice_counts() -> None:
    """A take that outlives every prediction is still asked about."""
    table = own_table(lognormal(60.0, 0.25), TEN_S)

    assert table.next_age(5000.0) == 5010.0
    assert 0.0 < table.odds(5000.0, 6000.0) < 1.0


def test_one_price_for_several_kinds_lies_between_their_own() -> None:
    """Each poll goes where it saves most, whatever it is about."""
    quick, slow = Plan(lognormal(20.0, 0.3), TEN_S, 100), Plan(lognormal(300.0, 0.3), TEN_S, 100)

    together = common_price([(quick, 10), (slow, 10)])

    assert min(quick.price_s, slow.price_s) < together < max(quick.price_s, slow.price_s)
    assert common_price([(quick, 3)]) == pytest.approx(quick.price_s)
