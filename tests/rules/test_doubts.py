"""A gateway that does not know a take: is it that take alone, or the account, or the address?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.doubts import Doubts


def test_a_take_is_lost_once_another_was_answered_afterwards() -> None:
    """The account is well, so it is this take."""
    doubts = Doubts()
    doubts.refused(1, now=10.0)
    alone = doubts.is_lost(1)

    doubts.answered(2, asked_at=10.5)

    assert not alone
    assert doubts.is_lost(1)


def test_an_answer_from_before_the_refusal_proves_nothing() -> None:
    """The account may have been closed in between: what counts is when the poll left."""
    doubts = Doubts()
    doubts.refused(1, now=10.0)

    doubts.answered(2, asked_at=9.5)

    assert not doubts.is_lost(1)


def test_later_refusals_do_not_renew_the_first() -> None:
    """A row of refusals counts from its beginning."""
    doubts = Doubts()
    doubts.refused(1, now=10.0)
    doubts.answered(2, asked_at=11.0)

    doubts.refused(1, now=12.0)

    assert doubts.is_lost(1)


def test_a_take_that_is_answered_is_out_of_doubt() -> None:
    """Whatever it was, it is over; a further refusal begins anew."""
    doubts = Doubts()
    doubts.refused(1, now=10.0)
    doubts.answered(1, asked_at=11.0)

    doubts.refused(1, now=12.0)

    assert not doubts.is_lost(1)


def test_two_refused_and_none_answered_is_not_about_takes() -> None:
    """Account or address: the run stops asking; one refused take alone says nothing yet."""
    doubts = Doubts()
    doubts.refused(1, now=10.0)
    one = doubts.are_all_refused()
    doubts.refused(2, now=11.0)

    assert not one
    assert doubts.are_all_refused()


def test_a_take_that_left_is_forgotten() -> None:
    """Only takes that are still asked about count."""
    doubts = Doubts()
    doubts.refused(1, now=10.0)
    doubts.refused(2, now=11.0)

    doubts.forget(2)

    assert not doubts.are_all_refused()
    assert not doubts.is_lost(2)


moments = st.integers(0, 50)
steps = st.lists(st.tuples(st.sampled_from(["refused", "answered", "forget"]), st.integers(1, 4), moments))


@steady
@given(steps=steps)
def test_never_lost_and_all_refused_at_once(steps: list[tuple[str, int, int]]) -> None:
    """A paid take is ended only while the account answers, and the run is stopped only while it does not."""
    doubts = Doubts()
    for what, take_id, at in steps:
        if what == "refused":
            doubts.refused(take_id, at)
        elif what == "answered":
            doubts.answered(take_id, at)
        else:
            doubts.forget(take_id)

    assert not (doubts.are_all_refused() and any(doubts.is_lost(take_id) for take_id in range(1, 5)))
