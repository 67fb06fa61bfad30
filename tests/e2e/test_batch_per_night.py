"""`batch: nightly-${date}`: a batch for each night, and what earlier ones left is brought home beside it."""

from __future__ import annotations

import re
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from e2e.gate import POLL, Gate, gate_to
from support.command import Desk, Sim, a_clip, clip_jobs, clips_of, read_ledger

from pipeline.storage.lock import batch_lock

MONDAY, TUESDAY, WEDNESDAY = "2026-11-23", "2026-11-24", "2026-11-25"


def a_manifest(desk: Desk, mark: str, count: int = 1, **limits: object) -> Path:
    return desk.manifest(clip_jobs(count, mark), batch="nightly-${date}", **limits).rename(
        desk.folder / "nightly.yaml"
    )


def left_in_flight(desk: Desk, gate: Gate, manifest: Path, day: str, *words: str) -> None:
    """A night whose takes are all at the gateway still when its run is killed."""
    hold = gate.hold(POLL)
    with desk.at(gate.sim).start("run", manifest, "--date", day, *words) as run:
        hold.wait()
        run.kill()
    gate.open()


def states(desk: Desk, day: str) -> dict[str, str]:
    found = desk.run("status", f"nightly-{day}", "--json").exits(0).json
    return {take["job"]: take["state"] for take in found["takes"] if take["wanted"]}


@pytest.mark.slow
def test_a_batch_for_the_day_of_the_run(desk: Desk, gateway: Sim) -> None:
    """Today's where nobody says another; each has its clips, each is paid for."""
    manifest = a_manifest(desk, "daily")
    desk = desk.at(gateway)

    before = datetime.now().astimezone().date()
    today = desk.run("run", manifest.name, "--json").exits(0)
    after = datetime.now().astimezone().date()
    planned = desk.run("plan", manifest.name, "--date", MONDAY, "--json").exits(0)
    monday = desk.run("run", manifest.name, "--date", MONDAY, "--json").exits(0)

    assert today.json["batch"] in {f"nightly-{day}" for day in (before, after)}
    assert [one["batch"] for one in planned.json] == [f"nightly-{MONDAY}"]
    assert monday.json["batch"] == f"nightly-{MONDAY}"
    assert (today.json["earlier"], monday.json["earlier"]) == ([], [])
    assert sum(1 for job in gateway.bill()["jobs"] if "named daily" in job["prompt"]) == 2


@pytest.mark.slow
def test_what_yesterday_left_in_flight_is_collected_today(desk: Desk, gateway: Sim) -> None:
    """Beside tonight's, under the account's limits: nothing of it is planned, sent or forgotten."""
    manifest = a_manifest(desk, "evening", 3)
    with gate_to(gateway) as gate:
        left_in_flight(desk, gate, manifest, MONDAY, "--only", "evening-1", "--only", "evening-2")
        before = states(desk, MONDAY)
        manifest.write_text(manifest.read_text().replace("A clip named evening-0", "A new evening-0"))
        tonight = desk.at(gate.sim).run("run", manifest.name, "--date", TUESDAY).exits(0)
        again = desk.at(gate.sim).run("run", manifest.name, "--date", TUESDAY, "--json").exits(0)

    assert before == {"evening-0": "planned", "evening-1": "accepted", "evening-2": "accepted"}
    assert states(desk, MONDAY) == {"evening-0": "planned", "evening-1": "done", "evening-2": "done"}
    assert clips_of(desk.batch(f"nightly-{MONDAY}")) == {"evening-1", "evening-2"}
    assert clips_of(desk.batch(f"nightly-{TUESDAY}")) == {"evening-0", "evening-1", "evening-2"}
    assert f"2 done in output/nightly-{MONDAY}" in tonight.out
    assert "note: of another day: only what is still open is collected" in tonight.lines
    assert f"nightly-{MONDAY}: evening-1: done" in tonight.lines
    assert (again.json["requests"], again.json["earlier"]) == (0, [])
    monday = [job for job in gateway.bill()["jobs"] if "evening-1" in job["prompt"]]
    assert len(monday) == 2, "one for each night"


@pytest.mark.slow
def test_trouble_of_an_earlier_night_is_told_and_no_more(desk: Desk, gateway: Sim) -> None:
    """Exit 0 for tonight, whatever became of others: moderated, damaged, locked, made elsewhere."""
    manifest = desk.manifest(
        [a_clip("good", "A troubled night."), a_clip("bad", "A troubled night, bad. [moderate]")],
        batch="nightly-${date}",
    ).rename(desk.folder / "nightly.yaml")
    with gate_to(gateway) as gate:
        left_in_flight(desk, gate, manifest, MONDAY)
        manifest.write_text(re.sub(r"- id: bad\n(?:  .*\n)*", "", manifest.read_text()))
        copied = desk.batch("nightly-2026-11-20")
        shutil.copytree(desk.batch(f"nightly-{MONDAY}"), copied)
        damaged = desk.batch("nightly-2026-11-21")
        damaged.mkdir()
        (damaged / "ledger.sqlite").write_bytes(b"no database" * 100)
        with batch_lock(copied):
            tonight = desk.at(gate.sim).run("run", manifest.name, "--date", WEDNESDAY, "--json").exits(0)
    elsewhere = desk.at(gateway).run("run", manifest.name, "--date", "2026-12-01", "--json").exits(0)

    (earlier,) = tonight.json["earlier"]
    assert tonight.json["counts"] == {"done": 1}
    assert earlier["batch"] == f"nightly-{MONDAY}"
    assert set(earlier["counts"]) <= {"done", "moderated"}
    assert [line for line in tonight.lines if "nightly-2026-11-21: not looked at: " in line]
    assert [line for line in tonight.lines if "nightly-2026-11-20" in line and "left to that run" in line]
    (unreachable,) = [one for one in elsewhere.json["earlier"] if one["batch"] == copied.name]
    assert unreachable["exit_code"] == 2
    assert " was made at " in unreachable["error"]


@pytest.mark.slow
def test_unknown_takes_of_earlier_nights_are_only_told_of(desk: Desk, gateway: Sim) -> None:
    """Nobody asks about them, and nothing is sent in their place."""
    manifest = desk.manifest([a_clip("fox", "A lost answer by night.")], batch="nightly-${date}")
    manifest = manifest.rename(desk.folder / "nightly.yaml")
    desk = desk.at(gateway)
    desk.run("run", manifest.name, "--date", MONDAY).exits(1)
    manifest.write_text(manifest.read_text().replace("A lost answer", "A clear answer"))

    tonight = desk.run("run", manifest.name, "--date", TUESDAY, "--json").exits(0)

    said = f"batch nightly-{MONDAY}: 1 unknown, which nobody asks about: nightreel status output/nightly-"
    assert [line for line in tonight.lines if said in line]
    assert tonight.json["earlier"] == []
    assert states(desk, MONDAY) == {"fox": "unknown"}


@pytest.mark.slow
def test_nights_of_another_manifest_are_not_touched(desk: Desk, gateway: Sim) -> None:
    """The ledger knows whose they are. Once that manifest is gone, as after a new name, nobody else's."""
    manifest = a_manifest(desk, "foreign")
    other = desk.write("other.yaml", manifest.read_text().replace("foreign", "native"))
    with gate_to(gateway) as gate:
        left_in_flight(desk, gate, manifest, MONDAY)
        here = desk.at(gate.sim)
        tonight = here.run("run", other.name, "--date", TUESDAY, "--json").exits(0)
        left, runs = states(desk, MONDAY), "SELECT id FROM runs"
        count = len(read_ledger(desk.batch(f"nightly-{MONDAY}"), runs))
        manifest.unlink()
        gone = here.run("run", other.name, "--date", TUESDAY, "--json").exits(0)

    assert tonight.json["earlier"] == []
    assert left == {"foreign-0": "accepted"}
    assert count == 1
    assert [(one["batch"], one["counts"]) for one in gone.json["earlier"]] == [
        (f"nightly-{MONDAY}", {"done": 1})
    ]


@pytest.mark.slow
def test_a_day_where_there_is_none(desk: Desk, gateway: Sim) -> None:
    """An error with advice; a day that is none; a name in the batch that is not known, with its place."""
    plain = desk.manifest(clip_jobs(1, "undated"), batch="plain")
    text = plain.read_text()
    odd = desk.write("odd.yaml", text.replace("plain", "'n-${day}'"))
    desk = desk.at(gateway)

    for command in ("run", "plan"):
        refused = desk.run(command, plain.name, "--date", MONDAY).exits(2)
        [line] = refused.lines
        assert line.startswith(
            "error: --date names the day of a batch, and plain.yaml has no ${date} in its batch: write for"
        )
        for day in ("yesterday", "2026-02-30", "20261123"):
            wrong = desk.run(command, plain.name, "--date", day).exits(2)
            assert wrong.lines == [f"error: --date is a day such as 2026-11-23, not '{day}'"]
    place = desk.run("validate", odd.name).exits(2)
    assert place.lines[0].startswith('error: odd.yaml:2:8: batch: "${day}" is not defined here; known is')
