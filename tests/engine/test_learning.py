"""A run learns when to ask, and the next one starts knowing."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.builders_engine import FakeGateway
from support.night import Night

from pipeline.opening import LEDGER_NAME

JOBS = [f"job{number:02d}" for number in range(16)]
RENDER_S = 90.0


def polls_of_new_jobs(night: Night, count: int) -> float:
    """Polls per job of a run that makes so many new ones."""
    night.edit([f"new{number:02d}" for number in range(count)])
    assert night.run().exit_code == 0
    night.sound()
    return len([ask for ask in night.polls() if ask.key.startswith("new")]) / count


@pytest.fixture
def first(tmp_path: Path) -> Night:
    """A night that is over; by the vendor's advice a clip of it cost 16 polls."""
    night = Night(tmp_path, JOBS, FakeGateway(render_s=RENDER_S), {"max_in_flight": 20})
    assert night.run().exit_code == 0
    assert len(night.polls()) == 16 * len(JOBS)
    return night


def test_a_later_run_of_the_batch_starts_knowing(first: Night) -> None:
    """From the first poll of its first job on."""
    assert polls_of_new_jobs(first, 8) <= 7


def test_a_new_batch_learns_from_those_beside_it(first: Night) -> None:
    """As with a batch for each night."""
    first.batch.rename(first.folder / "yesterday")
    tonight = Night(first.folder, [], first.gateway, first.limits, now=first.now)
    tonight.neighbours = first.folder

    assert polls_of_new_jobs(tonight, 8) <= 7


def test_neighbours_that_cannot_be_read_or_are_of_another_gateway_tell_nothing(first: Night) -> None:
    """It is advice on when to ask, and no run fails for it."""
    first.batch.rename(first.folder / "yesterday")
    (first.folder / "broken").mkdir()
    (first.folder / "broken" / LEDGER_NAME).write_bytes(b"no database" * 500)
    tonight = Night(first.folder, [], first.gateway, first.limits, now=first.now)
    tonight.neighbours, tonight.base_url = first.folder, "https://another.test"

    assert polls_of_new_jobs(tonight, 2) == 16
