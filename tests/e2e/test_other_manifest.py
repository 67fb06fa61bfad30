"""A batch belongs to its manifest: a copy with the same `batch:` line does not take its clips over."""

from __future__ import annotations

import os

import pytest
from support.command import Desk, Sim, clip_jobs, clips_of, read_ledger, snapshot


@pytest.mark.slow
def test_a_copied_batch_line_is_refused(desk: Desk, gateway: Sim) -> None:
    """Exit 2 for `run` and `plan`, with both files named; nothing is sent, nothing moves."""
    first = desk.manifest(clip_jobs(1, "original"), batch="owned")
    copy = desk.write("copy.yaml", first.read_text().replace("original", "copied"))
    desk = desk.at(gateway)
    desk.run("run", first.name).exits(0)
    before = snapshot(desk.batch("owned"), "clips/*")

    refused = desk.run("run", copy.name).exits(2)
    planned = desk.run("plan", copy.name).exits(2)

    [line] = refused.lines
    assert line == (
        "error: batch 'owned' in output/owned is made from owned.yaml, and copy.yaml would take over its"
        " clips: write another `batch:` into copy.yaml, or remove owned.yaml if this one stands in its place"
    )
    assert planned.lines == refused.lines
    assert snapshot(desk.batch("owned"), "clips/*") == before
    assert gateway.billed("named copied") == {}


@pytest.mark.slow
def test_a_renamed_manifest_and_a_moved_project_go_on(desk: Desk, gateway: Sim) -> None:
    """With a note for the one, without a word for the other; nothing is sent again."""
    manifest = desk.manifest(clip_jobs(1, "renamed"), batch="home")
    desk = desk.at(gateway)
    desk.run("run", manifest.name).exits(0)
    os.rename(manifest, desk.folder / "new.yaml")

    planned = desk.run("plan", "new.yaml").exits(0)
    renamed = desk.run("run", "new.yaml").exits(0)
    (desk.folder / "moved").mkdir()
    for name in ("new.yaml", "output"):
        os.rename(desk.folder / name, desk.folder / "moved" / name)
    moved = desk.run("run", "moved/new.yaml", "--output", "moved/output", "--json").exits(0)

    note = "note: this batch was made from home.yaml, which is gone; new.yaml goes on with it"
    assert note in renamed.lines
    assert f"  {note}" in planned.out.splitlines()
    assert "goes on with it" not in moved.err
    assert moved.json["requests"] == 0
    assert clips_of(desk.folder / "moved" / "output" / "home") == {"renamed-0"}
    runs = read_ledger(desk.folder / "moved" / "output" / "home", "SELECT manifest FROM runs")
    assert runs == [("../../home.yaml",), ("../../new.yaml",), ("../../new.yaml",)]


@pytest.mark.slow
def test_a_rehearsal_is_of_its_manifest_too(desk: Desk) -> None:
    """And says nothing about the batch itself, which was never run."""
    first = desk.manifest(clip_jobs(1), batch="practised")
    copy = desk.write("copy.yaml", first.read_text())
    desk.run("run", first.name, "--rehearse").exits(0)

    desk.run("run", copy.name, "--rehearse").exits(2)
    desk.run("plan", copy.name).exits(0)
