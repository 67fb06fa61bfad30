"""A submit whose answer was lost: perhaps paid, so it is never sent again without a person's word."""

from __future__ import annotations

import re

import pytest
from support.command import Desk, Ended, Sim, a_clip, clips_of


def commands_of(status: Ended) -> dict[str, list[str]]:
    """The commands that `status` names for each job, as words."""
    found: dict[str, list[str]] = {}
    for command in re.findall(r"`nightreel (resolve [^`]+)`", status.out):
        words = command.split()
        found.setdefault(f"{words[2]} {words[3]}", words)
    return found


@pytest.mark.slow
def test_a_lost_answer_is_unknown_until_a_person_settles_it(desk: Desk, gateway: Sim) -> None:
    """Exit 1; nothing is sent twice by reruns; what `status` says to do is all there is to do."""
    jobs = [
        a_clip("kept", "collect: lost answer."),
        a_clip("again", "send again: lost answer."),
        a_clip("child", "collect: a child.", edit="kept"),
        a_clip("fine", "collect: fine."),
    ]
    manifest = desk.manifest(jobs)
    desk = desk.at(gateway)

    first = desk.run("run", manifest, "--json").exits(1)
    rerun = desk.run("run", manifest, "--json").exits(1)
    billed = gateway.billed("send again: ") | gateway.billed("collect: ")
    status = desk.run("status", "clips").exits(0)
    commands = commands_of(status)
    ids = {"collect": billed["collect: lost answer."]}
    collect = [ids["collect"] if word == "ID" else word for word in commands["kept --remote-id"]]
    desk.run(*collect).exits(0)
    desk.run(*commands["again --not-charged"]).exits(0)
    last = desk.run("run", manifest, "--json").exits(0)

    assert first.json["counts"] == {"unknown": 2, "blocked": 1, "done": 1}
    assert rerun.json["counts"] == first.json["counts"]
    assert rerun.json["requests"] == 0
    assert set(billed) == {"collect: lost answer.", "send again: lost answer.", "collect: fine."}
    takes = {take["job"]: take for take in last.json["takes"]}
    assert last.json["counts"] == {"done": 4}
    assert takes["kept"]["remote_id"] == ids["collect"]
    assert takes["again"]["remote_id"] != billed["send again: lost answer."]
    prompts = [job["prompt"] for job in gateway.bill()["jobs"]]
    ours = [prompt for prompt in prompts if prompt.startswith(("collect: ", "send again: "))]
    assert sorted(ours) == sorted([*billed, "send again: lost answer.", "collect: a child."])
    assert clips_of(desk.batch()) == {"kept", "again", "child", "fine"}


@pytest.mark.slow
def test_a_reset_before_acceptance_looks_the_same_and_is_treated_so(desk: Desk, gateway: Sim) -> None:
    """Nobody can know that nothing was accepted. The bill tells, and then it is sent, and paid, once."""
    manifest = desk.manifest([a_clip("clip", "lost question.")])
    desk = desk.at(gateway)

    first = desk.run("run", manifest, "--json").exits(1)
    before = gateway.billed("lost question")
    words = commands_of(desk.run("status", "clips").exits(0))["clip --not-charged"]
    desk.run(*words).exits(0)
    last = desk.run("run", manifest, "--json").exits(0)

    assert first.json["counts"] == {"unknown": 1}
    assert before == {}
    assert last.json["counts"] == {"done": 1}
    assert len(gateway.billed("lost question")) == 1


@pytest.mark.slow
def test_a_person_may_pay_twice_rather_than_look(desk: Desk, gateway: Sim) -> None:
    """`status` says when it was sent and what for; the old take is shown apart, with what can be done."""
    manifest = desk.manifest([a_clip("clip", "pay twice: lost answer.")], batch="twice")
    desk = desk.at(gateway)

    desk.run("run", manifest).exits(1)
    before = desk.run("status", "twice").exits(0)
    desk.run("run", manifest, "--resubmit-unknown", "--json")
    after = desk.run("status", "twice").exits(0)
    takes = desk.run("status", "twice", "--json").json["takes"]

    assert re.search(r"^clip\.[0-9a-f]{8}\.1: sent \S+Z: pay twice: lost answer\.$", before.out, re.M)
    assert "unknown, and sent again on your word:" in after.out
    assert re.search(r"`nightreel resolve \S+ clip --take [0-9a-f]{8}\.1 --remote-id ID`", after.out)
    assert [(take["take"], take["replaced"]) for take in sorted(takes, key=lambda take: take["take"])] == [
        (1, True),
        (2, False),
    ]
