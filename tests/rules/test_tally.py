"""A run in numbers: what its events come to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import a_take

from pipeline.cli.tally import LEAST_S, WINDOW_S, Meter, Tally, left_s
from pipeline.events import BytesLoaded, Glance, RunEnded, RunStarted, TakeMoved, TakesHeld
from pipeline.model import LEGAL_MOVES, Take, TakeState
from pipeline.money import is_settled, spent

S = TakeState
KNOWN = {
    "rendering": 0,
    "loading": 0,
    "places": None,
    "submits_per_s": 0.0,
    "clips_per_s": 0.0,
    "render_s": None,
    "sent_ago_s": 0.0,
}


def started(batch: str = "clips", planned: int = 4, **more: object) -> RunStarted:
    facts: dict[str, object] = {"provider": "xai", "origin": "https://api.x.ai", "folder": Path(), **more}
    return RunStarted(batch=batch, simulated=False, counts={S.PLANNED: planned}, **facts)  # type: ignore[arg-type]


def moves(tally: Tally, take: Take, *states: TakeState, at: float = 0.0, batch: str = "") -> Take:
    for state in states:
        after = replace(take, state=state)
        tally.hear(TakeMoved(take=after, before=take.state), at, batch)
        take = after
    return take


def test_where_every_job_stands() -> None:
    tally = Tally(0.0)
    tally.hear(started(planned=5), 0.0)

    moves(tally, a_take(id=1, state=S.PLANNED), S.SUBMITTING, S.ACCEPTED, S.READY, S.DONE)
    moves(tally, a_take(id=2, state=S.PLANNED), S.SUBMITTING, S.ACCEPTED)
    moves(tally, a_take(id=3, state=S.PLANNED), S.SUBMITTING, S.UNKNOWN)
    tally.hear(TakesHeld(reason="budget", count=1), 0.0)

    assert (tally.total, tally.states[S.PLANNED], tally.states[S.ACCEPTED]) == (5, 1, 1)
    assert (tally.states[S.DONE], tally.without_a_clip) == (1, 2)


def test_a_take_that_nobody_wants_any_more_is_no_job() -> None:
    tally = Tally(0.0)
    tally.hear(started(planned=1), 0.0)

    moves(tally, a_take(id=9, state=S.ACCEPTED, wanted=False), S.READY, S.DONE)

    assert (tally.total, tally.states[S.DONE]) == (1, 0)


@given(data=st.data(), estimates=st.lists(st.none() | st.integers(1, 10**11), min_size=1, max_size=4))
def test_money_is_what_the_ledger_would_say(data: st.DataObject, estimates: list[int | None]) -> None:
    """Whatever moves takes make, with whatever figures: the sums of what each counts."""
    tally = Tally(0.0)
    tally.hear(started(planned=len(estimates), settled_ticks=7, reserved_ticks=5), 0.0)
    takes = [
        a_take(id=number, state=S.PLANNED, estimate_ticks=estimate, own_price=data.draw(st.booleans()))
        for number, estimate in enumerate(estimates)
    ]

    for _ in range(data.draw(st.integers(0, 12))):
        number = data.draw(st.integers(0, len(takes) - 1))
        take = takes[number]
        if LEGAL_MOVES[take.state]:
            after = replace(take, state=data.draw(st.sampled_from(sorted(LEGAL_MOVES[take.state]))))
            if after.state is S.SUBMITTING:
                after = replace(after, reserved_ticks=after.estimate_ticks)
            elif take.state is S.ACCEPTED:
                after = replace(after, cost_ticks=data.draw(st.none() | st.integers(0, 10**11)))
            tally.hear(TakeMoved(take=after, before=take.state), 0.0)
            takes[number] = after

    assert tally.money.settled_ticks == 7 + sum(spent(take) for take in takes if is_settled(take))
    assert tally.money.reserved_ticks == 5 + sum(spent(take) for take in takes if not is_settled(take))


@pytest.mark.parametrize(
    ("budget", "run_budget", "cap"),
    [(None, None, None), (90, None, 90), (None, 20, 32), (90, 20, 32), (30, 20, 30)],
)
def test_the_nearer_budget_counts(budget: int | None, run_budget: int | None, cap: int | None) -> None:
    """A run's own budget is above what the batch has spent before."""
    tally = Tally(0.0)

    tally.hear(
        started(settled_ticks=7, reserved_ticks=5, budget_ticks=budget, run_budget_ticks=run_budget), 0.0
    )

    assert tally.money.budget_ticks == cap


def test_several_batches_are_one_run() -> None:
    """Their jobs and money are added up; places at one account count once, and those of two add up."""
    looks = {
        "xai": Glance(in_flight=3, max_in_flight=8, next_poll_s=4.0),
        "cometapi": Glance(in_flight=1, max_in_flight=2, usual_render_s=9.0),
    }
    tally = Tally(0.0)

    for batch, provider in (("east", "xai"), ("west", "xai"), ("north", "cometapi")):
        tally.hear(started(batch, 2, provider=provider, look=lambda name=provider: looks[name]), 0.0, batch)
    together = tally.glance()
    tally.hear(RunEnded(exit_code=0, seconds=1.0), 9.0, "north")
    alone = tally.glance()

    assert tally.total == 6
    assert together == Glance(in_flight=4, max_in_flight=10, next_poll_s=4.0, usual_render_s=9.0)
    assert alone == looks["xai"]


def test_takes_of_two_batches_may_have_one_number() -> None:
    tally = Tally(0.0)
    for batch in ("east", "west"):
        tally.hear(started(batch, 1 + (batch == "west")), 0.0, batch)
        moves(tally, a_take(id=1, state=S.PLANNED), S.SUBMITTING, S.ACCEPTED, batch=batch)

    moves(tally, a_take(id=1, state=S.ACCEPTED), S.READY, at=40.0, batch="east")
    moves(tally, a_take(id=1, state=S.ACCEPTED), S.READY, at=60.0, batch="west")

    moves(tally, a_take(id=2, state=S.PLANNED), S.SUBMITTING, S.ACCEPTED, at=60.0, batch="west")

    assert tally.left_s(60.0, None) == pytest.approx(50.0)  # a clip took 40 s, the other 60


def test_what_earlier_runs_learned_counts_until_this_one_has_seen_a_clip() -> None:
    tally = Tally(0.0)
    tally.hear(started(planned=2), 0.0)
    look = Glance(in_flight=1, max_in_flight=4, usual_render_s=80.0)
    for number in range(2):
        moves(tally, a_take(id=number, state=S.PLANNED), S.SUBMITTING, S.ACCEPTED)

    before, learned = tally.left_s(10.0, None), tally.left_s(10.0, look)
    moves(tally, a_take(id=0, state=S.ACCEPTED), S.READY, at=20.0)

    assert (before, learned) == (None, 70.0)
    assert tally.left_s(20.0, look) == 0.0  # a clip took 20 s


def test_what_is_loading_is_no_longer_waiting() -> None:
    tally = Tally(0.0)
    tally.hear(started(planned=0), 0.0)
    take = moves(tally, a_take(id=1, state=S.ACCEPTED), S.READY)

    before = tally.loading
    for size, at in ((100, 1.0), (1_100, 2.0)):
        tally.hear(BytesLoaded(take=take, size_bytes=size, total_bytes=None), at)
    during, per_s = tally.loading, tally.bytes.per_s(20.0)
    moves(tally, take, S.DONE)

    assert (before, during, tally.loading) == (0, 1, 0)
    assert per_s == 1_000 / 20.0


def test_clips_are_counted_from_the_first_one_on() -> None:
    """A run that begins with long renders is not slow; one clip in six minutes is."""
    tally = Tally(0.0)
    tally.hear(started(planned=30), 0.0)

    for number, at in enumerate((100.0, 105.0, 110.0, 115.0, 1000.0)):
        before = tally.clips.per_s(at)
        moves(tally, a_take(id=number, state=S.READY), S.DONE, at=at)

    assert before == 0.0
    assert tally.clips.per_s(1000.0) == 1 / WINDOW_S


@given(
    gaps=st.lists(st.floats(0.0, 90.0), max_size=60),
    amounts=st.lists(st.integers(0, 1000), min_size=60, max_size=60),
    later=st.floats(0.0, 700.0),
)
def test_a_rate_is_that_of_the_window(gaps: list[float], amounts: list[int], later: float) -> None:
    """What came within it is in, to a second; what came before is out; and few buckets are kept."""
    meter, now, events = Meter(0.0), 0.0, []
    for gap, amount in zip(gaps, amounts, strict=False):
        now += gap
        meter.add(now, amount)
        events.append((now, amount))
    now += later

    seconds = max(LEAST_S, min(now, WINDOW_S))
    counted = meter.per_s(now) * seconds

    least = sum(amount for at, amount in events if now - at <= WINDOW_S - 1)
    most = sum(amount for at, amount in events if now - at <= WINDOW_S + 1)
    assert least - 1e-6 <= counted <= most + 1e-6
    assert len(meter._buckets) <= WINDOW_S + 1


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        ({"to_send": 0}, 0.0),
        ({"to_send": 5}, None),
        ({"to_send": 60, "render_s": 30.0, "submits_per_s": 2.0}, 60.0),
        ({"to_send": 60, "render_s": 30.0, "submits_per_s": 2.0, "clips_per_s": 0.5}, 120.0),  # downloads lag
        ({"to_send": 60, "render_s": 30.0, "places": 10}, 210.0),  # nothing was sent of late: by the places
        ({"to_send": 60, "render_s": 30.0}, None),
        ({"to_send": 0, "rendering": 3, "render_s": 30.0, "sent_ago_s": 10.0}, 20.0),
        ({"to_send": 0, "rendering": 3, "render_s": 30.0, "sent_ago_s": 40.0}, 0.0),
        ({"to_send": 0, "rendering": 3, "render_s": 30.0, "sent_ago_s": 61.0}, None),
        ({"to_send": 0, "loading": 8, "render_s": 30.0, "clips_per_s": 0.2}, 40.0),
        ({"to_send": 4, "rendering": 4, "clips_per_s": 0.5}, 16.0),  # collecting what an earlier run sent
    ],
)
def test_how_long_it_may_still_take(facts: dict[str, float], seconds: float | None) -> None:
    assert left_s(**{**KNOWN, **facts}) == seconds  # type: ignore[arg-type]
