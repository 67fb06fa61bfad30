"""No process of ours starts another: it would inherit the key with the environment, and keep the lock."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pipeline

CODE = sorted(Path(pipeline.__file__).parent.rglob("*.py"))
MODULES = {"subprocess", "multiprocessing", "pty", "popen2", "concurrent.futures.process", "anyio.to_process"}
CALLS = {"system", "popen", "startfile", "fork", "forkpty", "posix_spawn", "posix_spawnp"}
PREFIXES = ("exec", "spawn")  # os.execv, os.spawnl and the like
STARTERS = {"create_subprocess_exec", "create_subprocess_shell", "run_process", "open_process", "to_process"}
STARTERS |= {"ProcessPoolExecutor", "subprocess_exec", "subprocess_shell"}


def starts(code: str) -> list[str]:
    """What in a piece of code could start a process."""
    found: list[str] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in MODULES]
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found += [node.module] if node.module in MODULES else []
            found += sorted(name for name in names if name in MODULES or _is_call(*name.rpartition(".")[::2]))
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            found += [f"{owner}.{node.attr}"] if _is_call(owner, node.attr) else []
    return found


def _is_call(owner: str, name: str) -> bool:
    of_os = owner in ("os", "posix") and (name in CALLS or name.startswith(PREFIXES))
    return of_os or name in STARTERS


def test_no_module_starts_a_process() -> None:
    """Neither do PyAV and Pillow: they decode in this process, in threads."""
    assert len(CODE) > 100
    assert {str(path): found for path in CODE if (found := starts(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess",
        "from subprocess import run",
        "import os\nos.execvp('ls', ['ls'])",
        "from os import posix_spawn",
        "import os\nos.system('ls')",
        "import asyncio\nasyncio.create_subprocess_exec('ls')",
        "import anyio\nanyio.run_process('ls')",
        "from concurrent.futures import ProcessPoolExecutor",
        "def late():\n    import multiprocessing",
    ],
)
def test_one_that_did_would_be_found(code: str) -> None:
    assert starts(code) != []
