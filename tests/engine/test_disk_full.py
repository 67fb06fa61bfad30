"""A full disk: submits stop, nothing that was paid for is lost, the rerun finishes without paying again."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.builders_engine import FakeGateway, slow
from support.night import Night

from pipeline.errors import DiskFullError

JOBS = [f"job{n}" for n in range(6)]


class Full:
    """From the n-th time on, work of this name finds no room."""

    def __init__(self, name: str, number: int = 1) -> None:
        self.name, self.left = name, number

    def __call__(self, name: str) -> Exception | None:
        self.left -= name == self.name
        return DiskFullError("no room left") if name == self.name and self.left <= 0 else None


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("name", ["open_part", "write", "seal", "place"])
def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path: Path, name: str, number: int) -> None:
    """No room at any step of a clip: exit 4, its take stays ready; with room again, every clip comes."""
    gateway = FakeGateway(render_s=12.0)
    night = Night(tmp_path, JOBS, gateway, limits={"max_in_flight": 3}, faults=Full(name, number))

    result = night.run()

    assert result.exit_code == 4
    assert set(night.states().values()) <= {"planned", "accepted", "ready", "done"}
    assert "ready" in night.states().values()

    night.faults = lambda _name: None
    assert night.run().exit_code == 0
    assert night.left_over() == []
    night.sound()


def test_a_submit_under_way_is_waited_for_when_the_disk_is_full(tmp_path: Path) -> None:
    """The disk fills up while a POST is out: its answer is still read, and its id recorded."""
    gateway = FakeGateway(submit=lambda ask: slow(40.0) if ask.key == "desk" else None, render_s=3.0)
    night = Night(tmp_path, ["candle", "desk"], gateway, faults=Full("write"))

    result = night.run()

    assert result.exit_code == 4
    assert night.states() == {"candle": "ready", "desk": "ready"}

    night.faults = lambda _name: None
    assert night.run().exit_code == 0
    night.sound()


@pytest.mark.parametrize("at", [0.5, 5.0, 16.0, 20.5, 29.5, 31.0, 45.0])
def test_a_ledger_without_room_pays_for_nothing_twice(tmp_path: Path, at: float) -> None:
    """No room for the record itself: the run stops; what it sent is accepted or unknown, never sent again."""
    night = Night(tmp_path, JOBS, FakeGateway(render_s=25.0), limits={"submit_per_s": 0.2})
    night.ledger_full = lambda: full and night.gateway.asks != [] and at < _now()
    full = True

    _run_into_the_wall(night)
    full = False

    result = night.run()
    assert result.exit_code in (0, 1)
    assert set(night.states().values()) <= {"done", "unknown"}
    night.sound()


def _now() -> float:
    import asyncio

    return asyncio.get_running_loop().time()


def _run_into_the_wall(night: Night) -> None:
    """Exit 4, as a result or as an error with that code."""
    codes = []
    try:
        codes.append(night.run().exit_code)
    except* DiskFullError:
        codes.append(DiskFullError.exit_code)
    assert codes == [4]


def test_room_that_comes_back_in_time_saves_the_id(tmp_path: Path) -> None:
    """The id of an accepted job is written again and again for half a minute: it leads to the clip."""
    night = Night(tmp_path, ["candle", "desk"])
    night.ledger_full = lambda: 0.05 < _now() < 12.0

    result = night.run()

    assert result.exit_code == 4
    assert night.states() == {"candle": "ready", "desk": "planned"}
    assert night.run().exit_code == 0
    night.sound()
