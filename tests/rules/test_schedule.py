"""How long from one question about a take to the next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.providers.base import PollAdvice
from pipeline.schedule import poll_gap_s

ages = st.floats(0, 1e6)
advices = st.builds(
    lambda first_s, min_s, extra_s, growth: PollAdvice(
        first_s=first_s, min_s=min_s, max_s=min_s + extra_s, growth=growth
    ),
    st.floats(0, 1000),
    st.floats(0.05, 60),
    st.floats(0, 1000),
    st.floats(0, 2),
)


@steady
@given(age_s=ages, advice=advices)
def test_a_gap_keeps_its_bounds(age_s: float, advice: PollAdvice) -> None:
    """The floor is hard at every age; the ceiling is, once the first poll was made."""
    gap_s = poll_gap_s(age_s, advice)

    assert gap_s >= advice.min_s
    assert gap_s <= (advice.max_s if age_s >= advice.first_s else max(advice.first_s, advice.min_s))


@steady
@given(age_s=ages, advice=advices)
def test_the_first_poll_does_not_come_before_its_time(age_s: float, advice: PollAdvice) -> None:
    """No clip was ever finished so early, so nobody asks."""
    assert age_s + poll_gap_s(age_s, advice) >= advice.first_s * (1 - 1e-12)


def test_gaps_grow_with_the_age() -> None:
    """A share of the age: a long wait is asked about rarely, and never more rarely than the ceiling."""
    advice = PollAdvice(first_s=5.0, min_s=5.0, max_s=15.0, growth=0.1)

    gaps = [poll_gap_s(age_s, advice) for age_s in (0, 5, 50, 100, 150, 10_000)]

    assert gaps == [5.0, 5.0, 5.0, 10.0, 15.0, 15.0]
