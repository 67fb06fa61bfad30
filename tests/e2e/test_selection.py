"""Which jobs a run may send, what it does when the batch is busy, and how much it says."""

from __future__ import annotations

import pytest
from e2e.gate import POLL, gate_to
from support.command import Desk, Sim, a_clip, clips_of


def jobs(mark: str) -> list[dict[str, object]]:
    return [
        a_clip("spring/fox", f"{mark}: fox", tags=["hero"]),
        a_clip("spring/owl", f"{mark}: owl"),
        a_clip("autumn/fox", f"{mark}: old fox", tags=["hero", "late"]),
        a_clip("autumn/snow", f"{mark}: snow", edit="spring/owl"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["--only", "autumn/f*", "--only", "*/owl"], ["autumn/fox", "spring/owl"]),
        (["--tag", "hero"], ["spring/fox", "autumn/fox"]),
        (["--tag", "hero", "--limit", "1"], ["spring/fox"]),
    ],
    ids=" ".join,
)
def test_only_what_was_selected_is_sent_and_counts(
    words: list[str], keys: list[str], desk: Desk, gateway: Sim
) -> None:
    """Exit 0 once the selected jobs have clips; the same selection again sends nothing."""
    mark = f"<{' '.join(words)}>"
    manifest = desk.manifest(jobs(mark))
    here = desk.at(gateway)

    planned = here.run("plan", manifest, *words, "--json").exits(0)
    ended = here.run("run", manifest, *words, "--json").exits(0)
    again = here.run("run", manifest, *words, "--json").exits(0)

    assert planned.json[0]["submits"] == len(keys)
    assert clips_of(desk.batch()) == set(keys)
    assert {take["job"] for take in ended.json["takes"]} == set(keys)
    assert ended.json["counts"] == {"done": len(keys)}
    assert again.json["requests"] == 0
    assert len(gateway.billed(mark)) == len(keys)


@pytest.mark.slow
def test_a_child_without_its_parent_is_blocked_and_says_what_to_add(desk: Desk, gateway: Sim) -> None:
    """Nothing is bought that nobody selected."""
    manifest = desk.manifest(jobs("alone"))
    here = desk.at(gateway)

    ended = here.run("run", manifest, "--only", "autumn/snow", "--json").exits(1)
    here.run("run", manifest, "--only", "autumn/snow", "--only", "spring/owl").exits(0)

    [take] = ended.json["takes"]
    assert take["state"] == "blocked"
    assert "was not selected; add it to --only" in take["reason"]
    assert len(gateway.billed("alone: ")) == 2


@pytest.mark.slow
def test_a_selection_of_nothing_is_a_mistake(desk: Desk, gateway: Sim) -> None:
    manifest = desk.manifest(jobs("nothing"))

    ended = desk.at(gateway).run("run", manifest, "--only", "winter/*", "--tag", "hero").exits(2)

    assert ended.lines == ["error: no job of the manifest matches --only winter/* --tag hero"]
    assert not desk.batch().exists()


@pytest.mark.slow
def test_a_busy_batch_fails_is_skipped_or_waited_for(desk: Desk, gateway: Sim) -> None:
    """The waiting run finds everything done, and sends nothing."""
    manifest = desk.manifest(jobs("busy"))
    with gate_to(gateway) as gate:
        here = desk.at(gate.sim)
        poll = gate.hold(POLL)
        with here.start("run", manifest) as first:
            poll.wait()
            failed = here.run("run", manifest, "--json").exits(5)
            skipped = here.run("run", manifest, "--if-running", "skip").exits(0)
            with here.start("run", manifest, "--if-running", "wait", "--json") as second:
                second.line("another run holds batch 'clips'.*; waiting")
                poll.let_go()
                first.end().exits(0)
                waited = second.end().exits(0)

    assert (failed.out, skipped.out) == ("", "")
    assert skipped.err.startswith("left out: another run holds batch 'clips'")
    assert waited.json["counts"] == {"done": 4}
    assert len(gateway.billed("busy: ")) == 4


@pytest.mark.slow
def test_a_dry_run_is_the_plan_and_sends_nothing(desk: Desk, gateway: Sim) -> None:
    """What it counts is what the run then sends; changed and unchanged jobs are told apart."""
    asked = jobs("dry")
    manifest = desk.manifest(asked, provider="xai")
    here = desk.at(gateway)

    dry = here.run("run", manifest, "--dry-run", "--json").exits(0)
    assert gateway.billed("dry: ") == {}
    assert not desk.batch().exists()
    first = here.run("run", manifest, "--json").exits(0)
    asked[0]["prompt"] = "dry: another fox"
    del asked[2]
    changed = here.run("plan", desk.manifest(asked, provider="xai"), "--json").exits(0)

    [plan], [then] = dry.json, changed.json
    assert (plan["submits"], plan["counts"], plan["unpriced"]) == (4, {"new": 4}, 0)
    assert plan["list_ticks"] == first.json["cost_ticks"], "what is listed is what was billed"
    assert then["counts"] == {"changed": 1, "done": 2}
    [job] = then["jobs"]
    assert job["job"] == "spring/fox"
    assert job["reason"] == 'prompt: "dry: fox" -> "dry: another fox"; the older clip is kept'
    assert job["changes"] == [{"field": "prompt", "before": "dry: fox", "after": "dry: another fox"}]


@pytest.mark.slow
def test_quiet_says_nothing_and_verbose_says_every_step(desk: Desk, gateway: Sim) -> None:
    here = desk.at(gateway)

    quiet = here.run("run", desk.manifest(jobs("quiet"), batch="quiet"), "--quiet").exits(0)
    verbose = here.run("run", desk.manifest(jobs("loud"), batch="loud"), "-v", "--no-progress").exits(0)

    assert quiet.text == ""
    for step in ("submitting", "accepted as", "ready", "done"):
        assert f"spring/fox: {step}" in verbose.err


@pytest.mark.slow
def test_another_provider_may_be_named_for_one_run(desk: Desk, gateway: Sim) -> None:
    """Its rules are checked, too."""
    manifest = desk.manifest([a_clip("fox", "provider: fox")], provider="cometapi")
    here = desk.at(gateway)

    refused = here.run("run", manifest, "--provider", "xia").exits(2)
    here.run("run", manifest, "--provider", "xai").exits(0)

    assert 'Did you mean "xai"?' in refused.err
    [line] = [job for job in gateway.bill()["jobs"] if job["prompt"] == "provider: fox"]
    assert line["dialect"] == "xai"
