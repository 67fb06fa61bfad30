"""Readers that leave, full places for output, and things that lie where files should be."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.command import NIGHTREEL, Desk, clip_jobs, sim

KEPT = "version: 1\nbatch: kept\nprovider: sim\njobs:\n  - {id: fox, prompt: A fox., duration: 1}\n"


@pytest.mark.slow
def test_a_reader_of_the_messages_that_leaves_costs_nothing(desk: Desk) -> None:
    """`2>&1 | head`, a closed terminal, a dead tee: the run goes on, and every clip is paid once."""
    manifest = desk.manifest(clip_jobs(4, "heard"), submit_per_s=5)
    with sim(desk) as gateway:
        at = desk.at(gateway)
        with subprocess.Popen(
            [NIGHTREEL, "run", manifest, "--json"],
            cwd=desk.folder,
            env=at.clean_env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as run:
            assert run.stderr is not None
            assert run.stdout is not None
            run.stderr.readline()
            run.stderr.close()
            run.stdout.read()
            code = run.wait(30)
        counts = at.run("status", "clips", "--json").json["counts"]

        assert (code, counts) == (0, {"done": 4})
        assert len(gateway.billed("heard")) == 4


@pytest.mark.slow
def test_messages_to_a_full_disk_cost_nothing(desk: Desk) -> None:
    """stderr in a file that has no room: the run goes on."""
    manifest = desk.manifest(clip_jobs(2, "heard"), submit_per_s=5)
    with sim(desk) as gateway, Path("/dev/full").open("w") as full:
        at = desk.at(gateway)
        command = [NIGHTREEL, "run", manifest, "--json"]
        ended = subprocess.run(
            command, cwd=desk.folder, env=at.clean_env, stdout=subprocess.PIPE, stderr=full, check=False
        )

        assert ended.returncode == 0
        assert at.run("status", "clips", "--json").json["counts"] == {"done": 2}


@pytest.mark.parametrize("name", ["clips", ".lock", "log.jsonl"])
def test_something_else_lies_in_the_batch_folder(desk: Desk, name: str) -> None:
    """One line that names it, exit 2."""
    place = desk.batch("kept") / name
    place.parent.mkdir(parents=True)
    if name == "clips":
        place.touch()
    else:
        place.mkdir()

    ended = desk.run("run", desk.write("kept.yaml", KEPT))

    assert (ended.code, len(ended.lines)) == (2, 1), ended.err
    assert name in ended.err


def test_a_manifest_that_is_a_pipe_is_refused(desk: Desk) -> None:
    """Opening one would wait for ever."""
    os.mkfifo(desk.folder / "pipe")

    ended = desk.run("run", "pipe", deadline_s=20)

    assert ended.code == 2
    assert "is a pipe" in ended.err


@pytest.mark.parametrize("content", [b"", b"\0\1\2", KEPT.encode("utf-16"), KEPT.encode() + b"\xfc"])
def test_an_unreadable_manifest_is_one_problem(desk: Desk, content: bytes) -> None:
    """What could not be read is not called missing too."""
    ended = desk.run("validate", desk.write("bad.yaml", content))

    assert ended.lines[1:] == ["1 problem"], ended.err


def test_a_world_that_is_a_file_is_named(desk: Desk) -> None:
    """The message is about the world, not about the address."""
    ended = desk.run("sim", "--port", "0", "--world", desk.write("file", ""))

    assert ended.code == 2
    assert "cannot hold a world" in ended.err


@pytest.mark.slow
def test_results_to_a_full_disk_are_an_error_in_one_line(desk: Desk) -> None:
    """No traceback, and no exit code of Python's own."""
    desk.run("run", desk.write("kept.yaml", KEPT)).exits(0)

    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [NIGHTREEL, "status", "kept"],
            cwd=desk.folder,
            env=desk.clean_env,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
