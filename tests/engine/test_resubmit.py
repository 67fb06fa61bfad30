"""`run --resubmit-unknown`: the user's word to send again what may be paid for and running."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.builders_engine import in_turn, lost, only
from support.night import Night

from pipeline.again import NO_ENDS, UNKNOWN
from pipeline.decisions import resolve_unknown
from pipeline.errors import UsageError
from pipeline.model import TakeState


def a_lost_night(folder: Path, **more: object) -> Night:
    """`candle` was accepted, and its answer was lost; `desk` is done."""
    night = Night(folder, ["candle", "desk"], **more)  # type: ignore[arg-type]
    night.gateway.submit = only("candle", in_turn(lost()))
    assert night.run().exit_code == 1
    return night


def test_unknown_takes_are_sent_once_more_when_asked(tmp_path: Path) -> None:
    """A new take; the old row stays, flagged, and does not count any more."""
    night = a_lost_night(tmp_path)
    paid = len(night.submits)
    plain = night.run()
    night.again = UNKNOWN
    result, rerun = night.run(), night.run()

    assert (plain.exit_code, plain.requests) == (1, 0)
    assert (result.exit_code, result.counts) == (0, {TakeState.DONE: 2})
    assert (rerun.exit_code, rerun.requests) == (0, 0)
    assert len(night.submits) == paid + 1
    found = [(take.number, take.state.value, take.replaced, take.wanted) for take in night.takes("candle")]
    assert found == [(1, "unknown", True, False), (2, "done", False, True)]


def test_the_old_one_keeps_its_slot_until_its_deadline(tmp_path: Path) -> None:
    """It may be running: with room for one, the new take waits."""
    night = a_lost_night(tmp_path, limits={"max_in_flight": 1, "job_deadline": "5m"})
    sent_at = night.takes("candle")[0].intent_at or 0.0
    night.again = UNKNOWN
    night.run()

    assert night.states() == {"candle": "done", "desk": "done"}
    assert (night.takes("candle")[1].intent_at or 0.0) >= sent_at + 300.0


def test_a_new_answer_that_is_lost_too_is_left_alone_without_the_word(tmp_path: Path) -> None:
    """Said once, it counts for one run."""
    night = a_lost_night(tmp_path)
    night.gateway.submit = only("candle", in_turn(lost(), lost()))
    night.again = UNKNOWN
    night.run()
    night.again = NO_ENDS
    last = night.run()

    assert (last.exit_code, last.requests) == (1, 0)
    assert [(take.state.value, take.replaced) for take in night.takes("candle")] == [
        ("unknown", True),
        ("unknown", False),
    ]


def test_a_replaced_take_that_turns_up_is_kept_as_an_older_one(tmp_path: Path) -> None:
    """It was paid for: its clip goes to superseded/, the new one keeps the name."""
    night = a_lost_night(tmp_path)
    lost_id = next(order.remote_id for order in night.gateway.orders.values() if order.key == "candle")
    night.again = UNKNOWN
    night.run()
    night.again = NO_ENDS
    old, new = night.takes("candle")
    with pytest.raises(UsageError, match=f"say which with --take; .*--take {old.version}, replaced"):
        asyncio.run(resolve_unknown(night.batch, "candle", lost_id))
    asyncio.run(resolve_unknown(night.batch, "candle", lost_id, old.version))

    assert night.run().exit_code == 0
    (kept,) = night.superseded()
    assert (kept.name, kept.read_bytes()) == (f"{old.label}.mp4", night.gateway.content(lost_id))
    assert night.clip().read_bytes() == night.gateway.content(new.remote_id or "")


def test_not_charged_frees_the_slot_of_a_replaced_take_and_sends_nothing(tmp_path: Path) -> None:
    """Another take stands in for it already."""
    night = a_lost_night(tmp_path)
    night.again = UNKNOWN
    night.run()
    night.again = NO_ENDS
    asyncio.run(resolve_unknown(night.batch, "candle", None, "1"))

    result = night.run()

    assert (result.exit_code, result.requests) == (0, 0)
    assert [take.state.value for take in night.takes("candle")] == ["planned", "done"]
