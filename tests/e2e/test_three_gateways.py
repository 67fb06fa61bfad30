"""The same work through all three wire formats, and a chain on xAI that dies at every stage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from e2e.gate import DOWNLOAD, SUBMIT, Gate, gate_to
from support.command import Desk, Ended, Sim, a_clip, clips_of, leftovers, sim

GATEWAYS = {
    "cometapi": ("grok-imagine-video", True),
    "globalaiopc": ("grok_video3", False),
    "xai": ("grok-imagine-video", True),
}
"""By provider: the model, and whether videos can be edited there."""
POLL_XAI = b"GET /v1/videos/"
AGREED = {"version", "job", "take", "simulated", "credential", "size_bytes", "probe", "reported_s"}
"""Fields of side files that say the same whatever the gateway; of `asked`, all but the model."""


def twenty(edits: bool) -> list[dict[str, Any]]:
    """Text, pictures by link, and edits; where those are not offered, text in their place."""
    texts = [a_clip(f"text-{number}", duration=6) for number in range(12)]
    link = "https://example.com/fox.png"
    pictures = [a_clip(f"picture-{number}", duration=6, image=link) for number in range(4)]
    wide = [
        a_clip(f"wide-{number}", duration=7, aspect_ratio="9:16", resolution="720p") for number in range(2)
    ]
    last = [
        {"edit": "text-0"} if edits else {"duration": 6},
        {"edit": "text-1"} if edits else {"duration": 6},
    ]
    return [*texts, *pictures, *wide, *(a_clip(f"last-{number}", **more) for number, more in enumerate(last))]


@pytest.mark.slow
def test_the_same_jobs_through_every_dialect(desk: Desk) -> None:
    """The bill is the jobs, nothing is sent twice, and side files agree where the gateways do."""
    sides: dict[str, dict[str, Any]] = {}
    with sim(desk, scenario="poll_form: mixed") as own:
        here = desk.at(own)
        for provider, (model, edits) in GATEWAYS.items():
            jobs = [{**job, "model": model} for job in twenty(edits)]
            manifest = desk.manifest(jobs, batch=provider, provider=provider)
            ended = here.run("run", manifest, "--json").exits(0)
            again = here.run("run", manifest, "--json").exits(0)
            assert again.json["requests"] == 0
            sides[provider] = side_files(desk, provider)
            assert set(sides[provider]) == {job["id"] for job in jobs}
            billed = [line for line in own.bill()["jobs"] if line["dialect"] == provider]
            assert len(billed) == 20
            assert {line["id"] for line in billed} == {take["remote_id"] for take in ended.json["takes"]}
            if provider != "globalaiopc":  # it tells nobody what it charges
                assert sum(line["ticks"] for line in billed) == ended.json["cost_ticks"]
        assert own.bill()["submissions"] == 60

    for key, side in sides["xai"].items():
        for provider in ("cometapi", "globalaiopc"):
            other = sides[provider][key]
            names = AGREED if provider == "cometapi" else AGREED - {"reported_s", "size_bytes", "probe"}
            assert {name: other[name] for name in names} == {name: side[name] for name in names}
            assert set(other) == set(side)
            if provider == "cometapi":
                assert other["asked"] == side["asked"]
                assert other["cost_ticks"] == side["cost_ticks"]
    assert {side["reported_s"] for side in sides["globalaiopc"].values()} <= {6.0, 6.04, 7.0, 7.04}


def side_files(desk: Desk, batch: str) -> dict[str, Any]:
    files = (desk.batch(batch) / "clips").glob("*.json")
    return {file.stem: json.loads(file.read_text()) for file in files}


CHAIN = ("made", "edited", "longer")


def a_chain(mark: str) -> list[dict[str, Any]]:
    return [
        a_clip("made", f"{mark}: a fox.", duration=4),
        a_clip("edited", f"{mark}: in the snow.", edit="made"),
        a_clip("longer", f"{mark}: it runs on.", extend="edited", duration=3),
    ]


def die_at(desk: Desk, manifest: Any, gate: Gate, request: bytes, after_bytes: int = 0) -> None:
    """Start a run, and kill it while the next answer to such a request is on its way."""
    hold = gate.hold(request, after_bytes)
    with desk.start("run", manifest) as run:
        hold.wait()
        run.kill()
    hold.let_go()


@pytest.mark.slow
def test_a_chain_that_is_killed_at_every_stage_is_paid_three_times(desk: Desk, gateway: Sim) -> None:
    """generate, edit, extend: kill -9 once accepted, at a poll and in mid-download of each."""
    manifest = desk.manifest(a_chain("stages"), provider="xai")

    with gate_to(gateway) as gate:
        at_gate = desk.at(gate.sim)
        for key in CHAIN:
            with at_gate.start("run", manifest) as run:
                run.line(rf"^{key}: accepted as ")
                run.kill()
            die_at(at_gate, manifest, gate, POLL_XAI)
            die_at(at_gate, manifest, gate, DOWNLOAD, after_bytes=700)
        with at_gate.start("run", manifest) as run:
            run.line(r"^longer: done")
            run.kill()
        ended = at_gate.run("run", manifest, "--json").exits(0)

    assert_whole(desk, gateway, ended, "stages")


@pytest.mark.slow
@pytest.mark.parametrize("lost", CHAIN)
def test_a_chain_whose_answer_is_lost_goes_on_once_it_is_settled(lost: str, desk: Desk, gateway: Sim) -> None:
    """Killed while one of the three submits waits for its answer: `unknown`, settled by the bill."""
    manifest = desk.manifest(a_chain(lost), provider="xai")

    with gate_to(gateway) as gate:
        at_gate = desk.at(gate.sim)
        if lost != "made":
            with at_gate.start("run", manifest) as run:
                run.line(rf"^{CHAIN[CHAIN.index(lost) - 1]}: accepted as ")
                hold = gate.hold(SUBMIT)
                hold.wait()
                run.kill()
            hold.let_go()
        else:
            die_at(at_gate, manifest, gate, SUBMIT)
        settled = at_gate.run_until_settled(manifest)
        states = {take["job"]: take["state"] for take in settled.json["takes"]}
        assert states[lost] == "unknown"
        ended = at_gate.resolve_by_bill(manifest, gate.sim, settled)

    assert_whole(desk, gateway, ended, lost)


def assert_whole(desk: Desk, gateway: Sim, ended: Ended, mark: str) -> None:
    """Three clips, each paid for once, each made of the one before."""
    assert ended.json["counts"] == {"done": 3}
    assert clips_of(desk.batch()) == set(CHAIN)
    assert leftovers(desk.folder / "output") == []
    billed = gateway.billed(f"{mark}: ")
    assert len(billed) == 3
    lines = {job["id"]: job for job in gateway.bill()["jobs"]}
    operations = [lines[billed[f"{mark}: {text}"]] for text in ("a fox.", "in the snow.", "it runs on.")]
    assert [line["operation"] for line in operations] == ["generate", "edit", "extend"]
    assert [line["source"] for line in operations[1:]] == [line["id"] for line in operations[:2]]
