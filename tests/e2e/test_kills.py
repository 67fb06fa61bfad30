"""kill -9 at moments that are awaited, and at ten that are not: nothing is paid twice, nothing is lost.

Each row has its own batch, and prompts that begin with its name.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.gate import DOWNLOAD, POLL, SUBMIT, Gate, gate_to
from support.command import Desk, Running, Sim, a_clip, clip_jobs, clips_of, leftovers, until

pytestmark = pytest.mark.real
CLIPS = 3
Moment = Callable[[Running, Gate, Path], None]


def at_once(_run: Running, _gate: Gate, folder: Path) -> None:
    until((folder / ".lock").exists, "the batch is locked", every_s=0.002)


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


def chained_jobs(mark: str) -> list[dict[str, Any]]:
    """Some jobs, and an edit of the first."""
    jobs = [a_clip(f"clip-{number}", f"{mark}: clip {number}.") for number in range(CLIPS)]
    return [*jobs, a_clip("child", f"{mark}: edited.", edit="clip-0")]


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_pays_nothing_twice_and_loses_nothing(moment: str, desk: Desk, gateway: Sim) -> None:
    """Reruns bring every clip but those of `unknown` takes; settled by the bill, those come too."""
    jobs = chained_jobs(moment)
    keys = {job["id"] for job in jobs}
    manifest = desk.manifest(jobs)

    with gate_to(gateway) as gate:
        at_gate = desk.at(gate.sim)
        with at_gate.start("run", manifest) as run:
            MOMENTS[moment](run, gate, desk.batch())
            run.kill()
        gate.open()
        settled = at_gate.warm.run_until_settled(manifest)
        billed, clips, rest = (
            gateway.billed(moment),
            clips_of(desk.batch()),
            leftovers(desk.folder / "output"),
        )
        resolved = at_gate.warm.resolve_by_bill(manifest, gate.sim, settled) if settled.code else settled

    states = {take["job"]: take["state"] for take in settled.json["takes"]}
    unknown = {key for key, state in states.items() if state == "unknown"}
    blocked = {key for key, state in states.items() if state == "blocked"}
    assert clips == keys - unknown - blocked
    assert blocked <= ({"child"} if "clip-0" in unknown else set())
    assert len(clips) <= len(billed) <= len(keys - blocked)
    assert rest == []
    assert moment not in ("a_poll_unanswered", "half_a_clip") or settled.code == 0, "no submit was under way"
    assert moment != "a_submit_unanswered" or len(billed) > len(clips), "billed, and not sent again"
    assert resolved.json["counts"] == {"done": len(keys)}
    assert clips_of(desk.batch()) == keys
    assert len(gateway.billed(moment)) == len(keys)


@pytest.mark.slow
def test_the_embedded_simulator_finds_its_jobs_after_a_kill(desk: Desk) -> None:
    """Its world lies in the batch folder: what it had accepted is collected, not sent again."""
    jobs = [a_clip("first", duration=1), a_clip("second", duration=1)]
    manifest = desk.manifest(jobs, provider="sim")

    with desk.start("run", manifest) as run:
        for job in jobs:
            run.line(rf"^{job['id']}: accepted as ")
        run.kill()
    desk.warm.run("run", manifest).exits(0)

    journal = (desk.batch() / ".sim" / "journal.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["prompt"] for line in journal) == sorted(job["prompt"] for job in jobs)
    assert clips_of(desk.batch()) == {"first", "second"}
    assert leftovers(desk.batch() / "clips") == []


@pytest.mark.slow
def test_a_clip_of_the_embedded_simulator_that_was_not_loaded_yet_comes_at_once(desk: Desk) -> None:
    """Its link names the port of a simulator that is gone: nobody knocks there for as long as links live."""
    manifest = desk.manifest([a_clip("first", duration=6)], provider="sim")

    with desk.start("run", manifest, "-v") as run:
        run.line(r"^first: ready")
        run.kill()
    again = desk.warm.run("run", manifest, deadline_s=20).exits(0)

    assert "cannot connect" not in again.text
    assert clips_of(desk.batch()) == {"first"}


@pytest.mark.slow
def test_ten_kills_over_one_batch_with_chains(desk: Desk, gateway: Sim) -> None:
    """Whenever it dies: in the end every clip is there, and each was paid for once."""
    rng = random.Random(20261123)
    jobs = clip_jobs(16, "random")
    jobs += [a_clip(f"child-{n}", f"random: edit {n}.", edit=f"random-{n}") for n in range(4)]
    jobs += [a_clip("grandchild", "random: edit of an edit.", edit="child-0")]
    # Room for every take that becomes `unknown`, which holds its slot; slow enough that kills meet submits.
    manifest = desk.manifest(jobs, max_in_flight=len(jobs), submit_per_s=12)
    desk = desk.at(gateway)

    codes = [killed_within(rng.uniform(0, 0.6), desk, manifest) for _ in range(10)]
    settled = desk.warm.run_until_settled(manifest)
    billed = gateway.billed("random")
    rest = leftovers(desk.folder / "output")
    resolved = desk.warm.resolve_by_bill(manifest, gateway, settled) if settled.code else settled

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
