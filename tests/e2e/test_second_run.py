"""One run per batch, and a full disk: what stops a run before it has begun, or half-way, loses nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from e2e.gate import POLL, SUBMIT, gate_to
from support.command import Desk, Sim, clip_jobs, clips_of, leftovers, snapshot


@pytest.mark.slow
def test_a_second_run_of_a_batch_is_refused(desk: Desk, gateway: Sim) -> None:
    """Exit 5 in one line while another works on it; `status` reads beside it; nothing is sent twice."""
    manifest = desk.manifest(clip_jobs(2, "occupied"))

    with gate_to(gateway) as gate:
        desk = desk.at(gate.sim)
        hold = gate.hold(POLL)
        with desk.start("run", manifest, "--json") as run:
            hold.wait()
            second = desk.run("run", manifest).exits(5)
            status = desk.run("status", "clips", "--json").exits(0)
            gate.open()
            first = run.end().exits(0)

    assert second.out == ""
    [line] = second.lines
    assert line.startswith("error: another run holds batch 'clips'")
    assert sum(status.json["counts"].values()) == 2
    assert first.json["counts"] == {"done": 2}
    assert len(gateway.billed("occupied")) == 2


@contextmanager
def a_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, so small that it can be filled. Skips where that may not be made."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], capture_output=True, text=True
    )
    if made.returncode != 0:
        pytest.skip(f"mounting is not permitted: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def grow(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


@pytest.mark.slow
def test_a_disk_too_full_for_clips(desk: Desk, gateway: Sim) -> None:
    """Exit 4 and a clear line; what was paid for stays ready, and comes once there is room."""
    manifest = desk.manifest(clip_jobs(2, "narrow"))
    desk = desk.at(gateway)

    with a_disk(desk.folder / "output", "32m") as disk:
        stopped = desk.run("run", manifest, "--json").exits(4)
        paid = gateway.billed("narrow")
        grow(disk, "256m")
        again = desk.run("run", manifest, "--json").exits(0)
        clips, rest = clips_of(desk.batch()), leftovers(disk)

    said = [line for line in stopped.lines if line.startswith("no more submits: no room for the clip of job")]
    assert len(said) == 1
    assert "free some space and run again" in said[0]
    assert "done" not in stopped.json["counts"]
    assert again.json["counts"] == {"done": 2}
    assert clips == {"narrow-0", "narrow-1"}
    assert rest == []
    assert len(gateway.billed("narrow")) == 2
    assert set(paid) <= set(gateway.billed("narrow"))


@pytest.mark.slow
def test_a_disk_without_room_for_the_ledger(desk: Desk, gateway: Sim) -> None:
    """Nothing can be put on record, so nothing is sent: exit 4 in one line."""
    manifest = desk.manifest(clip_jobs(1, "brimful"))
    desk = desk.at(gateway)

    with a_disk(desk.folder / "output", "1m") as disk:
        (disk / "filler").write_bytes(bytes(960 << 10))
        stopped = desk.run("run", manifest).exits(4)

    [line] = stopped.lines
    assert line.startswith("error: no room left to write output/clips/ledger.sqlite")
    assert gateway.billed("brimful") == {}


@pytest.mark.slow
def test_an_id_that_comes_while_the_disk_is_full_is_not_lost(desk: Desk, gateway: Sim) -> None:
    """The run holds on to it, says what it is, and writes it down once there is room: paid once."""
    manifest = desk.manifest(clip_jobs(2, "held"), submit_per_s=1)

    with a_disk(desk.folder / "output", "80m") as disk, gate_to(gateway) as gate:
        desk = desk.at(gate.sim)
        hold = gate.hold(SUBMIT)
        with desk.start("run", manifest, "--json") as run:
            hold.wait()
            fill(disk)
            gate.open()
            told = run.line(r"^held-0: no room left .* Accepted as (\S+), which is not on record yet")
            (disk / "filler").unlink()
            stopped = run.end().exits(4)
        again = desk.run("run", manifest, "--json").exits(0)

    takes = {take["job"]: take for take in again.json["takes"]}
    assert stopped.json["counts"]["planned"] == 1, "nothing more was sent"
    assert takes["held-0"]["remote_id"] == told[1]
    assert again.json["counts"] == {"done": 2}
    assert len(gateway.billed("held")) == 2


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))


@pytest.mark.slow
def test_a_disk_that_became_read_only(desk: Desk, gateway: Sim) -> None:
    """A file system that turns read-only after a batch was begun is refused in one line; clips stay."""
    manifest = desk.manifest(clip_jobs(1, "sealed"))
    desk = desk.at(gateway)

    with a_disk(desk.folder / "output", "256m") as disk:
        desk.run("run", manifest).exits(0)
        before = snapshot(disk)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        refused = desk.run("run", manifest).exits(2)
        after = snapshot(disk)

    [line] = refused.lines
    assert line == "error: output folder output/clips cannot be written: Read-only file system"
    assert after == before
    assert len(gateway.billed("sealed")) == 1
