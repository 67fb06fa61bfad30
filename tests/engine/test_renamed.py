"""Jobs that left the manifest, and jobs that only got another id: `plan` says so before they are paid."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from support.builders_engine import FakeGateway, always, status_word
from support.foresight import planned
from support.night import Night

from pipeline.cli import plan
from pipeline.decisions import rename
from pipeline.events import RunStarted


def as_new(*keys: str, prompt: str = "A candle.") -> list[dict[str, str]]:
    return [{"id": key, "prompt": prompt} for key in keys]


def proposed(night: Night) -> list[tuple[str, str]]:
    return [(pair.old, pair.new) for pair in planned(night).finds.pairs]


def run_notes(night: Night) -> list[str]:
    return [note for _, event in night.events if isinstance(event, RunStarted) for note in event.notes]


def test_a_renamed_job_is_proposed_with_its_command(tmp_path: Path) -> None:
    """What the line says can be copied, and then nothing is sent."""
    night = Night(tmp_path, ["candle", "desk", "fox"])
    night.run()
    night.edit([*as_new("lamp"), "desk"])

    found = planned(night)
    lines = plan.savings(found)
    command = lines[1].split()
    asyncio.run(rename(Path(command[2]), *command[3:]))

    assert (found.finds.gone, found.finds.renamed) == (2, 1)
    assert lines == [
        "1 job may only have another id; so that they are not paid again:",
        f"  nightreel mv {night.batch} candle lamp",
    ]
    assert "no longer in the manifest: 2 jobs on record; clips are kept" in plan._lines(found)
    assert night.run().requests == 0


def test_the_question_and_the_start_of_a_run_say_so_too(tmp_path: Path) -> None:
    night = Night(tmp_path, ["candle", "desk"])
    night.run()
    night.edit([*as_new("lamp"), "desk"])

    asked = plan.question([planned(night)])
    night.run()

    assert f"  nightreel mv {night.batch} candle lamp" in asked
    (note,) = run_notes(night)
    assert re.search(
        r"'candle' is no longer in the manifest, and 'lamp' asks for the same: `nightreel mv", note
    )


def test_a_take_in_flight_is_worth_a_rename(tmp_path: Path) -> None:
    night = Night(tmp_path, gateway=FakeGateway(render_s=500.0))
    night.run(signal_at=8.0)
    night.edit(as_new("lamp"))

    assert proposed(night) == [("candle", "lamp")]


def test_what_has_no_clip_is_not(tmp_path: Path) -> None:
    """A job that failed would have to be paid again under any name."""
    night = Night(tmp_path, gateway=FakeGateway(poll=always(status_word("failed"))))
    night.run()
    night.edit(as_new("lamp"))

    found = planned(night)

    assert (found.finds.gone, found.finds.pairs) == (1, ())


def test_jobs_that_ask_for_the_same_are_paired_in_order(tmp_path: Path) -> None:
    """Each old key once, each new one once; who is still there gives nothing away."""
    night = Night(tmp_path, as_new("a1", "a2", "a3", "a4"))
    night.run()
    night.edit(as_new("b1", "a3", "b2", "b3", "b4"))

    assert proposed(night) == [("a1", "b1"), ("a2", "b2"), ("a4", "b3")]


def test_a_job_that_lies_under_two_prompts_is_proposed_once(tmp_path: Path) -> None:
    night = Night(tmp_path, as_new("a"))
    night.run()
    night.edit(as_new("a", prompt="A blue candle."))
    night.run()
    night.edit([*as_new("b"), *as_new("c", prompt="A blue candle.")])

    assert proposed(night) == [("a", "b")]


def test_a_job_that_was_sent_is_not_proposed(tmp_path: Path) -> None:
    """`mv` would refuse: it has takes of its own."""
    night = Night(tmp_path, [*as_new("a"), *as_new("b", prompt="A blue candle.")])
    night.run()
    night.edit(as_new("b"))

    assert proposed(night) == []


def test_a_run_that_was_stopped_before_it_sent_changes_nothing(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.run()
    night.edit(as_new("lamp"))
    night.collect = True
    night.run()

    assert proposed(night) == [("candle", "lamp")]


@pytest.mark.parametrize("first", [True, False], ids=["a batch that was never run", "nothing changed"])
def test_where_nothing_can_be_saved_nothing_is_said(tmp_path: Path, first: bool) -> None:
    night = Night(tmp_path, ["candle"])
    if not first:
        night.run()

    found = planned(night)

    assert (found.finds.gone, found.finds.renamed, found.finds.elsewhere) == (0, 0, 0)
    assert plan.savings(found) == []
