"""Warm starts: what most end-to-end tests run is what somebody runs who has installed the command."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support.command import Desk, Running, clip_jobs
from support.warm import LATE, Forked, fits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every start is a real one")
READ = """
import os

class Noted(type(os.environ)):
    def __getitem__(self, name):
        names.add(name)
        return super().__getitem__(name)

names = set()
os.environ.__class__ = Noted
from support.warm import load
load()
print(*names)
"""
WITHOUT_EFFECT = {"HOME"}  # by it Python knows where a user's own modules would lie; in a venv there are none


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--version",),
        ("walk",),
        ("run", "--help"),
        ("run", "gone.yaml"),
        ("validate", "bad.yaml", "--json"),
    ],
    ids=" ".join,
)
def test_it_says_and_ends_the_same(words: Sequence[str], desk: Desk) -> None:
    desk.write("bad.yaml", "version: 1\njobs: [{}]\n")

    warm, real = desk.run(*words), replace(desk, real=True).run(*words)

    assert (warm.code, warm.out, warm.err) == (real.code, real.out, real.err)


@pytest.mark.slow
def test_it_is_a_process_like_a_new_one(desk: Desk) -> None:
    """Files, threads, signals: nothing of the server is left, and nothing of another command."""
    words = ["sim", "--port", "0", "--clips", "small"]

    with desk.start(*words), desk.start(*words) as warm, replace(desk, real=True).start(*words) as real:
        assert isinstance(warm.process, Forked)
        assert seen_from_outside(warm) == seen_from_outside(real)


def seen_from_outside(running: Running) -> tuple[Path, list[str], list[str]]:
    running.line("^simulator at ")
    process = Path(f"/proc/{running.process.pid}")
    status = re.findall(r"^(?:Threads|Sig(?:Blk|Ign|Cgt)|Umask):\s.*", (process / "status").read_text(), re.M)
    files = [re.sub(r"\d+", "", file.readlink().name) for file in sorted((process / "fd").iterdir())]
    return (process / "cwd").readlink(), status, files


@pytest.mark.slow
def test_nothing_it_could_not_take_over_is_read_as_modules_load(desk: Desk) -> None:
    """A variable that is read before a child is forked is for the real executable."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n{READ}"
    with Running([sys.executable, "-c", code], folder=desk.folder, env=desk.clean_env) as running:
        names = set(running.end().exits(0).out.split())

    assert "NO_COLOR" in names
    assert {name for name in names if LATE.fullmatch(name)} <= WITHOUT_EFFECT


@pytest.mark.slow
def test_its_environment_is_its_own(desk: Desk) -> None:
    """Neither the server's nor that of the command before."""
    manifest = desk.manifest(clip_jobs(1))
    keyed = desk.with_env(COMETAPI_KEY="first\n")

    assert "COMETAPI_KEY holds a line break" in keyed.run("run", manifest).exits(3).err
    assert "COMETAPI_KEY is not set" in desk.run("run", manifest).exits(3).err
    assert fits(keyed.clean_env)
    assert not fits(desk.with_env(SSL_CERT_FILE="mine.pem").clean_env)
    assert not fits(desk.with_env(LANG="C").clean_env)
