"""The deadline of a run: nothing is sent that may come later, and what was sent comes home or is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.builders_core import a_take
from support.builders_engine import FakeGateway, always, hangs
from support.night import Jump, Night

from pipeline.deadline import Deadline
from pipeline.model import TakeState
from pipeline.stages.base import Record, Switches
from pipeline.stages.deadline import Curfew

MANY = [f"job{number:02d}" for number in range(30)]
LONGEST_S = 60.0


def a_night(folder: Path, deadline_s: float, render_s: float = 20.0, **more: Any) -> Night:
    """One clip after the other."""
    settings = {"longest_s": LONGEST_S}
    gateway = FakeGateway(render_s=render_s)
    return Night(
        folder, MANY, gateway, {"max_in_flight": 1}, settings=settings, deadline_s=deadline_s, **more
    )


def test_nothing_is_sent_that_may_come_after_the_deadline(tmp_path: Path) -> None:
    """The rest is held with the reason, exit 4, and the run ends as soon as all that was sent is here."""
    night = a_night(tmp_path, 200.0)

    result = night.run()

    assert result.exit_code == 4
    assert all(ask.at <= 200.0 - LONGEST_S for ask in night.submits)
    assert len(night.submits) > 4
    assert result.counts == {TakeState.DONE: len(night.submits), TakeState.HELD: 30 - len(night.submits)}
    assert night.seconds < 200.0
    assert night.take("job29").reason == "deadline in 200 s: a clip may take 60 s, and less is left"


def test_the_next_run_sends_what_was_held(tmp_path: Path) -> None:
    night = a_night(tmp_path, 100.0)
    night.run()
    night.deadline_s = None

    assert night.run().exit_code == 0
    assert len(night.submits) == 30
    night.sound()


def test_with_all_clips_there_a_deadline_stops_nothing(tmp_path: Path) -> None:
    night = a_night(tmp_path, 3600.0)

    assert night.run().exit_code == 0


def test_clips_are_brought_home_in_the_time_of_grace(tmp_path: Path) -> None:
    """The gateway is slower than usual: the clip comes after the deadline, and before the end."""
    night = a_night(tmp_path, 70.0, render_s=300.0, grace_s=400.0)

    result = night.run()

    assert (result.exit_code, result.counts[TakeState.DONE]) == (4, 1)
    assert 300.0 < night.seconds < 470.0


def test_after_the_grace_the_run_ends_and_takes_in_flight_stay(tmp_path: Path) -> None:
    """Polls are cut; the take stays accepted, exit 4, and the next run collects it."""
    night = a_night(tmp_path, 70.0, render_s=1000.0, grace_s=100.0)

    result = night.run()

    assert (result.exit_code, night.seconds) == (4, 170.0)
    assert result.counts == {TakeState.ACCEPTED: 1, TakeState.HELD: 29}
    night.deadline_s, night.collect = None, True
    assert night.run().counts[TakeState.DONE] == 1


def test_a_download_is_cut_and_gone_on_with_later(tmp_path: Path) -> None:
    """A host that hangs does not hold the run beyond its end."""
    night = a_night(tmp_path, 70.0, render_s=60.0, grace_s=30.0)
    night.edit(["candle"])
    night.gateway.file = always(hangs())

    result = night.run()

    assert (result.exit_code, result.counts, night.seconds) == (4, {TakeState.READY: 1}, 100.0)
    night.gateway.heal()
    night.deadline_s = None
    assert night.run().exit_code == 0
    night.sound()


def test_a_clock_that_is_set_moves_no_deadline(tmp_path: Path) -> None:
    night = a_night(tmp_path, 200.0, jumps=[Jump(50.0, 300.0), Jump(90.0, -250.0)])

    result = night.run()

    assert result.exit_code == 4
    assert 50.0 < max(ask.at for ask in night.submits) <= 140.0


def test_a_deadline_that_is_over_at_the_start_still_collects(tmp_path: Path) -> None:
    """A run that waited for another one for long: nothing is sent, what is in flight comes home."""
    night = a_night(tmp_path, 60.0, render_s=500.0, grace_s=0.0)
    night.run()
    night.sleep(500.0)
    night.deadline_s, night.grace_s = 0.0, 60.0

    result = night.run()

    assert result.exit_code == 4
    assert len(night.submits) == 1
    assert result.counts == {TakeState.DONE: 1, TakeState.HELD: 29}


@pytest.mark.parametrize("grace_s", [0.0, 100.0])
def test_a_deadline_that_passed_before_the_run_got_so_far_sends_nothing(
    tmp_path: Path, grace_s: float
) -> None:
    """As when a long manifest takes longer to plan than the deadline leaves. All is held, exit 4."""
    night = a_night(tmp_path, -5.0, grace_s=grace_s)

    result = night.run()

    assert result.exit_code == 4
    assert result.counts == {TakeState.HELD: 30}
    assert night.submits == []


def test_a_collecting_run_holds_nothing(tmp_path: Path) -> None:
    """What is not sent stays planned, as without a deadline; the grace still ends the run."""
    night = a_night(tmp_path, 60.0, render_s=500.0, grace_s=0.0)
    night.run()
    night.collect, night.deadline_s = True, 30.0

    result = night.run()

    assert (result.exit_code, night.seconds) == (4, 30.0)
    assert result.counts == {TakeState.ACCEPTED: 1, TakeState.PLANNED: 29}
    assert night.reasons()[1:] == []


@pytest.mark.parametrize("now", [0.0, 50.0, 95.0])
async def test_short_clips_are_sent_for_longer_than_long_ones(now: float) -> None:
    """One that is too late is held alone while others may still come in time; at the end all of them are."""
    told: list[object] = []
    held: list[str] = []
    switches = Switches(told.append)

    class Ledger:
        async def move(self, take: Any, to: TakeState, **facts: Any) -> Any:
            held.append(facts["reason"])
            return a_take(take.job.key, state=to)

    class At:
        def monotonic(self) -> float:
            return now

        def wall(self) -> float:
            return 0.0

    lengths = {"long": 80.0, "short": 10.0}
    record = Record(Ledger(), At(), told.append)  # type: ignore[arg-type]
    curfew = Curfew(
        Deadline(text="06:30", at=100.0),
        record,
        switches,
        At(),
        lambda take: lengths[take.job.key],
        20.0,
    )

    after = {key: (await curfew.keep(a_take(key, state=TakeState.PLANNED))).state for key in lengths}

    assert after["short"] is TakeState.PLANNED
    assert after["long"] is (TakeState.HELD if now == 50.0 else TakeState.PLANNED)
    assert held == ["deadline 06:30: a clip may take 80 s, and less is left"] * (now == 50.0)
    assert switches.submits_off.is_set() == (now == 95.0)
