"""`run --rehearse`: any gateway's manifest on the embedded simulator, for nothing, beside its real batch."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from doors.pictures import a_picture
from support.command import Desk, Sim, a_clip, clip_jobs, clips_of, leftovers, snapshot

NOWHERE = "http://192.0.2.1"
SLOW_PACE = {"submit_per_s": 0.1, "poll_min_s": 30}
OWN: dict[str, dict[str, Any]] = {
    "cometapi": {"model": "grok-imagine-video"},
    "globalaiopc": {"model": "grok_video3", "allow": ["base64-images"]},
    "xai": {"model": "grok-imagine-video-1.5"},
}
"""What the jobs say at each gateway."""


def rehearsal(desk: Desk, name: str = "clips") -> Path:
    return desk.batch("_rehearsal") / name


def accepted(folder: Path) -> list[dict[str, Any]]:
    """What the simulator of a batch accepted, and so billed. Fails where a prompt was paid twice."""
    lines = [json.loads(line) for line in (folder / ".sim" / "journal.jsonl").read_text().splitlines()]
    paid = Counter(line["prompt"] for line in lines)
    assert set(paid.values()) <= {1}, f"paid more than once: {paid}"
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("provider", OWN)
def test_a_manifest_is_rehearsed_in_its_own_dialect(provider: str, desk: Desk) -> None:
    """Without a key, at no address but its own, in seconds whatever pace the gateway wants; and only once."""
    desk.write("desk.png", a_picture())
    jobs = [a_clip("text", duration=6), a_clip("picture", duration=6, image="desk.png")]
    jobs = [{**job, **OWN[provider]} for job in jobs]
    manifest = desk.manifest(jobs, provider=provider, **SLOW_PACE)
    there = desk.with_env(COMETAPI_BASE_URL=NOWHERE, XAI_BASE_URL=NOWHERE, GLOBALAIOPC_BASE_URL=NOWHERE)

    ended = there.run("run", manifest, "--rehearse", "--json").exits(0)
    again = there.run("run", manifest, "--rehearse", "--json").exits(0)

    folder = rehearsal(desk)
    sides = [json.loads(path.read_text()) for path in (folder / "clips").glob("*.json")]
    assert [(side["simulated"], side["provider"], side["origin"]) for side in sides] == [
        (True, provider, "sim"),
        (True, provider, "sim"),
    ]
    assert {line["dialect"] for line in accepted(folder)} == {provider}
    assert {bool(line["picture"]) for line in accepted(folder)} == {True, False}
    assert clips_of(folder) == {"text", "picture"}
    assert ended.json["simulated"] is True
    assert ended.json["seconds"] < 20
    assert again.json["requests"] == 0
    assert not desk.batch().exists()
    assert leftovers(folder / "clips") == []


@pytest.mark.slow
def test_a_bad_night_can_be_rehearsed(desk: Desk) -> None:
    """Each take ends in a state with a name, and however often it runs, nothing is paid twice."""
    jobs = clip_jobs(8, "flaky", duration=1)
    manifest = desk.manifest(jobs)

    settled = desk.run_until_settled(manifest, "--rehearse", "--scenario", "flaky")

    done = settled.json["counts"].get("done", 0)
    assert len(accepted(rehearsal(desk))) >= done
    assert len(clips_of(rehearsal(desk))) == done
    assert (settled.code == 0) == (done == len(jobs))


@pytest.mark.slow
def test_a_rehearsal_that_is_killed_goes_on(desk: Desk) -> None:
    """What the simulator had accepted is collected from its next port, and nothing is sent again."""
    jobs = clip_jobs(6, "kill", duration=2)
    manifest = desk.manifest(jobs, provider="xai")

    with desk.start("run", manifest, "--rehearse", "-v") as run:
        for job in jobs:
            run.line(rf"^{job['id']}: accepted as ")
        run.line(r": ready")
        run.kill()
    desk.run("run", manifest, "--rehearse").exits(0)

    assert clips_of(rehearsal(desk)) == {job["id"] for job in jobs}
    assert len(accepted(rehearsal(desk))) == len(jobs)


@pytest.mark.slow
def test_a_rehearsal_lies_beside_the_batch(desk: Desk, gateway: Sim) -> None:
    """The real run makes real clips; what is said about the rehearsal leads back to it, to no gateway."""
    manifest = desk.manifest([a_clip("fox", "beside: a fox."), a_clip("bear", "beside: [[failed]]")])
    folder = "output/_rehearsal/clips"

    planned = desk.run("run", manifest, "--rehearse", "--dry-run").exits(0)
    assert not (desk.folder / "output").exists()
    ended = desk.run("run", manifest, "--rehearse").exits(1)
    status = desk.run("status", folder).exits(0)
    mistaken = desk.run("status", "clips").exits(2)
    redone = desk.run("redo", "_rehearsal/clips", "fox").exits(0)
    assert gateway.billed("beside") == {}
    before = snapshot(rehearsal(desk))
    desk.at(gateway).run("run", manifest).exits(1)

    assert "nothing of this would be bought" in planned.out
    assert ended.out.splitlines()[-2:] == [
        "simulated: nothing was bought",
        f"what to do: nightreel status {folder}",
    ]
    assert "simulated: nothing was bought" in status.out.splitlines()
    assert "`run --rehearse --retry failed`" in status.out
    assert mistaken.lines == [f"error: no batch 'clips' was run yet; its rehearsal is {folder}"]
    assert redone.out == "fox: take 2 is planned; run the manifest again with --rehearse to make it\n"
    assert set(gateway.billed("beside")) == {"beside: a fox.", "beside: [[failed]]"}
    assert json.loads((desk.batch() / "clips" / "fox.json").read_text())["simulated"] is False
    assert snapshot(rehearsal(desk)) == before
