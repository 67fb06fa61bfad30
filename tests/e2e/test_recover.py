"""The record of what is paid is deleted by mistake: refused, recovered, and nothing is paid twice."""

from __future__ import annotations

import signal

import pytest
from support.command import Desk, Sim, clip_jobs, until


@pytest.mark.slow
def test_a_deleted_ledger_costs_nothing(desk: Desk, gateway: Sim) -> None:
    """Killed in the middle, its ledger deleted: run refuses, recover makes it anew, run goes on."""
    manifest = desk.manifest(clip_jobs(6, "recovered"), batch="recovered", submit_per_s=8)
    desk = desk.at(gateway)
    with desk.start("run", manifest) as run:
        log = desk.batch("recovered") / "log.jsonl"
        until(lambda: log.exists() and log.read_text().count('"take.accepted"') >= 3, "three are on record")
        run.signal(signal.SIGKILL)
        run.end()
    for path in desk.batch("recovered").glob("ledger*"):
        path.unlink()

    refused = desk.run("run", manifest).exits(2)
    no_status = desk.run("status", "recovered").exits(2)
    desk.run("recover", "recovered").exits(0)
    ended = desk.run_until_settled(manifest)
    again = desk.run("recover", "recovered").exits(2)

    assert "nightreel recover" in refused.err
    assert "nightreel recover" in no_status.err
    assert "nothing to recover" in again.err
    assert ended.json["counts"].get("done", 0) >= 3
    assert set(ended.json["counts"]) <= {"done", "unknown"}
    gateway.billed("recovered")
