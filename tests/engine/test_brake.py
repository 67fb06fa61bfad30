"""Brake and canaries: a mistake in every prompt is not paid for to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.builders_core import a_take
from support.builders_engine import FakeGateway, Script, always, lost, only, refused
from support.night import Night

from pipeline.events import TakeMoved
from pipeline.model import TakeState
from pipeline.stages.base import Switches
from pipeline.stages.brake import Brake

BAD = refused(400, "bad prompt")
MANY = [f"job{number:02d}" for number in range(60)]


def a_night(folder: Path, submit: Script, keys: list[Any], brake: str = "20%", **more: Any) -> Night:
    """One after the other."""
    gateway = FakeGateway(submit=submit, render_s=1.0)
    return Night(folder, keys, gateway, {"max_in_flight": 1}, {"brake": brake}, **more)


def test_five_of_the_first_five_stop_the_run(tmp_path: Path) -> None:
    """The rest is held, with the last reason; the next run tries again."""
    night = a_night(tmp_path, always(BAD), MANY[:8])

    result = night.run()

    assert (result.exit_code, len(night.submits)) == (4, 5)
    assert result.counts == {TakeState.REJECTED: 5, TakeState.HELD: 3}
    assert night.reasons() == ["brake: the first 5 clips were all refused or failed; the last: bad prompt"]
    assert night.run().exit_code == 1


def test_with_nothing_left_to_send_nothing_was_stopped(tmp_path: Path) -> None:
    """Exit 1 tells of the refused ones; there is nothing to hold."""
    night = a_night(tmp_path, always(BAD), MANY[:5])

    assert night.run().exit_code == 1
    assert set(night.states().values()) == {"rejected"}


@pytest.mark.parametrize(("brake", "sent"), [("20%", 30), ("14%", 21), ("10%", 15), ("2%", 3), ("off", 60)])
def test_a_share_of_the_last_fifty_stops_the_run(tmp_path: Path, brake: str, sent: int) -> None:
    """Every third is refused: the tenth bad one is number thirty."""
    night = a_night(tmp_path, lambda ask: BAD if ask.count % 3 == 0 else None, MANY, brake)

    result = night.run()

    assert (result.exit_code, len(night.submits)) == (1 if brake == "off" else 4, sent)


def test_without_a_brake_all_is_sent(tmp_path: Path) -> None:
    night = a_night(tmp_path, always(BAD), MANY[:8], "off")

    assert night.run().exit_code == 1
    assert len(night.submits) == 8


def test_five_submits_without_an_answer_in_a_row_stop_the_run(tmp_path: Path) -> None:
    """Each may be paid for. One that is answered begins the count anew."""
    rows = [*[True] * 4, False, *[True] * 8]
    night = a_night(tmp_path, lambda ask: lost() if rows[ask.count - 1] else None, MANY[:13])
    night.limits["max_in_flight"] = 20
    night.edit(MANY[:13])
    night.settings = {"submit_per_s": 0.2}

    result = night.run()

    assert (result.exit_code, len(night.submits)) == (4, 10)
    assert night.reasons()[0].startswith("brake: 5 submits in a row got no answer")


def test_what_ended_well_since_counts_no_more() -> None:
    """The window moves on: nine bad ones, fifty good ones, nine bad ones."""
    switches = Switches(lambda _event: None)
    brake = Brake(switches)
    ends = [*["failed"] * 4, "done", *["failed"] * 5, *["done"] * 50, *["moderated"] * 9]

    for end in ends:
        brake.hear(TakeMoved(take=a_take(state=TakeState(end)), before=TakeState.ACCEPTED))
    before = switches.held
    brake.hear(TakeMoved(take=a_take(state=TakeState.REJECTED), before=TakeState.SUBMITTING))

    assert before is None
    assert switches.held == "brake: 10 of the last 50 clips were refused or failed"


def test_a_clip_that_was_gone_and_is_back_is_no_clip_of_this_run() -> None:
    """It had come to its end before: the first five are still the first five."""
    switches = Switches(lambda _event: None)
    brake = Brake(switches)
    moves = [(TakeState.MISSING, TakeState.READY), (TakeState.READY, TakeState.DONE)]

    for before, after in moves:
        brake.hear(TakeMoved(take=a_take(id=9, state=after), before=before))
    for number in range(5):
        brake.hear(TakeMoved(take=a_take(id=number, state=TakeState.FAILED), before=TakeState.ACCEPTED))

    assert switches.held == "brake: the first 5 clips were all refused or failed"


# --- canaries


def test_the_others_go_once_all_canaries_are_done(tmp_path: Path) -> None:
    night = Night(tmp_path, MANY[:6], canary=3)

    result = night.run()

    assert result.exit_code == 0
    first, then = night.submits[:3], night.submits[3:]
    assert [ask.key for ask in first] == MANY[:3]
    assert min(ask.at for ask in then) > max(ask.at for ask in night.files() if ask.key in MANY[:3])


def test_one_bad_canary_and_nothing_more_is_sent(tmp_path: Path) -> None:
    """What is held says which, and the next run without canaries sends it."""
    night = Night(tmp_path, MANY[:6], FakeGateway(submit=only(MANY[1], always(BAD))), canary=3)

    result = night.run()
    held = {take.reason for take in night.takes() if take.state is TakeState.HELD}
    night.canary = None
    last = night.run()

    assert (result.exit_code, result.counts[TakeState.HELD]) == (4, 3)
    assert held == {"canary: 1 of 3 did not become a clip: 'job01' is rejected (bad prompt)"}
    assert last.counts == {TakeState.DONE: 5, TakeState.REJECTED: 1}


@pytest.mark.parametrize("canary", [1, 2, 3, 4])
def test_canaries_with_chains(tmp_path: Path, canary: int) -> None:
    """A child waits for its parent, and is a canary itself when its turn comes."""
    jobs = ["candle", {"id": "snow", "edit": "candle"}, "desk", {"id": "ice", "edit": "snow"}, "fox"]
    night = Night(tmp_path, jobs, canary=canary)

    assert night.run().exit_code == 0
    assert len(night.submits) == 5
    night.sound()


def test_a_bad_canary_holds_the_children_too(tmp_path: Path) -> None:
    jobs = ["candle", {"id": "snow", "edit": "candle"}, "desk", "fox"]
    night = Night(tmp_path, jobs, FakeGateway(submit=only("desk", always(BAD))), canary=2)

    result = night.run()

    assert result.exit_code == 4
    assert night.states() == {"candle": "done", "desk": "rejected", "snow": "held", "fox": "held"}


@pytest.mark.parametrize(("submit", "exit_code"), [(always(BAD), 1), (lambda _ask: None, 0)])
def test_fewer_jobs_than_canaries(tmp_path: Path, submit: Script, exit_code: int) -> None:
    """All of them are sent; there is nothing to hold."""
    night = Night(tmp_path, MANY[:2], FakeGateway(submit=submit), canary=5)

    assert night.run().exit_code == exit_code
    assert len(night.submits) == 2
