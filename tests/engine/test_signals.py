"""Signals: at any moment, Ctrl-C ends the run within seconds, loses nothing, and the rerun completes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders_engine import OK, Ask, FakeGateway, Step, always, hangs, refused, slow
from support.folders import in_memory
from support.night import Night

DRAIN_S = 8.0
JOBS = ["candle", {"id": "snow", "edit": "candle"}, "desk", "fox"]


@pytest.mark.slow
@given(at=st.floats(0.01, 70.0), latency_s=st.sampled_from([0.1, 3.0, 20.0]))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_ctrl_c_at_any_moment(at: float, latency_s: float) -> None:
    """Exit 130 within the drain time; what was sent is accepted or, past that time, unknown; paid once."""
    with in_memory() as folder:
        gateway = FakeGateway(submit=always(slow(latency_s)), poll=always(slow(1.0)))
        night = Night(folder, JOBS, gateway)

        result = night.run(signal_at=at)

        if night.seconds > at + 0.001:
            assert result.exit_code in (130, 0)
            assert night.seconds <= at + DRAIN_S + 0.1
        elif not night.finished():
            assert result.exit_code == 130
        gateway.heal()
        rerun = night.run()
        states = night.states()
        assert set(states.values()) <= {"done", "unknown", "blocked"}
        assert rerun.exit_code == (0 if night.finished() else 1)
        if latency_s < DRAIN_S:
            assert night.finished()
        night.sound()


def test_a_submit_under_way_is_waited_for(tmp_path: Path) -> None:
    """Its answer comes within the drain time: accepted, with its id on record."""
    night = Night(tmp_path, ["candle", "desk"], FakeGateway(submit=always(slow(6.0))))

    result = night.run(signal_at=1.5)

    assert result.exit_code == 130
    assert set(night.states().values()) == {"accepted"}
    assert 6 < night.seconds < 1.5 + DRAIN_S


def test_a_submit_that_hangs_is_given_up_as_unknown(tmp_path: Path) -> None:
    """After the drain time it is cut: perhaps paid, so it is never sent again."""
    night = Night(tmp_path, gateway=FakeGateway(submit=always(hangs(accepted=True))))

    result = night.run(signal_at=2.0)

    assert result.exit_code == 130
    assert night.seconds == pytest.approx(2.0 + DRAIN_S, abs=0.1)
    assert night.states() == {"candle": "unknown"}
    night.gateway.heal()
    assert night.run().exit_code == 1
    night.sound()


def test_a_submit_that_had_not_left_goes_back_to_planned(tmp_path: Path) -> None:
    """Still connecting when it was cut: nothing was paid, the rerun sends it."""
    night = Night(tmp_path, gateway=FakeGateway(submit=always(hangs(sent=False))))

    night.run(signal_at=2.0)

    assert night.states() == {"candle": "planned"}
    night.gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


def test_nothing_new_is_sent_after_the_signal(tmp_path: Path) -> None:
    """Neither a submit nor a poll nor a download begins."""
    night = Night(tmp_path, [f"job{n}" for n in range(20)], FakeGateway(submit=always(slow(5.0))))

    night.run(signal_at=12.3)

    assert not [ask for ask in night.gateway.asks if ask.at > 12.3]


def test_polls_and_downloads_are_cut_at_once(tmp_path: Path) -> None:
    """Hanging calls do not make anybody wait for the drain time."""

    def poll(ask: Ask) -> Step | None:
        return hangs() if ask.key == "desk" else None

    gateway = FakeGateway(poll=poll, file=always(Step(stall_at=200)))
    night = Night(tmp_path, ["candle", "desk"], gateway)

    result = night.run(signal_at=25.0)

    assert result.exit_code == 130
    assert night.seconds == pytest.approx(25.0, abs=0.1)
    assert night.states() == {"candle": "ready", "desk": "accepted"}
    gateway.heal()
    assert night.run().exit_code == 0
    night.sound()


@pytest.mark.parametrize("second_at", [0.01, 3.0])
def test_the_second_signal_ends_it_at_once(tmp_path: Path, second_at: float) -> None:
    """No more waiting; what is out is unknown, and nothing is lost or paid twice."""
    gateway = FakeGateway(submit=always(hangs(accepted=True)))
    night = Night(tmp_path, gateway=gateway)

    result = night.run(signal_at=2.0, second_at=2.0 + second_at)

    assert result.exit_code == 130
    assert night.seconds == pytest.approx(2.0 + second_at, abs=0.1)
    assert night.states() == {"candle": "unknown"}


def test_a_signal_during_a_long_cool_down_ends_the_run(tmp_path: Path) -> None:
    """Nobody sleeps through a signal."""
    night = Night(tmp_path, gateway=FakeGateway(submit=always(refused(429, "slow", retry_after="500"))))

    night.run(signal_at=100.0)

    assert night.seconds == pytest.approx(100.0, abs=0.1)
    assert night.states() == {"candle": "planned"}


def test_interrupted_every_few_seconds_it_still_gets_there(tmp_path: Path) -> None:
    """Whoever cannot leave it alone still ends with every clip, each paid once."""
    night = Night(tmp_path, JOBS, FakeGateway(file=always(OK)))

    for _ in range(40):
        if night.run(signal_at=4.0).exit_code == 0:
            break

    assert night.finished()
    night.sound()
