"""How long clips take, from intervals: what comes out is a distribution, and near the true one."""

from __future__ import annotations

import math
import random
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.polling.lognormals import Lognormals, Part, Seen, fit

ages = st.floats(0.01, 1e5)
waiting = st.builds(lambda unready_s: Seen(unready_s, None), ages)
ended = st.builds(
    lambda unready_s, more_s, weight: Seen(unready_s, unready_s + more_s, weight),
    st.one_of(st.just(0.0), ages),
    ages,
    st.floats(1e-6, 1.0),
)


@steady
@given(first=ended, rest=st.lists(st.one_of(ended, waiting), max_size=20))
def test_whatever_was_seen_gives_a_distribution(first: Seen, rest: list[Seen]) -> None:
    """Odds rise from 0 to 1, and a quantile is where they reach its share."""
    times = fit([first, *rest])

    odds = [times.cdf(10.0**power) for power in range(-4, 9)]
    assert all(0.0 <= low <= high <= 1.0 for low, high in pairwise(odds))
    assert sum(part.share for part in times.parts) == pytest.approx(1.0)
    assert times.cdf(times.quantile(0.9)) == pytest.approx(0.9, abs=0.01)


def seen_every(gap_s: float, times_s: list[float], until_s: float = math.inf) -> list[Seen]:
    """Takes asked about at the same ages; one that is not ready by the last of them waits still."""
    found = []
    for time_s in times_s:
        ready_s = math.ceil(time_s / gap_s) * gap_s
        if ready_s <= until_s:
            found.append(Seen(ready_s - gap_s, ready_s))
        else:
            found.append(Seen(until_s // gap_s * gap_s, None))
    return found


def drawn(count: int, median_s: float, sigma: float, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [median_s * math.exp(rng.gauss(0.0, sigma)) for _ in range(count)]


@pytest.mark.parametrize("sigma", [0.25, 0.5])
@pytest.mark.parametrize("gap_s", [2.0, 15.0])
def test_a_lognormal_is_found_behind_the_polls(sigma: float, gap_s: float) -> None:
    """Also where the gap between polls is as wide as the distribution."""
    times_s = drawn(300, 60.0, sigma)

    (part,) = fit(seen_every(gap_s, times_s)).parts

    assert part.mu == pytest.approx(statistics.fmean(map(math.log, times_s)), abs=0.02)
    assert part.sigma == pytest.approx(statistics.stdev(map(math.log, times_s)), rel=0.1)


def test_takes_that_still_wait_are_evidence() -> None:
    """Half of the clips are there after 60 s: without those that are not, the median would be too low."""
    seen = seen_every(5.0, drawn(300, 60.0, 0.4), until_s=60.0)

    known = fit(seen).quantile(0.5)
    mistaken = fit([one for one in seen if one.ready_s is not None]).quantile(0.5)

    assert known == pytest.approx(60.0, rel=0.1)
    assert mistaken < 50.0


def test_two_ways_to_be_rendered_are_two_parts() -> None:
    """As many parts as the observations pay for."""
    times = fit(seen_every(4.0, drawn(180, 30.0, 0.15) + drawn(120, 100.0, 0.15, seed=2)))

    slow, quick = sorted(times.parts, key=lambda part: -part.mu)[:2]
    assert math.exp(quick.mu) == pytest.approx(30.0, rel=0.1)
    assert math.exp(slow.mu) == pytest.approx(100.0, rel=0.1)
    assert slow.share == pytest.approx(0.4, abs=0.05)


def test_density_is_the_slope_of_the_odds() -> None:
    """In odds per second."""
    times = Lognormals((Part(0.5, math.log(20.0), 0.3), Part(0.5, math.log(90.0), 0.5)))

    for age in (10.0, 20.0, 50.0, 200.0):
        slope = (times.cdf(age + 0.01) - times.cdf(age - 0.01)) / 0.02
        assert times.density(age) == pytest.approx(slope, rel=1e-3)
