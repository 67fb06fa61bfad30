"""`nightreel export`: a batch as a table that leads back to the manifest, by the real command."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.command import QUICK, Desk, Ended, Sim, a_clip

from pipeline.exporting import COLUMNS

HOSTILE = '=HYPERLINK("http://x","a")'
SHEET = f"""\
sku,title,note
M-1,A red mug,"=1+1"
M-2,"A [[failed]] mug, blue",-5

M-4,"{HOSTILE.replace('"', '""')}",狐
"""


def csv_rows(ended: Ended) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(ended.exits(0).out, newline=""), strict=True))


def json_rows(ended: Ended) -> dict[str, Any]:
    return {row["job"]: row for row in map(json.loads, ended.exits(0).out.splitlines())}


def without_times(rows: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {name: value for name, value in row.items() if not name.endswith("_at")}
        for key, row in rows.items()
    }


def sheet(desk: Desk) -> Path:
    desk.write("mugs.csv", SHEET)
    rows = {"from": "mugs.csv", "id": "mugs/${sku}", "prompt": "${title}"}
    grid = {"id": "hall-${style}", "prompt": "A hall, ${style}.", "matrix": {"style": ["noir", "oil"]}}
    return desk.manifest([rows, a_clip("fox", tags=["hero", "wild"]), grid])


@pytest.mark.slow
def test_each_job_with_its_row_and_its_clip(desk: Desk, gateway: Sim) -> None:
    """State, cost, clip, place and chosen inputs of each job; both forms say the same."""
    desk = desk.at(gateway)
    desk.run("run", sheet(desk)).exits(1)

    inputs = ("--input", "sku", "--input", "note", "--input", "style")
    table = csv_rows(desk.run("export", "clips", *inputs))
    records = json_rows(desk.run("export", "output/clips", "--format", "jsonl", *inputs))

    names = [*COLUMNS, "input_sku", "input_note", "input_style"]
    assert [list(row) for row in table] == [names] * 6
    assert [list(row) for row in records.values()] == [names] * 6
    assert [
        (row["job"], row["state"], row["file"], row["line"], row["row"], row["input_sku"], row["input_style"])
        for row in table
    ] == [
        ("mugs/M-1", "done", "mugs.csv", "2", "1", "M-1", ""),
        ("mugs/M-2", "failed", "mugs.csv", "3", "2", "M-2", ""),
        ("mugs/M-4", "done", "mugs.csv", "5", "3", "M-4", ""),
        ("fox", "done", "clips.yaml", "12", "", "", ""),
        ("hall-noir", "done", "clips.yaml", "17", "", "", "noir"),
        ("hall-oil", "done", "clips.yaml", "17", "", "", "oil"),
    ]
    by_job = {row["job"]: row for row in table}
    fox, failed = records["fox"], records["mugs/M-2"]
    assert {row["manifest"] for row in table} == {"clips.yaml"}
    assert (by_job["fox"]["tags"], fox["tags"]) == ("hero, wild", ["hero", "wild"])
    assert (desk.folder / fox["clip"]).stat().st_size == fox["size_bytes"]
    assert by_job["fox"]["cost_usd"] == format(fox["cost_usd"], "g") != ""
    assert fox["intent_at"] <= fox["accepted_at"] <= fox["ready_at"] <= fox["ended_at"]
    assert failed["clip"] is None
    assert "run --retry failed" in failed["next_step"]
    assert failed["reason"] == by_job["mugs/M-2"]["reason"] != ""


@pytest.mark.slow
def test_no_text_becomes_a_formula(desk: Desk, gateway: Sim) -> None:
    """In CSV an apostrophe keeps it from running; a number stays one. JSON holds it as it is."""
    desk = desk.at(gateway)
    desk.run("run", sheet(desk), "--only", "mugs/*").exits(1)

    table = {row["job"]: row for row in csv_rows(desk.run("export", "clips", "--input", "note"))}
    records = json_rows(desk.run("export", "clips", "--input", "note", "--format", "jsonl"))

    assert table["mugs/M-4"]["prompt"] == f"'{HOSTILE}"
    assert [table[f"mugs/M-{n}"]["input_note"] for n in (1, 2, 4)] == ["'=1+1", "-5", "狐"]
    assert records["mugs/M-4"]["prompt"] == HOSTILE
    assert [records[f"mugs/M-{n}"]["input_note"] for n in (1, 2, 4)] == ["=1+1", "-5", "狐"]
    assert desk.run("export", "clips", "--excel").exits(0).out.startswith("\ufeffbatch,job,")


@pytest.mark.slow
def test_a_manifest_that_changed_or_is_gone(desk: Desk, gateway: Sim) -> None:
    """The ledger's facts stay; places are those of the file as it is now, or empty with a note."""
    desk = desk.at(gateway)
    manifest = desk.manifest([a_clip("old"), a_clip("fox"), a_clip("owl")])
    desk.run("run", manifest).exits(0)
    desk.manifest([a_clip("owl"), a_clip("fox", "A red fox.")])
    desk.run("run", manifest).exits(0)

    now = json_rows(desk.run("export", "clips", "--format", "jsonl"))
    older = csv_rows(desk.run("export", "clips", "--older"))
    manifest.rename(desk.folder / "moved.yaml")
    gone = desk.run("export", "clips", "--format", "jsonl")
    found = desk.run("export", "clips", "--format", "jsonl", "--manifest", "moved.yaml")

    assert list(now) == ["owl", "fox"]
    assert [(row["job"], row["prompt"], row["wanted"]) for row in older] == [
        ("owl", "A clip named owl.", "true"),
        ("fox", "A clip named fox.", "false"),
        ("fox", "A red fox.", "true"),
        ("old", "A clip named old.", "false"),
    ]
    assert [row["line"] != "" for row in older] == [True, True, True, False]
    assert "superseded/fox." in older[1]["clip"]
    assert gone.lines == [
        "note: clips.yaml is not there: name it with --manifest; file, line and row stay empty"
    ]
    places = ("manifest", "file", "line", "row")
    assert {row[name] for row in json_rows(gone).values() for name in places[1:]} == {None}
    assert {key: {**row, "manifest": ""} for key, row in json_rows(found).items()} == {
        key: {**row, "manifest": "", "file": "moved.yaml"} for key, row in now.items()
    }


@pytest.mark.slow
def test_what_cannot_be_exported_is_said_in_a_line(desk: Desk, gateway: Sim) -> None:
    """Nothing comes out, and the line says what to do."""
    desk = desk.at(gateway)
    manifest = sheet(desk)
    desk.run("run", manifest).exits(1)

    near = desk.run("export", "clips", "--input", "titel").exits(2)
    far = desk.run("export", "clips", "--input", "colour").exits(2)
    both = desk.run("export", "clips", "--excel", "--format", "jsonl").exits(2)
    batch = desk.run("export", "klips").exits(2)
    manifest.write_text(manifest.read_text().replace("prompt: A hall, ${style}.", "promt: A hall."))
    broken = desk.run("export", "clips")
    manifest.unlink()
    gone = desk.run("export", "clips", "--input", "sku").exits(2)

    why = "no data file and no matrix of the manifest has that name"
    assert near.lines == [f'error: --input titel: {why}; did you mean "title"?']
    assert far.lines == [f"error: --input colour: {why}; known are sku, title, note, style"]
    assert both.lines == ["error: --excel is for CSV: leave it out with --format jsonl"]
    assert "there are: clips" in batch.err
    assert gone.lines == ["error: --input sku: clips.yaml is not there: name it with --manifest"]
    assert {ended.out for ended in (near, far, both, batch, gone)} == {""}
    assert broken.lines == [
        "note: clips.yaml has problems now (nightreel validate clips.yaml); what cannot be read has no line"
    ]
    assert [row["line"] for row in csv_rows(broken)][3:] == ["12", "", ""]


@pytest.mark.slow
def test_a_batch_that_is_being_made(desk: Desk, gateway: Sim) -> None:
    """Read beside the run that writes it, and as it stands."""
    desk = desk.at(gateway)
    manifest = desk.manifest([a_clip("fox")], **QUICK)
    desk.run("run", manifest).exits(0)

    with closing(sqlite3.connect(desk.batch() / "ledger.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE takes SET state = 'ready'")
        beside = json_rows(desk.run("export", "clips", "--format", "jsonl"))
        other.execute("ROLLBACK")
    after = json_rows(desk.run("export", "clips", "--format", "jsonl"))

    assert without_times(beside) == without_times(after)
    assert beside["fox"]["state"] == "done"
