"""What a batch may cost and what it has cost, by the real command and by the gateway's own bill."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from doors.pictures import a_picture
from support.command import Desk, Ended, Sim, a_clip, read_ledger, sim

from pipeline.model import TICKS_PER_USD

pytestmark = pytest.mark.slow
CENT = TICKS_PER_USD // 100
BY_CLIP = '{"*": {"clip": 0.05}}'
PRICES = {"COMETAPI_PRICES": BY_CLIP, "GLOBALAIOPC_PRICES": BY_CLIP}
MODELS = {
    "cometapi": {"model": "grok-imagine-video", "duration": 1},
    "globalaiopc": {"model": "grok_video3", "duration": 6},
    "xai": {"model": "grok-imagine-video", "duration": 1, "resolution": "480p"},
}
NICKEL = MODELS["xai"]  # five cents by the list


def manifest(
    desk: Desk, jobs: Iterable[Mapping[str, Any]], provider: str = "xai", head: Any = None, **limits: Any
) -> Path:
    """`Desk.manifest`, with more in its head: jobs of five cents each, unless they say otherwise."""
    batch = (head or {}).get("batch", "clips")
    path = desk.manifest(jobs, provider=provider, **limits, batch=batch)
    whole = {**yaml.safe_load(path.read_text()), "defaults": MODELS[provider], **(head or {})}
    path.write_text(yaml.safe_dump(whole, sort_keys=False))
    return path


def billed_ticks(gateway: Sim, mark: str) -> int:
    return sum(job["ticks"] for job in gateway.bill()["jobs"] if mark in job["prompt"])


def reasons(ended: Ended, state: str) -> list[str]:
    return [take["reason"] for take in ended.json["takes"] if take["state"] == state]


# --- brake and canary


@pytest.mark.parametrize("dialect", MODELS)
def test_prompts_that_are_all_moderated_are_not_paid_for_to_the_end(
    dialect: str, desk: Desk, gateway: Sim
) -> None:
    """Five clips have ended badly: those in flight still end, the rest is held. Exit 4, the cost is shown."""
    mark = f"braked by {dialect}"
    jobs = [a_clip(f"clip-{number}", f"[[moderated]] {mark} {number}") for number in range(30)]
    path = manifest(desk, jobs, dialect, max_in_flight=4)

    ended = desk.at(gateway).with_env(**PRICES).run("run", path).exits(4)

    accepted = len(gateway.billed(mark))
    assert 5 <= accepted <= 5 + 4
    assert re.search(
        r"^no more submits: brake: the first 5 clips were all refused or failed; the last: .", ended.err, re.M
    )
    assert re.search(rf"^{30 - accepted} held, {accepted} moderated in .*\$0\.\d+", tally(ended), re.M)


def tally(ended: Ended) -> str:
    """The last lines, with the states in the order of the alphabet."""
    return re.sub(
        r"^(\d+ \w+(?:, \d+ \w+)*) in ",
        lambda found: ", ".join(sorted(found[1].split(", "), key=lambda one: one.split()[1])) + " in ",
        ended.out,
        flags=re.M,
    )


def test_three_canaries_go_first(desk: Desk, gateway: Sim) -> None:
    """None of them becomes a clip, so nobody follows; when they do, all follow."""
    bad = [a_clip(f"clip-{number}", f"[[moderated]] canary {number}") for number in range(20)]
    good = [a_clip(f"clip-{number}", f"singing canary {number}") for number in range(5)]
    desk = desk.at(gateway)

    stopped = desk.run("run", manifest(desk, bad), "--canary", "3", "--json").exits(4)
    assert len(gateway.billed("] canary")) == 3
    desk.run("run", manifest(desk, good), "--canary", "3").exits(0)

    assert stopped.json["counts"] == {"moderated": 3, "held": 17}
    assert reasons(stopped, "held")[0].startswith(
        "canary: 3 of 3 did not become a clip: 'clip-0' is moderated"
    )
    assert len(gateway.billed("singing canary")) == 5


# --- plan and bill


SCENARIO = """
clips: small
poll_form: mixed
faults:
  - {fault: invalid_request, phase: submit, job: "*refused*"}
  - {fault: moderated, phase: submit, job: "*at the door*", form: "400"}
  - {fault: reset_after, phase: submit, job: "*lost answer*"}
  - {fault: reset_before, phase: submit, job: "*lost question*"}
  - {fault: "429", phase: submit, job: "*busy*", attempts: 1, retry_after: 0, rate: 0.1, seed: 2}
  - {fault: no_url, phase: poll, job: "*no link*"}
  - {fault: "503", phase: poll, job: "*odd poll*", attempts: 1}
  - {fault: truncate, phase: download, job: "*cut short*", attempts: 1}
"""
ENDS = {
    "fine": "done",
    "busy": "done",
    "odd poll": "done",
    "cut short": "done",
    "[[moderated]]": "moderated",
    "at the door": "moderated",
    "[[failed]]": "failed",
    "[[expired]]": "expired",
    "refused": "rejected",
    "lost answer": "unknown",
    "lost question": "unknown",
    "no link": "undelivered",
}
"""How a clip ends whose prompt says so."""
FREE = {"at the door", "refused", "lost question"}
SORTS: tuple[dict[str, Any], ...] = (
    {"duration": 1},
    {"duration": 2, "resolution": "720p"},
    {"model": "grok-imagine-video-1.5", "duration": 1, "resolution": "1080p"},
    {"model": "grok-imagine-video-1.5-lite", "duration": 3, "resolution": "720p"},
    {"duration": 1, "image": "desk.png"},
    {"model": "grok-imagine-video-1.5", "duration": 2, "image": "desk.png", "last_frame": "desk.png"},
    {"duration": 2, "reference_images": ["desk.png", "other.png"]},
)
EDIT_TICKS = 5 * CENT + CENT  # of one second: what is made, and what it is made from


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the explanation, in ticks."""

    estimate: int
    settled: int
    reserved: int
    billed: int


def mixed(count: int, ends: Iterable[str]) -> list[dict[str, Any]]:
    """Every end in every sort, and an edit of every ninth; its parent is the first sort, of one second."""
    ends = list(ends)
    jobs = []
    for number in range(count):
        end, sort = ends[number % len(ends)], SORTS[number // len(ends) % len(SORTS)]
        edited = number % 9 == 0
        jobs.append(a_clip(f"clip-{number}", f"{end} {number}", **(SORTS[0] if edited else sort)))
        if edited:
            jobs.append(a_clip(f"edit-{number}", f"Edit {number}", edit=f"clip-{number}"))
    return jobs


def explained(status: Ended, sim: Sim) -> dict[str, Line]:
    """By state: what `status` says, and what the gateway billed for the same takes."""
    bill: Counter[str] = Counter()
    paid = {job["prompt"]: job["ticks"] for job in sim.bill()["jobs"]}
    for take in status.json["takes"]:
        bill[take["state"]] += paid.get(take["prompt_start"], 0)
    lines = status.json["money"]["by_state"]
    return {
        state: Line(line["estimate_ticks"], line["settled_ticks"], line["reserved_ticks"], bill[state])
        for state, line in lines.items()
    }


def drawn(desk: Desk) -> Desk:
    desk.write("desk.png", a_picture())
    desk.write("other.png", a_picture())
    return desk


def planned_ticks(desk: Desk, path: Path) -> int:
    [plan] = json.loads(desk.run("plan", path, "--json").exits(0).out)
    assert plan["unpriced"] == 0
    return int(plan["list_ticks"])


def test_every_line_between_plan_and_bill_is_explained(desk: Desk) -> None:
    """300 jobs: what was planned is what was sent and what was not; what was sent is settled, reserved or
    free, and the gateway's own bill says the same, state by state."""
    desk = drawn(desk)
    path = manifest(desk, mixed(270, ENDS), head={"brake": "off"}, submit_per_s=1000, max_in_flight=100)

    with sim(desk, scenario=SCENARIO) as own:
        desk = desk.at(own)
        planned = planned_ticks(desk, path)
        ended = desk.run("run", path, "--json").exits(1)
        status = desk.run("status", "clips", "--json").exits(0)
        lines, bill = explained(status, own), own.bill()

    unsent = ended.json["counts"]["blocked"] * EDIT_TICKS
    assert set(ended.json["counts"]) == {*ENDS.values(), "blocked"}
    assert planned == sum(line.estimate for line in lines.values()) + unsent
    assert bill["total_ticks"] == sum(line.billed for line in lines.values())
    by_prompt = estimates(desk)
    gaps = {state: sum_of(by_prompt, state) for state in lines}
    for state, line in lines.items():
        # What came to the gateway is settled or reserved; what it never accepted may only be reserved.
        assert line.settled + line.reserved - line.billed == gaps[state] * (state != "rejected"), state
    assert lines["done"] == Line(lines["done"].estimate, lines["done"].estimate, 0, lines["done"].estimate)
    assert (lines["rejected"].settled, lines["rejected"].reserved, lines["rejected"].billed) == (0, 0, 0)
    for state in ("unknown", "failed", "expired"):
        assert (lines[state].settled, lines[state].reserved) == (0, lines[state].estimate), state
    settled, reserved = (
        sum(getattr(line, name) for line in lines.values()) for name in ("settled", "reserved")
    )
    assert settled <= bill["total_ticks"] <= settled + reserved
    assert (ended.json["cost_ticks"], ended.json["reserved_ticks"]) == (settled, reserved)


def estimates(desk: Desk) -> list[tuple[str, str, int]]:
    """State, prompt and estimate of each take on record."""
    rows = read_ledger(
        desk.batch(), "SELECT state, json_extract(spec, '$.prompt'), estimate_ticks FROM takes"
    )
    return [(state, prompt, ticks) for state, prompt, ticks in rows]


def sum_of(takes: list[tuple[str, str, int]], state: str) -> int:
    """What was expected of takes in this state that the gateway never accepted."""
    free = re.compile("|".join(FREE))
    return sum(ticks for its_state, prompt, ticks in takes if its_state == state and free.match(prompt))


def test_where_nothing_goes_wrong_the_plan_is_the_bill(desk: Desk) -> None:
    """To the tick: seconds by model and resolution, pictures, edits."""
    desk = drawn(desk)
    path = manifest(desk, mixed(28, ["fine", "busy", "odd poll", "cut short"]))

    with sim(desk, scenario=SCENARIO) as own:
        desk = desk.at(own)
        planned = planned_ticks(desk, path)
        ended = desk.run("run", path, "--json").exits(0)
        bill = own.bill()

    assert planned == bill["total_ticks"] == ended.json["cost_ticks"]
    assert ended.json["reserved_ticks"] == 0
