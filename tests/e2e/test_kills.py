"""kill -9 at moments that are awaited, and at ten that are not: nothing is paid twice, nothing is lost.

Each row has its own batch, and prompts that begin with its name.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from e2e.ahead import Around
from e2e.gate import DOWNLOAD, POLL, SUBMIT, Gate, gate_to
from support.command import Desk, Ended, Running, Sim, a_clip, clip_jobs, clips_of, leftovers, until

CLIPS = 3
Moment = Callable[[Running, Gate, Path], None]


def at_once(_run: Running, _gate: Gate, folder: Path) -> None:
    until((folder / ".lock").exists, "the batch is locked")


def a_submit_unanswered(_run: Running, gate: Gate, _folder: Path) -> None:
    """The gateway has accepted; its answer is on the way."""
    gate.hold(SUBMIT).wait()


def first_accepted(run: Running, _gate: Gate, _folder: Path) -> None:
    run.line(r": accepted as ")


def a_poll_unanswered(run: Running, gate: Gate, _folder: Path) -> None:
    hold = gate.hold(POLL)
    all_accepted(run)
    hold.wait()


def half_a_clip(run: Running, gate: Gate, _folder: Path) -> None:
    hold = gate.hold(DOWNLOAD, after_bytes=700)
    all_accepted(run)
    hold.wait()


def all_accepted(run: Running) -> None:
    """All but the child, whose parent must be done first."""
    for number in range(CLIPS):
        run.line(rf"^clip-{number}: accepted as ")


def first_done(run: Running, _gate: Gate, _folder: Path) -> None:
    run.line(r": done")


def a_child_accepted(run: Running, _gate: Gate, _folder: Path) -> None:
    run.line(r"^child: accepted as ")


MOMENTS: dict[str, Moment] = {
    moment.__name__: moment
    for moment in (
        at_once,
        a_submit_unanswered,
        first_accepted,
        a_poll_unanswered,
        half_a_clip,
        first_done,
        a_child_accepted,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What a kill left, and how it ended after reruns."""

    jobs: set[str]
    code: int
    settled: Ended
    billed: dict[str, str]
    clips: set[str]
    leftovers: list[str]
    resolved: Ended
    billed_in_all: dict[str, str]
    clips_in_all: set[str]


def work(name: str, desk: Desk, around: Around) -> Killed:
    """Run and kill at the moment; run until settled; settle what is unknown by the bill."""
    jobs, gateway = chained_jobs(name), around.gateway
    manifest = desk.manifest(jobs)
    with gate_to(gateway) as gate:
        at_gate = desk.at(gate.sim)
        with at_gate.start("run", manifest) as run:
            MOMENTS[name](run, gate, desk.batch())
            code = run.kill().code
        gate.open()
        settled = at_gate.run_until_settled(manifest)
        billed, clips, rest = gateway.billed(name), clips_of(desk.batch()), leftovers(desk.folder / "output")
        resolved = at_gate.resolve_by_bill(manifest, gate.sim, settled) if settled.code else settled
    return Killed(
        jobs={job["id"] for job in jobs},
        code=code,
        settled=settled,
        billed=billed,
        clips=clips,
        leftovers=rest,
        resolved=resolved,
        billed_in_all=gateway.billed(name),
        clips_in_all=clips_of(desk.batch()),
    )


def chained_jobs(mark: str) -> list[dict[str, Any]]:
    """Some jobs, and an edit of the first."""
    jobs = [a_clip(f"clip-{number}", f"{mark}: clip {number}.") for number in range(CLIPS)]
    return [*jobs, a_clip("child", f"{mark}: edited.", edit="clip-0")]


@pytest.mark.slow
@pytest.mark.parametrize("row", MOMENTS)
def test_a_kill_pays_nothing_twice_and_loses_nothing(row: str, seen: Killed) -> None:
    """Reruns bring every clip but those of `unknown` takes; settled by the bill, those come too."""
    states = {take["job"]: take["state"] for take in seen.settled.json["takes"]}
    unknown = {key for key, state in states.items() if state == "unknown"}
    blocked = {key for key, state in states.items() if state == "blocked"}
    assert seen.code == -9
    assert seen.clips == seen.jobs - unknown - blocked
    assert blocked <= ({"child"} if "clip-0" in unknown else set())
    assert len(seen.billed) <= len(seen.jobs) - len(blocked)
    assert len(seen.billed) >= len(seen.clips)
    assert seen.leftovers == []
    assert seen.resolved.json["counts"] == {"done": len(seen.jobs)}
    assert seen.clips_in_all == seen.jobs
    assert len(seen.billed_in_all) == len(seen.jobs)


@pytest.mark.slow
@pytest.mark.parametrize("row", ["a_poll_unanswered", "half_a_clip"])
def test_a_kill_with_no_submit_under_way_leaves_nothing_unknown(row: str, seen: Killed) -> None:
    """Only a submit whose answer is not on record is doubtful: all else, a rerun simply goes on with."""
    assert seen.settled.code == 0
    assert len(seen.billed) == len(seen.jobs)


@pytest.mark.slow
@pytest.mark.parametrize("row", ["a_submit_unanswered"])
def test_a_kill_before_the_answer_leaves_what_was_billed_unknown(row: str, seen: Killed) -> None:
    """The bill has the submission, so it must not be sent again: exit 1, and a person decides."""
    states = Counter(take["state"] for take in seen.settled.json["takes"])
    assert seen.settled.code == 1
    assert states["unknown"] >= 1
    assert len(seen.billed) > len(seen.clips), "the bill has more than what could be collected"


@pytest.mark.slow
def test_the_embedded_simulator_finds_its_jobs_after_a_kill(desk: Desk) -> None:
    """Its world lies in the batch folder: what it had accepted is collected, not sent again."""
    jobs = [a_clip("first", duration=1), a_clip("second", duration=1)]
    manifest = desk.manifest(jobs, provider="sim")

    with desk.start("run", manifest) as run:
        for job in jobs:
            run.line(rf"^{job['id']}: accepted as ")
        run.kill()
    desk.run("run", manifest).exits(0)

    journal = (desk.batch() / ".sim" / "journal.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["prompt"] for line in journal) == sorted(job["prompt"] for job in jobs)
    assert clips_of(desk.batch()) == {"first", "second"}
    assert leftovers(desk.batch() / "clips") == []


@pytest.mark.slow
def test_ten_kills_over_one_batch_with_chains(desk: Desk, gateway: Sim) -> None:
    """Whenever it dies: in the end every clip is there, and each was paid for once."""
    rng = random.Random(20261123)
    jobs = clip_jobs(16, "random")
    jobs += [a_clip(f"child-{n}", f"random: edit {n}.", edit=f"random-{n}") for n in range(4)]
    jobs += [a_clip("grandchild", "random: edit of an edit.", edit="child-0")]
    manifest = desk.manifest(jobs, max_in_flight=4)
    desk = desk.at(gateway)

    codes = [killed_within(rng.uniform(0, 0.6), desk, manifest) for _ in range(10)]
    settled = desk.run_until_settled(manifest)
    billed = gateway.billed("random")
    rest = leftovers(desk.folder / "output")
    resolved = desk.resolve_by_bill(manifest, gateway, settled) if settled.code else settled

    assert -9 in codes
    assert rest == []
    assert clips_of(desk.batch()) == {job["id"] for job in jobs}
    assert resolved.json["counts"] == {"done": len(jobs)}
    states = {take["job"]: take["state"] for take in settled.json["takes"]}
    for job in jobs:
        assert job["prompt"] in billed or states[job["id"]] in ("unknown", "blocked")
    assert set(gateway.billed("random")) == {job["prompt"] for job in jobs}


def killed_within(seconds: float, desk: Desk, manifest: Path) -> int:
    """The exit code of a run that is killed so long after its plan stood, unless it ended before."""
    with desk.start("run", manifest) as run:
        run.line("^batch clips: ")
        try:
            run.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return run.kill().code
        return run.end().exits(0, 1).code
