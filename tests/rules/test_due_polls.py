"""Whose turn it is: nothing before its time, the likeliest first where polls are short; nobody starves."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.polling.due import DuePolls
from pipeline.polling.render_times import Watch


def by_kind(watch: Watch, _age_s: float) -> float:
    """Odds that a kind bears in its name."""
    return float(watch.kind)


@steady
@given(
    puts=st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["0.1", "0.5", "0.9"]), st.floats(0, 50))),
    now=st.integers(0, 25),
)
def test_each_due_take_comes_once_and_no_other(puts: list[tuple[int, str, float]], now: int) -> None:
    """Whatever their odds, kinds and ages."""
    queue = DuePolls(by_kind, per_s=1.0)
    for take_id, (due, kind, unready_s) in enumerate(puts):
        queue.put(take_id, due, -100.0, Watch(kind, unready_s=unready_s))

    popped = []
    while (take_id := queue.pop_due(now)) is not None:
        popped.append(take_id)

    later = [due for due, _, _ in puts if due > now]
    assert sorted(popped) == [take_id for take_id, (due, _, _) in enumerate(puts) if due <= now]
    assert len(queue) == len(later)
    assert queue.next_due() == min(later, default=None)


def test_what_is_due_and_not_yet_asked_is_due_still() -> None:
    """While somebody waits for a turn, the next time is not in the future."""
    queue = DuePolls(by_kind, per_s=1.0)
    for take_id in range(3):
        queue.put(take_id, 1.0 + take_id, 0.0, Watch("0.5"))

    assert queue.pop_due(5.0) is not None
    due = queue.next_due()
    assert due is not None
    assert due <= 5.0


def test_a_poll_goes_where_a_clip_is_most_likely() -> None:
    """Of those that are due at the same time."""
    queue = DuePolls(by_kind, per_s=1.0)
    for take_id, kind in enumerate(("0.2", "0.9", "0.5")):
        queue.put(take_id, 1.0, 0.0, Watch(kind))

    assert [queue.pop_due(1.0) for _ in range(3)] == [1, 2, 0]


def test_of_takes_alike_the_one_that_is_due_longest_comes_first() -> None:
    """They share a lane, and that is a queue."""
    queue = DuePolls(by_kind, per_s=1.0)
    for take_id, due in enumerate((3.0, 1.0, 2.0)):
        queue.put(take_id, due, 0.0, Watch("0.5"))

    assert [queue.pop_due(3.0) for _ in range(3)] == [1, 2, 0]


@steady
@given(seed=st.integers(0, 1000), waiting=st.integers(2, 60))
def test_nobody_starves_however_unlikely(seed: int, waiting: int) -> None:
    """One poll per second, and more takes than that, all likelier than one: it has its turn all the same."""
    rng = random.Random(seed)
    queue = DuePolls(by_kind, per_s=1.0)
    queue.put(0, 0.0, 0.0, Watch("0.0"))
    for take_id in range(1, waiting):
        queue.put(take_id, 0.0, 0.0, Watch(rng.choice(["0.5", "1.0"])))

    for now in range(5 * waiting):
        take_id = queue.pop_due(float(now))
        if take_id == 0:
            return
        assert take_id is not None
        queue.put(take_id, now + 1.0, 0.0, Watch(rng.choice(["0.5", "1.0"])))
    raise AssertionError(f"not asked about in {5 * waiting} polls")
