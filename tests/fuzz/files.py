"""What holds for the other files that people or a crash may leave: env files, scenarios, worlds, clips."""

from __future__ import annotations

import os
import re
import tempfile
from functools import cache
from pathlib import Path

from pipeline.cli.env import environment
from pipeline.errors import NotAClipError, UsageError
from pipeline.media import probe
from pipeline.sim.folder import WorldFolder, WorldFolderError
from pipeline.sim.scenario import ScenarioError, read_scenario

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ENV_ERROR = re.compile(
    r"F:[1-9][0-9]*: (expected NAME=value, # and a comment, or an empty line"
    r"|a NUL byte: this is not a text file in UTF-8|not text in UTF-8)"
)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """One for all inputs: to make and remove one takes longer than what is tried in it."""
    return tempfile.TemporaryDirectory()


def file_of(data: bytes) -> Path:
    path = Path(_folder().name) / "file"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def env_file_holds(data: bytes) -> None:
    """Settings on top of the environment, or one error with its line that shows nothing of the file."""
    path = file_of(data)
    try:
        values = environment(path)
    except UsageError as exc:
        said = str(exc).replace(str(path), "F")
        assert ENV_ERROR.fullmatch(said), said
        assert int(said.split(":")[1]) <= len(data.splitlines()) + 1
        return
    assert values.keys() >= os.environ.keys()
    for name in values.keys() - os.environ.keys():
        assert NAME.fullmatch(name)
    for value in values.values():
        assert isinstance(value, str)
        assert "\0" not in value


def scenario_holds(data: bytes) -> None:
    """A scenario, or an error that begins with the file's name."""
    try:
        read_scenario(data.decode("utf-8", "replace"), "mine.yaml")
    except ScenarioError as exc:
        assert str(exc).startswith("mine.yaml: ")


def world_holds(data: bytes) -> None:
    """What a crash or a bad disk left of a world: its jobs, or an error that names the file."""
    _world_holds("journal.jsonl", data)
    _world_holds("world.json", data)


def _world_holds(name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        try:
            world = WorldFolder(Path(folder))
        except WorldFolderError as exc:
            assert name in str(exc)
            return
        world.close()
        assert isinstance(world.identity.key, str)
        assert all(isinstance(job.id, str) and job.ends_at >= 0 for job in world.jobs)


def clip_holds(data: bytes) -> None:
    """What is known of a clip makes sense, or it is none."""
    try:
        found = probe(file_of(data))
    except NotAClipError as exc:
        assert str(exc)
        return
    assert found.width > 0
    assert found.height > 0
    assert found.codec
    assert found.duration_s is None or found.duration_s >= 0
    assert found.fps is None or found.fps >= 0
