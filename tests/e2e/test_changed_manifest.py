"""A manifest that changes after its clips are there: what is said, and what it costs, by the real command."""

from __future__ import annotations

import pytest
from support.command import Desk, Sim, a_clip, clips_of


@pytest.mark.slow
def test_a_renamed_job_costs_a_command_and_no_clip(desk: Desk, gateway: Sim) -> None:
    """`plan` proposes the line, the line works, and the next run sends nothing."""
    here = desk.at(gateway)
    here.run("run", desk.manifest([a_clip("fox", "mv: fox"), a_clip("owl", "mv: owl")])).exits(0)
    renamed = desk.manifest([a_clip("hall/fox", "mv: fox"), a_clip("owl", "mv: owl")])

    planned = here.run("plan", renamed).exits(0)
    [line] = [line for line in planned.out.splitlines() if "nightreel mv" in line]
    moved = here.run(*line.split()[1:]).exits(0)
    ended = here.run("run", renamed, "--json").exits(0)
    unknown = here.run("mv", "clips", "fox", "den/fox").exits(2)
    again = here.run("mv", "clips", "hall/fox", "owl").exits(2)

    assert "1 job may only have another id" in planned.out
    assert moved.out == "fox is hall/fox now, with 1 take; the manifest must say so, too\n"
    assert ended.json["requests"] == 0
    assert clips_of(desk.batch()) == {"hall/fox", "owl"}
    assert len(gateway.billed("mv: ")) == 2
    assert unknown.lines[0].startswith("error: no job 'fox' in this batch")
    assert again.lines == [
        "error: job 'owl' has takes of its own (done): give that one another name first",
    ]


@pytest.mark.slow
def test_clips_of_another_batch_are_told_of_and_taken_over(desk: Desk, gateway: Sim) -> None:
    """Without a request; and the simulator of a rehearsal gives nothing away."""
    here = desk.at(gateway)
    here.run("run", desk.manifest([a_clip("fox", "reuse: fox")], batch="spring")).exits(0)
    summer = desk.manifest([a_clip("lamp", "reuse: fox"), a_clip("owl", "reuse: owl")], batch="summer")

    planned = here.run("plan", summer).exits(0)
    facts = here.run("plan", summer, "--reuse", "--json").exits(0).json[0]
    rehearsed = here.run("run", summer, "--rehearse", "--reuse", "--json").exits(0)
    ended = here.run("run", summer, "--reuse").exits(0)

    told = "1 clip exists already (batch spring, job fox): --reuse takes them over for nothing"
    assert told in planned.out
    assert (facts["counts"], facts["submits"]) == ({"reused": 1, "new": 1}, 1)
    assert rehearsed.json["requests"] > 0
    assert "1 clip taken over from other batches, for nothing" in ended.err
    assert clips_of(desk.batch("summer")) == {"lamp", "owl"}
    assert len(gateway.billed("reuse: ")) == 2
