"""The real provider against a gateway in another process: what is billed, and to whom a batch belongs."""

from __future__ import annotations

import pytest
import yaml
from support.command import Desk, Sim, clip_jobs, clips_of, leftovers, sim, snapshot


@pytest.mark.slow
def test_the_bill_is_the_batch(desk: Desk) -> None:
    """Submissions are jobs, the sum of their costs is the bill, and a rerun adds nothing to it."""
    jobs = clip_jobs(4, "plain") + clip_jobs(2, "long", duration=3, aspect_ratio="9:16", resolution="720p")
    jobs += [
        {"id": "group/child", "prompt": "Make it snow.", "edit": "plain-0"},
        {"id": "group/grandchild", "prompt": "And rain.", "edit": "group/child"},
        {"prompt": "Nobody gave this one a name."},
    ]
    manifest = desk.manifest(jobs)

    with sim(desk, scenario="poll_form: mixed") as own:
        ended = desk.at(own).run("run", manifest, "--json").exits(0)
        bill, before = own.bill(), snapshot(desk.batch() / "clips")
        again = desk.at(own).run("run", manifest, "--json").exits(0)
        assert own.bill() == bill

    takes = ended.json["takes"]
    assert bill["submissions"] == len(jobs) == len(takes)
    assert {job["id"] for job in bill["jobs"]} == {take["remote_id"] for take in takes}
    assert bill["total_ticks"] == sum(take["cost_ticks"] for take in takes) == ended.json["cost_ticks"]
    requests = sum(sum(counts.values()) for counts in bill["requests"].values())
    assert ended.json["requests"] == requests
    assert bill["requests"]["submits"] == {"200": len(jobs)}
    assert bill["requests"]["downloads"] == {"200": len(jobs)}
    assert clips_of(desk.batch()) == {take["job"] for take in takes}
    assert (again.json["requests"], again.json["cost_ticks"]) == (0, ended.json["cost_ticks"])
    assert snapshot(desk.batch() / "clips") == before
    assert leftovers(desk.folder) == []


@pytest.mark.slow
def test_a_batch_belongs_to_the_gateway_that_made_it(desk: Desk, gateway: Sim) -> None:
    """Another origin is refused before anything is sent, and told of --output, where it may go on."""
    manifest = desk.manifest(clip_jobs(2, "owned"))
    desk.at(gateway).run("run", manifest).exits(0)

    with sim(desk) as second:
        before = snapshot(desk.batch())
        refused = desk.at(second).run("run", manifest, "--json").exits(2)
        assert second.bill()["submissions"] == 0
        assert second.bill()["requests"] == {"submits": {}, "polls": {}, "downloads": {}}
        assert snapshot(desk.batch()) == before
        desk.at(second).run("run", manifest, "--output", "elsewhere").exits(0)
        assert len(gateway.billed("owned")) == len(second.billed("owned")) == 2

    assert refused.out == ""
    [line] = refused.lines
    assert line.startswith("error: batch 'clips'")
    assert gateway.base_url in line
    assert second.base_url in line
    assert "--output" in line


@pytest.mark.slow
def test_a_rehearsed_batch_is_not_mixed_with_a_real_one(desk: Desk, gateway: Sim) -> None:
    """A clip of the embedded simulator never counts as done for a gateway that is paid."""
    manifest = desk.manifest(clip_jobs(1, "rehearsed", duration=1), provider="sim")
    desk.run("run", manifest).exits(0)
    head = yaml.safe_load(manifest.read_text())
    desk.write(manifest.name, yaml.safe_dump(head | {"provider": "cometapi"}))

    refused = desk.at(gateway).run("run", manifest).exits(2)

    assert gateway.billed("rehearsed") == {}
    [line] = refused.lines
    assert line.startswith("error: batch 'clips'")
    assert "made at sim" in line
    assert "--output" in line
