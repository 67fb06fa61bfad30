"""Ctrl-C and its kin: a run leaves in good order, quickly, and the same command goes on where it was."""

from __future__ import annotations

import signal

import pytest
from e2e.gate import DOWNLOAD, SUBMIT, gate_to
from support.command import (
    Desk,
    Running,
    Sim,
    a_clip,
    calls_of,
    clip_jobs,
    clips_of,
    leftovers,
    read_ledger,
    until,
)

pytestmark = pytest.mark.real
MIB = 1 << 20
HELD_AT_BYTES = 12 * MIB  # half of a large clip, and more than what a rerun begins anew rather than resume


def all_accepted(run: Running, count: int) -> None:
    for number in range(count):
        run.line(rf"-{number}: accepted as ")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_signal_leaves_what_renders_to_the_next_run(
    number: signal.Signals, code: int, desk: Desk, unhurried: Sim
) -> None:
    """It leaves within 10 s with a code that says so; takes stay accepted, and are collected, paid once."""
    manifest = desk.manifest(clip_jobs(3, number.name))
    desk = desk.at(unhurried)

    with desk.start("run", manifest, "--json") as run:
        all_accepted(run, 3)
        run.signal(number)
        ended = run.end(deadline_s=10).exits(code)
    again = desk.warm.run("run", manifest, "--json").exits(0)

    assert ended.json["counts"] == {"accepted": 3}
    assert f"{number.name}: finishing what is under way" in ended.err
    assert again.json["counts"] == {"done": 3}
    assert len(unhurried.billed(number.name)) == 3
    assert clips_of(desk.batch()) == {f"{number.name}-{n}" for n in range(3)}
    assert leftovers(desk.folder / "output") == []


@pytest.mark.slow
def test_a_submit_under_way_gets_its_answer(desk: Desk, unhurried: Sim) -> None:
    """A drain waits for it: what was paid for is on record as accepted, and nothing further is sent."""
    manifest = desk.manifest(clip_jobs(3, "late"), submit_per_s=1)

    with gate_to(unhurried) as gate:
        desk = desk.at(gate.sim)
        hold = gate.hold(SUBMIT)
        with desk.start("run", manifest, "--json") as run:
            hold.wait()
            run.signal(signal.SIGINT)
            run.line("SIGINT: finishing what is under way")
            gate.open()
            ended = run.end(deadline_s=10).exits(130)

    assert ended.json["counts"] == {"accepted": 1, "planned": 2}
    assert len(unhurried.billed("late")) == 1


@pytest.mark.slow
def test_a_second_signal_leaves_at_once_and_loses_nothing(desk: Desk, unhurried: Sim) -> None:
    """A submit that is cut off is on record as unknown: no later run sends it again."""
    manifest = desk.manifest(clip_jobs(1, "twice"))

    with gate_to(unhurried) as gate:
        desk = desk.at(gate.sim)
        hold = gate.hold(SUBMIT)
        with desk.start("run", manifest) as run:
            hold.wait()
            run.signal(signal.SIGINT)
            run.line("SIGINT: finishing what is under way")
            run.signal(signal.SIGINT)
            run.end(deadline_s=3).exits(130)
        gate.open()
        again = desk.warm.run("run", manifest, "--json").exits(1)

    assert again.json["counts"] == {"unknown": 1}
    assert again.json["requests"] == 0
    assert len(unhurried.billed("twice")) == 1


@pytest.mark.slow
def test_a_signal_before_anything_was_sent(desk: Desk, unhurried: Sim) -> None:
    """Also while a run still starts: no traceback, nothing paid, and the rerun does it all."""
    manifest = desk.manifest(clip_jobs(1, "early"))
    desk = desk.at(unhurried)

    with desk.start("run", manifest) as run:
        until((desk.batch() / ".lock").exists, "the batch is locked", every_s=0.002)
        run.signal(signal.SIGINT)
        run.end(deadline_s=10).exits(130)
    desk.warm.run("run", manifest).exits(0)

    assert len(unhurried.billed("early")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_large_download_is_resumed(number: signal.Signals, desk: Desk, large: Sim) -> None:
    """What is on disk of a long file stays there: the rerun asks for the rest, and the file is whole."""
    manifest = desk.manifest([a_clip("large", f"Large, {number.name}.")])

    resumed = large.bill()["requests"]["downloads"].get("206", 0)

    with gate_to(large) as gate:
        desk = desk.at(gate.sim)
        hold = gate.hold(DOWNLOAD, HELD_AT_BYTES)
        with desk.start("run", manifest) as run:
            hold.wait()
            until(lambda: half_loaded(desk) >= HELD_AT_BYTES - 2 * MIB, "half of the clip is on disk")
            run.signal(number)
            run.end(deadline_s=10).exits(130, -9)
        kept = half_loaded(desk)
        gate.open()
        again = desk.warm.run("run", manifest, "--json").exits(0)

    calls = calls_of(desk.batch())
    assert kept >= HELD_AT_BYTES - 2 * MIB
    assert calls["download", "206"] == 1
    assert large.bill()["requests"]["downloads"]["206"] > resumed
    assert (desk.batch() / "clips" / "large.mp4").stat().st_size == 2 * HELD_AT_BYTES
    assert again.json["counts"] == {"done": 1}
    assert leftovers(desk.folder / "output") == []


def half_loaded(desk: Desk) -> int:
    """Bytes in the part file, once the ledger knows how to resume it."""
    if read_ledger(desk.batch(), "SELECT 1 FROM takes WHERE validator IS NOT NULL") == []:
        return 0
    return sum(part.stat().st_size for part in (desk.batch() / "clips").glob("*.part"))
