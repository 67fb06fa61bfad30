"""Limits: how many in flight, how fast, how often, and nobody during a cool-down."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from support.builders_engine import (
    Ask,
    FakeGateway,
    Order,
    Step,
    always,
    http_date,
    in_turn,
    lost,
    only,
    refused,
)
from support.night import EVENING, Night

from pipeline.opening import check_manifest

EPSILON_S = 1e-6


def most_at_once(orders: list[Order]) -> int:
    """How many jobs the gateway worked on at one time, at most."""
    return max(sum(1 for other in orders if other.at <= one.at < other.at + other.render_s) for one in orders)


def gaps(asks: list[Ask]) -> list[float]:
    return [later.at - earlier.at for earlier, later in pairwise(asks)]


@pytest.mark.parametrize("limit", [1, 3])
def test_never_more_in_flight_than_allowed(tmp_path: Path, limit: int) -> None:
    """Also across an interrupted run: what an earlier run sent counts."""
    limits = {"max_in_flight": limit, "submit_per_s": 20}
    night = Night(tmp_path, [f"job{n}" for n in range(9)], FakeGateway(render_s=40.0), limits)

    night.run(signal_at=50.0)
    night.sleep(5)
    night.run(signal_at=10.0)
    result = night.run()

    assert result.exit_code == 0
    assert most_at_once(list(night.gateway.orders.values())) == limit
    night.sound()


def test_a_lower_limit_waits_for_what_earlier_runs_sent(tmp_path: Path) -> None:
    """Four in flight and a new limit of two: nothing is sent before two have ended."""
    limits = {"max_in_flight": 4, "submit_per_s": 20}
    night = Night(tmp_path, [f"job{n}" for n in range(6)], FakeGateway(render_s=60.0), limits)
    night.run(signal_at=10.0)

    night.limits |= {"max_in_flight": 2}
    night.edit(night.jobs)
    night.run()

    assert len(night.gateway.orders) == 6
    assert all(order.at >= 60.0 for order in list(night.gateway.orders.values())[4:])
    night.sound()


@pytest.mark.parametrize("restarts", [False, True], ids=["one run", "after a restart"])
def test_an_unknown_take_keeps_its_slot_until_its_deadline(tmp_path: Path, restarts: bool) -> None:
    """The gateway may be working on it: it counts for job_deadline from its intent, then no longer."""
    limits = {"max_in_flight": 1, "job_deadline": "10m"}
    gateway = FakeGateway(submit=only("candle", always(lost())))
    night = Night(tmp_path, ["candle", "desk"], gateway, limits)

    if restarts:
        night.run(signal_at=100.0)
        night.sleep(50)
    result = night.run()

    (candle,), (desk,) = gateway.seen("submit", "candle"), gateway.seen("submit", "desk")
    assert candle.at + 600 <= desk.at <= candle.at + 602
    assert result.exit_code == 1
    assert night.states() == {"candle": "unknown", "desk": "done"}
    assert night.troubles().count("run.slots_taken") == restarts  # a run does not wait in silence


def test_a_take_past_its_deadline_gives_its_slot_away(tmp_path: Path) -> None:
    """A job that never ends must not stop the night."""
    limits = {"max_in_flight": 1, "job_deadline": "5m"}
    gateway = FakeGateway(render_s=lambda key: 1e9 if key == "candle" else 20.0)
    night = Night(tmp_path, ["candle", "desk"], gateway, limits)

    result = night.run()

    assert result.exit_code == 1
    assert night.states() == {"candle": "accepted", "desk": "done"}
    assert night.seconds < 400


@pytest.mark.parametrize("per_s", [0.5, 4.0])
def test_submits_keep_their_rate(tmp_path: Path, per_s: float) -> None:
    """Never two POSTs closer than the limit says, also with refusals between them."""
    limits = {"submit_per_s": per_s, "max_in_flight": 30}
    gateway = FakeGateway(submit=lambda ask: refused(503, "busy") if ask.count % 3 == 0 else None)
    night = Night(tmp_path, [f"job{n}" for n in range(15)], gateway, limits)

    night.run()

    assert night.finished()
    assert min(gaps(night.submits)) >= 1 / per_s - EPSILON_S


def test_polls_keep_their_rate(tmp_path: Path) -> None:
    """All polls of an account together, however many takes wait."""
    limits = {"poll_per_s": 2, "submit_per_s": 20, "max_in_flight": 40}
    night = Night(tmp_path, [f"job{n}" for n in range(30)], FakeGateway(render_s=30.0), limits)

    night.run()

    assert night.finished()
    assert min(gaps(night.polls())) >= 0.5 - EPSILON_S


@pytest.mark.parametrize(
    "answer", [None, refused(500, "oops"), refused(429, "slow", retry_after="0")], ids=["well", "500", "429"]
)
def test_a_take_is_never_asked_about_more_often_than_the_floor(tmp_path: Path, answer: Step | None) -> None:
    """poll_min_s holds between any two polls of one take, whatever the gateway answers."""
    gateway = FakeGateway(poll=in_turn(answer, answer, answer), render_s=100.0)
    night = Night(tmp_path, ["candle", "desk"], gateway, limits={"poll_min_s": 12})

    night.run()

    assert night.finished()
    for key in ("candle", "desk"):
        assert min(gaps(night.polls(key))) >= 12 - EPSILON_S


@pytest.mark.parametrize("kind", ["submit", "poll"])
@pytest.mark.parametrize(
    ("header", "held_s"),
    [("40", 40.0), ("date", 39.0), (None, 0.5), ("99999", 600.0), ("soon", 0.5)],
    ids=["seconds", "date", "none", "too long", "nonsense"],
)
def test_nobody_calls_during_a_cool_down(
    tmp_path: Path, kind: str, header: str | None, held_s: float
) -> None:
    """One 429 holds submits and polls of the account until the stated time, ten minutes at most."""
    refusals: list[float] = []
    gateway = FakeGateway(render_s=15.0)
    night = Night(tmp_path, [f"job{n}" for n in range(8)], gateway, limits={"poll_per_s": 1})

    def limited(ask: Ask) -> Step | None:
        if refusals or ask.at < 5.5:
            return None
        refusals.append(ask.at + 0.1)
        when = {"date": http_date(EVENING + ask.at + 0.1 + 40)}.get(header or "", header)
        return refused(429, "slow down") if when is None else refused(429, "slow down", retry_after=when)

    setattr(gateway, kind, limited)
    result = night.run()

    assert result.exit_code == 0
    (began,) = refusals
    calls = [ask.at for ask in gateway.asks if ask.kind != "file"]
    assert not [at for at in calls if began < at < began + held_s - EPSILON_S]
    assert any(at <= began + held_s + 60 for at in calls if at > began)
    night.sound()


def test_refusals_in_a_row_hold_ever_longer(tmp_path: Path) -> None:
    """A gateway that goes on refusing is asked ever more rarely, and one proper answer forgives it all."""
    gateway = FakeGateway(submit=in_turn(*[refused(429, "slow down")] * 7))
    night = Night(tmp_path, ["candle"], gateway)

    night.run()

    waits = gaps(night.submits)
    assert len(waits) == 7
    assert waits[-1] >= 30
    assert night.finished()
    night.sound()


def test_a_pace_that_nobody_names_grows_until_the_gateway_refuses(tmp_path: Path) -> None:
    """It starts gently, goes beyond, is refused, goes on below that, and says once what it found."""
    admitted: list[float] = []

    def three_in_two_seconds(ask: Ask) -> Step | None:
        if sum(at > ask.at - 2.0 for at in admitted) >= 3:
            return refused(429, "slow down", retry_after="1")
        admitted.append(ask.at)
        return None

    gateway = FakeGateway(submit=three_in_two_seconds, render_s=20.0)
    night = Night(tmp_path, [f"job{n}" for n in range(150)], gateway, limits={"max_in_flight": 100})

    night.run()

    assert night.finished()
    first, last = gaps(night.submits)[:5], gaps([ask for ask in night.submits if ask.at > 60.0])
    assert min(first) > 0.8
    assert min(last) < 0.8
    assert 0 < night.troubles().count("gateway.rate_limited") <= 12
    assert max(at for at in admitted) < 150 / 1.5 * 1.25
    night.sound()


def test_where_polls_and_submits_share_a_limit_they_share_the_pace(tmp_path: Path) -> None:
    """All calls keep the distance together, submits go first, and polls are not starved."""
    limits = {"share": True, "submit_per_s": 1, "poll_min_s": 1, "max_in_flight": 40}
    night = Night(tmp_path, [f"job{n}" for n in range(40)], FakeGateway(render_s=10.0), limits)

    night.run()

    assert night.finished()
    calls = [ask for ask in night.gateway.asks if ask.kind != "file"]
    assert min(gaps(calls)) >= 1 - EPSILON_S
    kinds = [ask.kind for ask in calls if ask.at <= night.submits[-1].at]
    assert kinds.count("poll") <= len(kinds) / 9
    polled = [number for number, kind in enumerate(kinds) if kind == "poll"]
    assert max(later - earlier for earlier, later in pairwise(polled)) <= 10
    night.sound()


@pytest.mark.parametrize(("floor_s", "told"), [(1, True), (5, False), (30, False)])
def test_a_floor_below_the_advice_is_told(tmp_path: Path, floor_s: float, told: bool) -> None:
    """Also by `validate` and `plan`; it is taken all the same."""
    night = Night(tmp_path, limits={"poll_min_s": floor_s})

    notes = check_manifest(night.folder / "night.yaml").notes

    expected = (
        f"limits.poll_min_s of {floor_s} s is below the 5 s that cometapi advises between two polls of a"
        " job: the gateway may limit them"
    )
    assert notes == ((expected,) if told else ())
