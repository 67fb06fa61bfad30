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
from e2e.terminal import on_a_terminal
from support.command import Desk, Ended, Sim, a_clip, clip_jobs, read_ledger, sim

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


def orders(gateway: Sim, mark: str) -> list[dict[str, Any]]:
    """What was accepted and billed, also where a prompt was paid twice."""
    return [job for job in gateway.bill()["jobs"] if mark in job["prompt"]]


def billed_ticks(gateway: Sim, mark: str) -> int:
    return sum(job["ticks"] for job in orders(gateway, mark))


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


# --- budgets


def test_what_no_longer_fits_is_held_until_there_is_more(desk: Desk, gateway: Sim) -> None:
    """Exit 4 with the reason on each row, and a bill within the budget; more money finishes the batch."""
    desk = desk.at(gateway)
    jobs = [a_clip(f"clip-{number}", f"within a budget {number}") for number in range(6)]

    short = desk.run("run", manifest(desk, jobs, budget_usd=0.21), "--json").exits(4)
    bill = billed_ticks(gateway, "within a budget")
    status = desk.run("status", "clips").exits(0)
    run = desk.run("run", manifest(desk, jobs, budget_usd=0.3), "--budget", "0.05", "--json").exits(4)
    desk.run("run", manifest(desk, jobs, budget_usd=0.3)).exits(0)

    assert short.json["counts"] == {"done": 4, "held": 2}
    assert bill == short.json["cost_ticks"] == 20 * CENT
    assert re.fullmatch(
        r"budget: job 'clip-\d' at \$0\.05 would bring what is spent and reserved to \$0\.25,"
        r" above the batch's budget_usd of \$0\.21",
        reasons(short, "held")[0],
    )
    assert "held back before it was sent: put right what its reason names" in status.out
    assert (run.json["counts"], "--budget of $0.05" in reasons(run, "held")[0]) == (
        {"done": 5, "held": 1},
        True,
    )
    assert billed_ticks(gateway, "within a budget") == 30 * CENT


def test_a_budget_needs_prices(desk: Desk, gateway: Sim) -> None:
    """CometAPI publishes none: exit 2 with advice, and nothing is sent; the environment may say them."""
    path = manifest(desk, [a_clip("clip", "without a price")], "cometapi", budget_usd=1)
    desk = desk.at(gateway)

    refused = desk.run("run", path).exits(2)
    before = gateway.billed("without a price")
    priced = desk.with_env(COMETAPI_PRICES=BY_CLIP).run("run", path, "--json").exits(0)

    [line] = refused.lines
    assert line.startswith("error: no price is known for 1 job, such as 'clip'")
    assert "Put what you pay into `prices:`" in line
    assert before == {}
    assert priced.json["cost_ticks"] == 5 * CENT


def test_a_month_is_shared_by_the_batches_of_an_account(desk: Desk, gateway: Sim) -> None:
    """The second batch below the same output finds the month's money gone, and says so."""
    desk = desk.at(gateway)
    first = manifest(desk, clip_jobs(2, "first-month"), head={"batch": "first"}, month_usd=0.12)
    second = manifest(desk, clip_jobs(2, "second-month"), head={"batch": "second"}, month_usd=0.12)

    desk.run("run", first).exits(0)
    held = desk.run("run", second, "--json").exits(4)

    assert held.json["counts"] == {"held": 2}
    assert re.fullmatch(
        r"budget: \$0\.05 more would bring what this account has spent and reserved in \d{4}-\d\d to \$0\.15,"
        r" above limits\.month_usd of \$0\.12",
        reasons(held, "held")[0],
    )
    assert gateway.billed("second-month") == {}
    assert "no more submits: budget: " in held.err


# --- the question


@pytest.mark.real
def test_a_terminal_is_asked_once_with_the_price(desk: Desk, gateway: Sim) -> None:
    """No, or no line at all: nothing is made or sent, exit 4. Yes goes on; results alone are on stdout."""
    desk = desk.at(gateway)
    path = manifest(desk, [a_clip(f"clip-{number}", f"on a question {number}") for number in range(2)])
    question = "2 clips at xAI: $0.10 by https://docs.x.ai/"

    for typed in ("n\n", "\x04"):
        screen, refused = on_a_terminal(desk, "run", path, typed=typed)
        assert (refused.code, refused.out, screen.count("Go on?")) == (4, "", 1), typed
        assert question in screen
        assert "nothing was sent" in screen
    assert not (desk.folder / "output").exists()
    screen, agreed = on_a_terminal(desk, "run", path, "--json", typed="y\n")
    again, nothing_new = on_a_terminal(desk, "run", path)

    assert (agreed.code, nothing_new.code, agreed.out[0]) == (0, 0, "{")
    assert (question in screen, screen.count("Go on?"), again.count("Go on?")) == (True, 1, 0)
    assert len(gateway.billed("on a question")) == 2


@pytest.mark.real
def test_who_says_yes_is_not_asked(desk: Desk, gateway: Sim) -> None:
    """Nor is anybody where there is no terminal, as in cron: a test that waited for a line would hang."""
    path = manifest(desk, [a_clip("clip", "not asked")])
    desk = desk.at(gateway)

    screen, said = on_a_terminal(desk, "run", path, "--yes")
    alone = desk.run("run", manifest(desk, [a_clip("clip", "not asked either")])).exits(0)

    assert (said.code, screen.count("Go on?")) == (0, 0)
    assert "Go on?" not in alone.text
    assert len(gateway.billed("not asked")) == 2


@pytest.mark.real
def test_many_finished_jobs_are_not_made_anew_without_a_word(desk: Desk, gateway: Sim) -> None:
    """A default was edited: eleven clips would be paid again. Refused without a terminal, asked on one."""
    desk = desk.at(gateway)
    jobs = [a_clip(f"clip-{number}", f"anew {number}") for number in range(11)]
    desk.warm.run("run", manifest(desk, jobs)).exits(0)
    path = manifest(desk, jobs, head={"defaults": {**NICKEL, "aspect_ratio": "1:1"}})

    refused = desk.warm.run("run", path).exits(2)
    plan = desk.warm.run("plan", path, "--json").exits(0)
    screen, no = on_a_terminal(desk, "run", path, typed="n\n")
    before = len(orders(gateway, "anew "))
    desk.warm.run("run", path, "--remake").exits(0)

    [line] = refused.lines
    assert line.startswith("error: 11 jobs that have their clips ask for something else than before")
    assert "--remake" in line
    assert [one["remade"] for one in json.loads(plan.out)] == [11]
    assert no.code == 4
    assert "11 jobs have their clips already, and would be made anew" in screen
    assert (before, len(orders(gateway, "anew "))) == (11, 22)


# --- what cannot be


BAD: dict[str, tuple[tuple[str, ...], str, str]] = {
    "budget 0": (("--budget", "0"), "", r"error: --budget is a number of US dollars above 0, .*"),
    "budget nan": (("--budget", "nan"), "", r"error: --budget is a number of US dollars above 0, .*"),
    "budget inf": (("--budget", "inf"), "", r"error: --budget is a number of US dollars above 0, .*"),
    "budget x": (("--budget", "x"), "", r"Error: Invalid value for '--budget': .*valid number.*"),
    "canary 0": (("--canary", "0"), "", r"Error: Invalid value for '--canary': .* or equal to 1"),
    "no JSON": ((), "0.05", r"error: XAI_PRICES: expected models with .*"),
    "half of it": ((), '{"*": ', r'error: XAI_PRICES is no JSON such as \{"\*": .*'),
    "too deep": ((), "[" * 50_000, r"error: XAI_PRICES is no JSON such as .*"),
    "model": ((), '{"grok": {"clip": 1}}', r"error: XAI_PRICES: grok: xAI has no such model; it has .*"),
    "negative": ((), '{"*": {"clip": -1}}', r"error: XAI_PRICES: \*: clip: expected a number .* at least 0"),
    "no field": ((), '{"*": {"clips": 1}}', r"error: XAI_PRICES: \*: clips: unknown field; expected .*"),
}
"""Words, the variable, and the line that is said."""


@pytest.mark.parametrize("name", BAD)
def test_bad_money_is_one_line_and_nothing_is_made(name: str, desk: Desk, gateway: Sim) -> None:
    """Exit 2, before a folder, a ledger or a request."""
    words, prices, line = BAD[name]
    path = manifest(desk, [a_clip("clip", f"bad money {name}")])

    ended = desk.at(gateway).with_env(XAI_PRICES=prices).run("run", path, *words).exits(2)

    said = [one for one in ended.lines if one.lower().startswith("error")]
    assert re.fullmatch(line, "\n".join(said))
    assert "Traceback" not in ended.text
    assert not (desk.folder / "output").exists()
    assert gateway.billed(f"bad money {name}") == {}
