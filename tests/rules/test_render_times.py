"""What a run learns of when to ask: by the advice at first, near the optimum later, and never lost for long.

Nights are played in virtual time with the product's own rules (bench/polls.py): one job every three seconds.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from bench.optimum import curve, delay_at
from bench.polls import (
    LEARNED,
    TEN_S,
    TRACES,
    VENDORS,
    Night,
    Trace,
    advised,
    in_turn,
    lognormal,
    lying,
    spent,
)
from pipeline.polling.render_times import ENOUGH, KEEP, MOST_KINDS, OPEN, RenderTimes, Watch
from pipeline.schedule import poll_gap_s


def ready(times: RenderTimes, unready_s: float, ready_s: float, kind: str = "short") -> None:
    """One take whose two last polls were at these ages."""
    watch = Watch(kind)
    times.running(watch, unready_s, None)
    times.ready(watch, ready_s)


def asked_before(age_s: float, times: RenderTimes) -> int:
    """How often a take that is not ready yet is asked about until then."""
    polls, age = 0, times.first_age("short", 0.0)
    while age < age_s:
        polls += 1
        age = times.next_age(Watch("short"), age, 0.0)
    return polls


def test_before_enough_was_seen_the_advice_counts() -> None:
    """Each kind learns for itself."""
    times = RenderTimes(VENDORS)
    for _ in range(ENOUGH - 1):
        ready(times, 55.0, 60.0)
    early = times.first_age("short", 0.0), times.next_age(Watch("short"), 50.0, 0.0)

    ready(times, 55.0, 60.0)

    assert early == (VENDORS.first_s, 50.0 + poll_gap_s(50.0, VENDORS))
    assert asked_before(55.0, times) <= 4  # the advice asks ten times
    assert times.first_age("long", 0.0) == VENDORS.first_s


def test_earlier_runs_count_from_the_first_take_on() -> None:
    """The second night starts knowing; what makes no sense in a ledger is left out."""
    times = RenderTimes(VENDORS)
    times.recall([("short", 55.0, 60.0)] * 30 + [("short", 9.0, 1.0), ("short", -5.0, float("inf"))])

    assert asked_before(55.0, times) <= 4
    late = times.quantile("short", 0.95)
    assert late is not None
    assert 55.0 < late < 65.0
    assert times.quantile("long", 0.95) is None
    assert times.take_fresh() == []  # it is on record already


def test_what_was_seen_is_told_once_for_the_ledger() -> None:
    """As intervals, and not of takes whose first poll came late."""
    times = RenderTimes(VENDORS)
    ready(times, 20.0, 25.0)
    times.ready(Watch("short", counts=False), 500.0)

    assert times.take_fresh() == [("short", 20.0, 25.0)]
    assert times.take_fresh() == []


def test_a_clock_that_is_set_back_teaches_nothing() -> None:
    """A clip cannot be ready before it was not."""
    times = RenderTimes(VENDORS)
    ready(times, 25.0, 20.0)

    assert times.take_fresh() == []


@steady
@given(
    answers=st.lists(
        st.tuples(st.integers(0, 9), st.floats(0, 1e4), st.booleans(), st.none() | st.integers(0, 100)),
        max_size=80,
    ),
    past=st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), max_size=30),
)
def test_whatever_was_answered_the_floor_holds(
    answers: list[tuple[int, float, bool, int | None]], past: list[tuple[float, float]]
) -> None:
    """Any order of answers, any past, any progress."""
    times = RenderTimes(VENDORS)
    times.recall([("kind", low, high) for low, high in past])
    watches = {number: Watch("kind") for number in range(10)}
    for now, (number, age_s, is_ready, progress) in enumerate(answers):
        if is_ready:
            times.ready(watches[number], age_s)
            watches[number] = Watch("kind")
        else:
            times.running(watches[number], age_s, progress)
        gap_s = times.next_age(watches[number], age_s, 6.0 * now) - age_s
        assert gap_s >= VENDORS.min_s * (1 - 1e-9)
        assert times.first_age("kind", 6.0 * now) >= VENDORS.min_s
        assert 0.0 <= times.odds(watches[number], age_s + 1.0) <= 1.0


def test_memory_is_bounded() -> None:
    """By takes of a kind, by those among them that wait, and by kinds."""
    times = RenderTimes(VENDORS)
    for number in range(2 * KEEP):
        times.running(Watch("waits"), 10.0 + number, None)
        ready(times, 55.0, 60.0, "ends")
        ready(times, 55.0, 60.0, f"kind {number}")

    known = times._kinds
    assert len(known) == MOST_KINDS
    assert len(known["ends"].cohort) == KEEP
    assert known["ends"].open == 0
    assert len(known["waits"].cohort) == OPEN
    assert len(times.take_fresh()) == KEEP


@pytest.mark.parametrize("trace", TRACES[1:3], ids=lambda trace: trace.name)
def test_after_a_hundred_jobs_the_delay_is_near_the_optimum(trace: Trace) -> None:
    """At the same mean number of polls; few jobs are played here, so that chance gets a tenth more. All kinds
    of nights, and longer ones, are in bench/polls.py."""
    jobs = 300
    takes = Night(TEN_S).run(trace.draws, jobs, 5)
    found = spent(takes[LEARNED:])

    best = curve(trace.odds(LEARNED / jobs), TEN_S.min_s)

    assert found.delay_s <= 1.1 * trace.goal * delay_at(best, found.polls)


@pytest.mark.parametrize(("median_s", "most"), [(60.0, 1.0), (120.0, 1.0), (30.0, 1.3)])
def test_a_night_unlike_the_past_is_followed(median_s: float, most: float) -> None:
    """Twice as slow, and there are fewer polls and less delay than by the advice from the first job on. Twice
    as fast, and the first clips wait for a first poll that comes too late for them."""
    night = Night(VENDORS)
    night.remember(lognormal(60.0, 0.25), 300, 1)

    takes = night.run([lognormal(median_s, 0.25)], LEARNED, 2)

    found, plain = spent(takes), advised(takes, VENDORS)
    assert found.delay_s <= most * plain.delay_s
    assert found.polls <= plain.polls


def test_a_progress_that_lies_does_no_harm() -> None:
    """It is not believed, so nothing changes."""
    draws = [lognormal(60.0, 0.5)]

    honest, misled = Night(VENDORS).run(draws, 120, 3), Night(VENDORS, told=lying).run(draws, 120, 3)

    assert spent(misled).delay_s <= 1.1 * spent(honest).delay_s


def test_a_progress_that_begins_to_lie_is_not_believed_for_long() -> None:
    """What it told is borne out by twenty takes; then it tells an age at which all others were ready."""
    times = RenderTimes(TEN_S)
    for _ in range(20):
        watch = Watch("short")
        times.running(watch, 30.0, 50)
        times.running(watch, 58.0, 95)
        times.ready(watch, 61.0)
    honest, liar = Watch("short"), Watch("short")
    times.running(honest, 30.0, 50)
    times.running(liar, 58.0, 25)

    assert times.next_age(honest, 30.0, 0.0) == pytest.approx(0.94 * 60.0)
    assert times.next_age(liar, 58.0, 0.0) < 65.0


def test_with_too_few_polls_for_all_the_likeliest_come_first_and_none_starves() -> None:
    """Three jobs per two seconds of three kinds, two polls per second: less delay than one after another."""
    draws = [lognormal(100.0, 0.3), lognormal(400.0, 0.3), lognormal(1200.0, 0.3)]
    takes = Night(VENDORS, every_s=2.0 / 3.0, poll_per_s=2.0).run(draws, 1500, 4)

    asked = sorted(when for take in takes for when in take.asked_at)
    assert all(later - early >= 0.5 - 1e-6 for early, later in pairwise(asked))
    assert spent(takes).delay_s < 0.8 * in_turn(takes, 2.0)
    assert max(take.waited_s for take in takes) < 3.0 * 900 / 2.0  # some 900 wait at a time


def test_clips_of_a_kind_that_was_forgotten_teach_nothing() -> None:
    """With more kinds than are kept, what was waiting of an old one is no evidence without its cohort."""
    times = RenderTimes(VENDORS)
    watches = [Watch("old") for _ in range(ENOUGH + 4)]
    for watch in watches:
        times.running(watch, 10.0, None)
    for number in range(MOST_KINDS):
        times.running(Watch(f"kind {number}"), 10.0, None)

    for watch in watches:
        times.ready(watch, 20.0)

    assert times.first_age("old", 1000.0) == VENDORS.first_s
    assert times.quantile("old", 0.95) is None
