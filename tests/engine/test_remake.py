"""Finished jobs that would be made anew by the dozen, and a key that changed: a person is told first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine.test_budget import why_not
from support.builders_engine import FakeGateway, in_turn, refused, status_word
from support.night import KEY, Night

from pipeline.decisions import redo
from pipeline.model import TakeState

MANY = [f"job{number:02d}" for number in range(11)]


def a_changed_night(folder: Path, count: int, changed: int) -> Night:
    """So many jobs have their clips; so many of them ask for something else now."""
    night = Night(folder, MANY[:count])
    assert night.run().exit_code == 0
    change(night, changed, "Another")
    return night


def change(night: Night, count: int, what: str) -> None:
    keys = [job if isinstance(job, str) else job["id"] for job in night.jobs]
    night.edit([{"id": key, "prompt": f"{what} {key}."} for key in keys[:count]] + keys[count:])


def test_more_than_ten_are_not_made_anew_without_a_word(tmp_path: Path) -> None:
    night = a_changed_night(tmp_path, 11, 11)

    why = why_not(night)
    night.remake = True
    result = night.run()

    assert why.startswith("11 jobs that have their clips ask for something else than before")
    assert (result.exit_code, len(night.submits)) == (0, 22)


def test_ten_are(tmp_path: Path) -> None:
    night = a_changed_night(tmp_path, 11, 10)

    assert night.run().exit_code == 0
    assert len(night.submits) == 21


def test_what_was_agreed_once_is_agreed(tmp_path: Path) -> None:
    """A run that was stopped half-way goes on without the word; what changes after that is asked about."""
    night = a_changed_night(tmp_path, 11, 11)
    night.remake, night.run_budget_ticks = True, 1
    night.head = {"prices": {"*": {"clip": 1}}}
    night.edit(night.jobs)
    stopped = night.run()
    night.remake, night.run_budget_ticks = False, None
    result = night.run()
    change(night, 11, "A third")

    assert (stopped.exit_code, result.exit_code) == (4, 0)
    assert "Say --remake if you mean it" in why_not(night)


def test_other_takes_of_the_same_prompt_do_not_count(tmp_path: Path) -> None:
    """Who says --retry or redo has said so."""
    failed = FakeGateway(submit=in_turn(refused(400, "bad")))
    retried = Night(tmp_path / "retried", MANY, failed, head={"brake": "off"})
    redone = Night(tmp_path / "redone", MANY)
    retried.run()
    redone.run()

    retried.again = frozenset({TakeState.REJECTED})
    asyncio.run(redo(redone.batch, MANY))

    assert (retried.run().exit_code, redone.run().exit_code) == (0, 0)
    assert (len(retried.submits), len(redone.submits)) == (22, 22)


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path) -> None:
    for name in ("retried", "redone"):
        (tmp_path / name).mkdir()


# --- another key


OTHER = "sk-Other+0123456789/abcdefgh="


def test_another_key_is_told_once_while_takes_are_in_flight(tmp_path: Path) -> None:
    """The gateway may not tell of them under the new one. Polls go on."""
    night = Night(tmp_path, limits={"job_deadline": "1m"})
    night.gateway.poll = lambda ask: status_word("pending") if ask.at < 1000 else None
    night.run()
    night.key = OTHER
    night.run()
    told = night.troubles().count("key.changed")
    night.run()
    night.sleep(1000)
    last = night.run()

    assert (told, night.troubles().count("key.changed"), last.exit_code) == (1, 1, 0)
    night.sound()


def test_another_key_is_nobodys_business_when_nothing_is_in_flight(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.run()
    night.key = OTHER
    night.edit(["candle", "desk"])

    assert night.run().exit_code == 0
    assert "key.changed" not in night.troubles()


def test_the_ledger_holds_no_key(tmp_path: Path) -> None:
    """Not even a part of one, in any of its files."""
    night = Night(tmp_path)
    night.run()

    content = b"".join(path.read_bytes() for path in night.batch.glob("ledger*"))
    assert b"key_checks" in content
    assert not any(KEY[at : at + 8].encode() in content for at in range(len(KEY) - 7))
