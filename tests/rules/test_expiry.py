"""Which clip is loaded next: none before its time, and of the others the one whose link dies first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.expiry import ByExpiry


@steady
@given(
    waiting=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5))),
    nows=st.lists(st.integers(0, 9), max_size=4).map(sorted),
)
def test_of_those_that_are_due_the_link_that_dies_first(
    waiting: list[tuple[int, int]], nows: list[int]
) -> None:
    """One taken at each of some moments: due by then, and no other that was due dies before it."""
    turns = ByExpiry()
    left = dict(enumerate(waiting))
    for take_id, (due, dies) in left.items():
        turns.put(take_id, due, dies)

    for now in nows:
        due_now = {take_id: dies for take_id, (due, dies) in left.items() if due <= now}
        waits = turns.due_in(now)
        popped = turns.pop_due(now)

        assert (popped is None, waits == 0) == (not due_now, bool(due_now))
        if popped is not None:
            assert due_now[popped] == min(due_now.values())
            del left[popped]


def test_links_that_die_together_go_in_the_order_they_came() -> None:
    """Nobody is overtaken without a reason."""
    turns = ByExpiry()
    for take_id in (7, 0, 3):
        turns.put(take_id, 1.0, 50.0)

    assert [turns.pop_due(1.0) for _ in range(4)] == [7, 0, 3, None]
    assert turns.due_in(1.0) is None
