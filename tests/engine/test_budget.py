"""A budget holds what there is no money for; figures above their estimates warn, scale or stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.builders_engine import FakeGateway, always, in_turn, lost, only, refused
from support.night import Night

from pipeline.errors import UsageError
from pipeline.events import TakesHeld
from pipeline.model import TICKS_PER_USD, TakeState

CENT = TICKS_PER_USD // 100
A_DOLLAR = {"prices": {"*": {"clip": 1}}}
KEYS = ["candle", "desk", "fox", "glass"]
AT_ONCE = 30 * CENT  # six seconds of 480p, by xAI's page


def a_night(folder: Path, budget_usd: float | None, **more: Any) -> Night:
    """Four clips of a dollar each, one after the other."""
    limits = {"max_in_flight": 1} | ({} if budget_usd is None else {"budget_usd": budget_usd})
    return Night(folder, KEYS, limits=limits, head=A_DOLLAR, **more)


def why_not(night: Night) -> str:
    """What a run says that sends nothing at all."""
    asked = len(night.gateway.asks)
    with pytest.raises(UsageError) as caught:
        night.run()
    assert len(night.gateway.asks) == asked
    return str(caught.value)


def test_what_the_budget_does_not_pay_for_is_held(tmp_path: Path) -> None:
    """Exit 4, with the reason; another run sends nothing; more money, and it goes on where it stopped."""
    night = a_night(tmp_path, 2.5)

    result, again = night.run(), night.run()
    states, reasons = night.states(), {take.reason for take in night.takes() if take.state == "held"}
    night.limits["budget_usd"] = 4
    night.edit(KEYS)
    last = night.run()

    assert (result.exit_code, again.exit_code, again.requests) == (4, 4, 0)
    assert states == {"candle": "done", "desk": "done", "fox": "held", "glass": "held"}
    assert reasons == {
        (
            "budget: job 'fox' at $1.00 would bring what is spent and reserved to $3.00,"
            " above the batch's budget_usd of $2.50"
        )
    }
    assert [event.count for _, event in night.events if isinstance(event, TakesHeld)] == [2, 2]
    assert (last.exit_code, last.cost_ticks) == (0, 4 * TICKS_PER_USD)
    night.sound()


def test_a_budget_may_be_spent_to_its_last_cent(tmp_path: Path) -> None:
    assert a_night(tmp_path, 4).run().exit_code == 0


def test_a_reservation_counts_before_there_is_a_clip(tmp_path: Path) -> None:
    """Four may be in flight at once, and there is money for two."""
    night = Night(tmp_path, KEYS, limits={"budget_usd": 2.5}, head=A_DOLLAR)

    assert night.run().exit_code == 4
    assert len(night.submits) == 2


@pytest.mark.parametrize(("step", "sent"), [(refused(400, "bad prompt"), 4), (lost(), 2)])
def test_a_refusal_frees_its_reservation_and_a_lost_answer_keeps_it(
    tmp_path: Path, step: Any, sent: int
) -> None:
    night = a_night(tmp_path, 2.5, gateway=FakeGateway(submit=always(step)))

    night.run()

    assert len(night.submits) == sent


def test_a_budget_of_one_run_counts_what_this_run_sends(tmp_path: Path) -> None:
    """Four runs, each with a dollar."""
    night = a_night(tmp_path, None, run_budget_ticks=TICKS_PER_USD)

    codes = [night.run().exit_code for _ in KEYS]

    assert codes == [4, 4, 4, 0]
    assert "above this run's --budget of $1.00" in night.reasons()[0]


def test_a_budget_with_a_take_of_unknown_price_is_an_error(tmp_path: Path) -> None:
    """Before the first request. What has its clip needs no price any more."""
    night = Night(tmp_path, ["candle"])
    night.run()
    night.limits = {"budget_usd": 5}
    night.edit(["candle"])
    done = night.run()
    night.edit(["candle", "desk", "fox"])

    assert done.exit_code == 0
    assert "no price is known for 2 jobs, such as 'desk': no budget can be kept" in why_not(night)


# --- what the gateway really charges


def a_priced_night(folder: Path, cents: int, **more: Any) -> Night:
    """Thirty cents are expected for each clip; the gateway says `cents`."""
    jobs = [{"id": key, "duration": 6} for key in KEYS]
    gateway = FakeGateway(ticks=cents * CENT)
    return Night(folder, jobs, gateway, {"max_in_flight": 1}, provider="xai", **more)


@pytest.mark.parametrize(
    ("cents", "warnings", "reserved"),
    [(30, 0, 30), (33, 0, 30), (34, 1, 34), (45, 1, 45), (27, 0, 30), (15, 1, 30), (0, 1, 30)],
)
def test_a_figure_off_by_more_than_a_tenth_warns_once(
    tmp_path: Path, cents: int, warnings: int, reserved: int
) -> None:
    """A dearer one scales later reservations; a cheaper one never makes them smaller."""
    night = a_priced_night(tmp_path, cents)

    result = night.run()

    assert (result.exit_code, result.cost_ticks) == (0, 4 * cents * CENT)
    assert night.troubles().count("price.drifted") == warnings
    assert [take.reserved_ticks for take in night.takes()] == [AT_ONCE, *[reserved * CENT] * 3]


def test_a_figure_above_one_and_a_half_of_its_estimate_stops(tmp_path: Path) -> None:
    """The rest is held, and the message names both."""
    night = a_priced_night(tmp_path, 46)

    result = night.run()

    assert (result.exit_code, result.counts) == (4, {TakeState.DONE: 1, TakeState.HELD: 3})
    assert night.reasons() == [
        (
            "price: the gateway charges $0.46 for the default model, $0.30 was expected;"
            " put what you pay into `prices:`"
        )
    ]


@pytest.mark.parametrize("cents", [1, 900])
def test_own_prices_are_corrected_by_no_figure(tmp_path: Path, cents: int) -> None:
    night = a_priced_night(tmp_path, cents, head={"prices": {"*": {"second": 0.05}}})

    result = night.run()

    assert (result.exit_code, result.cost_ticks) == (0, 4 * AT_ONCE)
    assert "price.drifted" not in night.troubles()
    assert {take.cost_ticks for take in night.takes()} == {cents * CENT}


def test_an_old_figure_stops_nothing_when_its_clip_is_fetched_again(tmp_path: Path) -> None:
    """The user has put the price into the manifest since."""
    night = a_priced_night(tmp_path, 46)
    night.run()
    night.clip().unlink()
    night.head = {"prices": {"*": {"clip": 0.46}}}
    night.edit(night.jobs)

    assert night.run().exit_code == 0
    assert len(night.reasons()) == 1


# --- the same take once more, on the manifest's word


def test_lost_answers_are_sent_again_while_there_is_money_for_it(tmp_path: Path) -> None:
    """The old rows stay, flagged, and keep their reservations: both may be charged."""
    head = {**A_DOLLAR, "on_unknown": "resubmit", "max_unknown_usd": 2.5}
    night = Night(tmp_path, KEYS, FakeGateway(submit=in_turn(lost())), {"max_in_flight": 9}, head)
    night.run()

    result = night.run()

    assert sorted(night.states().values()) == ["done", "done", "unknown", "unknown"]
    old = [take for take in night.takes() if take.replaced]
    assert [(take.state, take.number) for take in old] == [("unknown", 1)] * 2
    assert (result.cost_ticks, result.reserved_ticks) == (2 * TICKS_PER_USD, 4 * TICKS_PER_USD)
    assert night.run().requests == 0


def test_a_budget_counts_what_is_sent_again(tmp_path: Path) -> None:
    """A dollar that may be lost leaves none."""
    head = {**A_DOLLAR, "on_unknown": "resubmit", "max_unknown_usd": 2}
    gateway = FakeGateway(submit=only("candle", in_turn(lost())))
    night = Night(tmp_path, ["candle"], gateway, {"budget_usd": 1.5}, head)
    night.run()

    result = night.run()

    assert (result.exit_code, len(night.submits)) == (4, 1)
    assert [take.state for take in night.takes()] == ["unknown", "held"]
