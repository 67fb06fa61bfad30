"""Several manifests in one command: named, or all of a folder; run side by side, each with its own result."""

from __future__ import annotations

import os
import signal

import pytest
from e2e.gate import POLL, gate_to
from e2e.terminal import on_a_terminal
from support.command import Desk, Sim, a_clip, clip_jobs, clips_of, leftovers


def codes(ended_json: dict[str, object]) -> dict[str, int]:
    """Exit code by batch."""
    batches = ended_json["batches"]
    assert isinstance(batches, list)
    return {batch["batch"]: batch["exit_code"] for batch in batches}


@pytest.mark.slow
def test_two_manifests_at_once(desk: Desk, gateway: Sim) -> None:
    """Each has its table, its line and its folder; messages say which batch; again nothing is sent."""
    spring = desk.manifest(clip_jobs(2, "spring"), batch="spring")
    autumn = desk.manifest(clip_jobs(1, "autumn"), batch="autumn")
    desk = desk.at(gateway)

    first = desk.run("run", spring, autumn).exits(0)
    again = desk.run("run", autumn, spring, "--json").exits(0)

    assert "2 done in output/spring" in first.out
    assert "1 done in output/autumn" in first.out
    assert "spring: spring-0: done" in first.lines
    assert "autumn: autumn-0: done" in first.lines
    assert again.json["exit_code"] == 0
    assert [batch["batch"] for batch in again.json["batches"]] == ["autumn", "spring"]
    assert [batch["requests"] for batch in again.json["batches"]] == [0, 0]
    assert clips_of(desk.batch("spring")) == {"spring-0", "spring-1"}
    assert (len(gateway.billed("named spring")), len(gateway.billed("named autumn"))) == (2, 1)
    assert leftovers(desk.folder / "output") == []


@pytest.mark.slow
def test_all_manifests_of_a_folder(desk: Desk, gateway: Sim) -> None:
    """Hidden files and folders in it are left out; `plan` and `validate` take it, too."""
    (folder := desk.folder / "all").mkdir()
    for name in ("b", "a", ".c"):
        path = desk.manifest(clip_jobs(1, f"folder-{name.strip('.')}"), batch=f"of-{name.strip('.')}")
        os.rename(path, folder / f"{name}.yaml")
    desk = desk.at(gateway)

    valid = desk.run("validate", "all").exits(0)
    planned = desk.run("plan", "all", "--json").exits(0)
    ended = desk.run("run", "all", "--json").exits(0)

    assert valid.out.splitlines() == [f"all/{name}.yaml: 1 job, no problems" for name in "ab"]
    assert [one["batch"] for one in planned.json] == ["of-a", "of-b"]
    assert codes(ended.json) == {"of-a": 0, "of-b": 0}
    assert set(gateway.billed("named folder-")) == {f"A clip named folder-{name}-0." for name in "ab"}


@pytest.mark.slow
def test_what_cannot_be_right_is_refused_before_anything_is_sent(desk: Desk, gateway: Sim) -> None:
    """All problems of all files; one batch twice; an empty folder; a selection that fits none of them."""
    good = desk.manifest(clip_jobs(1, "refused"), batch="good")
    twice = desk.write("twice.yaml", good.read_text().replace("good", "Good"))
    bad = desk.write("bad.yaml", good.read_text().replace("good", "bad").replace("prompt", "promt"))
    (desk.folder / "empty").mkdir()
    desk = desk.at(gateway)

    both = desk.run("run", good, twice).exits(2)
    problems = desk.run("run", good, bad, "gone.yaml").exits(2)
    empty = desk.run("run", good, "empty").exits(2)
    other = desk.manifest(clip_jobs(1, "chosen"), batch="other")
    none = desk.run("run", good, other, "--only", "owl-*").exits(2)
    one = desk.run("run", good, other, "--only", "chosen-*", "--json").exits(0)

    assert both.lines[0].startswith("error: ")
    assert 'batch: "Good" is also the batch of ' in both.lines[0]
    assert [line for line in problems.lines if "gone.yaml:1:1: manifest gone.yaml not found" in line]
    assert problems.lines[-1] == "3 problems"
    assert empty.lines[0].startswith("error: no manifest in folder empty: looked for files *.yaml")
    assert none.lines == ["error: no job of the 2 manifests matches --only owl-*"]
    assert codes(one.json) == {"good": 0, "other": 0}
    assert set(gateway.billed("named refused")) == set()


@pytest.mark.slow
def test_one_busy_batch_among_several(desk: Desk, gateway: Sim) -> None:
    """Exit 5 and nothing is sent for any; `skip` leaves out that one; `wait` waits for it."""
    held = desk.manifest(clip_jobs(1, "ferry"), batch="held")
    free = desk.manifest(clip_jobs(1, "canal"), batch="free")

    with gate_to(gateway) as gate:
        here = desk.at(gate.sim)
        hold = gate.hold(POLL)
        with here.start("run", held) as run:
            hold.wait()
            there = desk.at(gateway)
            refused = there.run("run", free, held, "--base-url", gate.sim.base_url).exits(5)
            before = gateway.billed("named canal")
            address = ("--base-url", gate.sim.base_url)
            with there.start("run", held, free, "--if-running", "wait", *address) as waiting:
                waiting.line("^held: another run holds batch 'held'.*; waiting")
                gate.open()
                run.end().exits(0)
                waited = waiting.end().exits(0)

    assert refused.lines[-1].startswith("error: another run holds batch 'held'")
    assert before == {}
    assert "1 done in output/held" in waited.out
    assert len(gateway.billed("named canal")) == 1


@pytest.mark.slow
def test_a_busy_batch_is_skipped_and_the_others_run(desk: Desk, gateway: Sim) -> None:
    """Exit 0 for those that were run; it is said which was left out."""
    held = desk.manifest(clip_jobs(1, "sluice"), batch="held")
    free = desk.manifest(clip_jobs(1, "raft"), batch="free")

    with gate_to(gateway) as gate:
        here = desk.at(gate.sim)
        hold = gate.hold(POLL)
        with here.start("run", held) as run:
            hold.wait()
            skipped = desk.at(gateway).run("run", held, free, "--if-running", "skip", "--json").exits(0)
            gate.open()
            run.end().exits(0)

    assert codes(skipped.json) == {"free": 0}
    assert [line for line in skipped.lines if line.startswith("left out: another run holds batch 'held'")]


@pytest.mark.slow
def test_a_batch_that_cannot_start_is_told_and_the_others_run(desk: Desk, gateway: Sim) -> None:
    """A damaged ledger and a missing key: exit 2 before 3 before what the others came to."""
    whole = desk.manifest(clip_jobs(1, "whole"), batch="whole")
    damaged = desk.manifest(clip_jobs(1, "damaged"), batch="damaged")
    keyless = desk.manifest([a_clip("keyless", duration=6)], batch="keyless", provider="globalaiopc")
    desk.batch("damaged").mkdir(parents=True)
    (desk.batch("damaged") / "ledger.sqlite").write_bytes(b"no database" * 100)
    desk = desk.at(gateway).with_env(GLOBALAIOPC_KEY="")

    all_of_them = desk.run("run", whole, keyless, damaged, "--json").exits(2)
    without_key = desk.run("run", keyless, whole).exits(3)
    alone = desk.run("run", damaged).exits(2)

    assert codes(all_of_them.json) == {"whole": 0, "keyless": 3, "damaged": 2}
    errors = {batch["batch"]: batch.get("error", "") for batch in all_of_them.json["batches"]}
    assert "GLOBALAIOPC_KEY is empty" in errors["keyless"]
    assert "ledger.sqlite" in errors["damaged"]
    assert [line for line in without_key.lines if line.startswith("keyless: not run to its end: GLOBAL")]
    assert "not run to its end: batch keyless" in without_key.out
    assert alone.lines[-1].startswith("error: ledger output/damaged/ledger.sqlite")
    assert len(gateway.billed("named whole")) == 1


@pytest.mark.slow
def test_an_address_for_several_gateways_is_refused(desk: Desk, gateway: Sim) -> None:
    """The keys of all of them would be told to it."""
    comet = desk.manifest(clip_jobs(1, "comet"), batch="comet")
    xai = desk.manifest(clip_jobs(1, "xai"), batch="x", provider="xai")

    ended = desk.at(gateway).run("run", comet, xai, "--base-url", gateway.base_url).exits(2)

    [line] = ended.lines
    assert line.startswith(
        "error: --base-url is the address of one gateway, and these manifests ask 2 (cometapi, xai): set"
    )


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--rehearse",), ()], ids=["rehearsed", "sim"])
def test_several_at_simulators_of_their_own(options: tuple[str, ...], desk: Desk) -> None:
    """Each batch keeps its own simulated world."""
    both = [desk.manifest(clip_jobs(1), batch=name, provider="sim") for name in ("left", "right")]

    ended = desk.run("run", *both, *options, "--json").exits(0)

    assert codes(ended.json) == {"left": 0, "right": 0}
    assert all(batch["simulated"] for batch in ended.json["batches"])


@pytest.mark.slow
@pytest.mark.real
def test_one_signal_drains_all_batches(desk: Desk, unhurried: Sim) -> None:
    """What renders of either stays accepted, and the same command collects it."""
    both = [desk.manifest(clip_jobs(2, f"drain-{name}"), batch=name) for name in ("one", "two")]
    desk = desk.at(unhurried)

    with desk.start("run", *both, "--json") as run:
        for name in ("one", "two"):
            for number in range(2):
                run.line(rf"^{name}: drain-{name}-{number}: accepted as ")
        run.signal(signal.SIGINT)
        ended = run.end(deadline_s=10).exits(130)
    again = desk.run("run", *both, "--json").exits(0)

    assert codes(ended.json) == {"one": 130, "two": 130}
    assert [batch["counts"] for batch in ended.json["batches"]] == [{"accepted": 2}] * 2
    assert codes(again.json) == {"one": 0, "two": 0}
    assert len(unhurried.billed("drain-")) == 4


@pytest.mark.slow
@pytest.mark.real
def test_the_question_is_asked_once_with_the_sum(desk: Desk, gateway: Sim) -> None:
    """Before anything is sent for any of them; the display counts all of them together."""
    jobs = clip_jobs(2, "asked", model="grok-imagine-video", duration=1, resolution="480p")
    both = [desk.manifest(jobs, batch=name, provider="xai") for name in ("east", "west")]
    desk = desk.at(gateway).with_env(XAI_PRICES='{"*": {"clip": 0.5}}')

    screen, no = on_a_terminal(desk, "run", *both, typed="n\n")
    shown, yes = on_a_terminal(desk.with_env(TERM="xterm"), "run", *both, typed="y\n")

    assert no.exits(4).code == 4
    assert screen.count("Go on? [y/N]") == 1
    assert "together: 4 clips in 2 batches: $2.00" in screen
    assert yes.exits(0).code == 0
    assert "2 batches · xai" in shown
    assert " of 4 · " in shown
    assert clips_of(desk.batch("east")) == clips_of(desk.batch("west"))


def test_help_names_folders(desk: Desk) -> None:
    """What `run` takes is what it says."""
    said = " ".join(desk.run("run", "--help").exits(0).out.split())

    assert "or folders of them" in said
    assert "nightreel run manifests/" in said
